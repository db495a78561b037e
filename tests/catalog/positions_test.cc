#include "catalog/positions.h"

#include <gtest/gtest.h>

#include <thread>

#include "catalog/catalog.h"
#include "catalog/sources.h"
#include "catalog/synchronization.h"
#include "tests/fakes/eventually.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {
namespace {

using catalog::Connection;
using catalog::Error;
using catalog::Position;

class Positions : public testing::Test {
 protected:
  Positions() { catalog::Catalog({database_.conninfo(), database_.conninfo()}).open("test"); }

  Position take(Connection& connection, const std::string& topic = "t", int32_t part = 0) {
    return catalog::take_over(connection, "src", {{topic, part}}, "cluster").at({topic, part});
  }
  // The SQLSTATE with which writing the position fails; empty if it does not.
  static std::string advance(Connection& connection, const Position& position) {
    catalog::Transaction transaction(connection);
    try {
      catalog::advance(connection, "src", {position});
    } catch (const Error& error) {
      return error.sqlstate;
    }
    transaction.commit();
    return "";
  }

  TestDatabase database_;
  Connection connection_ = database_.connect();
};

TEST_F(Positions, NewPartitionBeginsBeforeEverything) {
  const Position position = take(connection_);
  EXPECT_EQ(position.next_offset, -1);
  EXPECT_EQ(position.epoch, 1);
  EXPECT_EQ(position.cluster_id, "cluster");
  EXPECT_FALSE(position.last);
  EXPECT_TRUE(position.watermarks.empty());
}

TEST_F(Positions, ComeBackAsTheyWereWritten) {
  Position position = take(connection_);
  position.next_offset = 42;
  position.last = {41, -1, INT64_MIN};
  position.streaming_seen = true;
  position.watermarks["srv"] = {UINT64_MAX, 1, 1'700'000'000'000'000, 3, 2};
  position.watermarks["it's"] = {0, UINT64_MAX - 1, -5};
  EXPECT_EQ(advance(connection_, position), "");
  const Position read = take(connection_);
  EXPECT_EQ(read.next_offset, 42);
  EXPECT_EQ(read.last->offset, 41);
  EXPECT_EQ(read.last->timestamp_ms, -1);
  EXPECT_EQ(read.last->hash, INT64_MIN);
  EXPECT_TRUE(read.streaming_seen);
  EXPECT_EQ(read.watermarks.at("srv").commit_lsn, UINT64_MAX);
  EXPECT_EQ(read.watermarks.at("it's").lsn, UINT64_MAX - 1);
  EXPECT_EQ(read.watermarks.at("it's").ts_us, -5);
  EXPECT_EQ(read.watermarks.at("srv").seen, 3);
  EXPECT_EQ(read.watermarks.at("srv").owed, 2);
  EXPECT_EQ(read.epoch, 2);
}

TEST_F(Positions, TellWhatTheirTopicStandsForUntilItIsResynchronized) {
  take(connection_);
  catalog::record_needs_resync(connection_, "src", "t", {"dropped (42P01)", ""});
  EXPECT_FALSE(take(connection_).discontinuity);
  catalog::record_needs_resync(connection_, "src", "t", {"replaced (55000)", "replaced"});
  EXPECT_EQ(take(connection_).discontinuity, "replaced");
  EXPECT_FALSE(take(connection_, "other").discontinuity);
  catalog::DataSource source;
  source.name = "src";
  source.options = {{"brokers", "b"}, {"topics", "t"}, {"consumer_group", "g"}};
  catalog::Transaction transaction(connection_);
  catalog::insert_source(connection_, source);
  catalog::begin_resync(connection_, "src");
  transaction.commit();
  EXPECT_FALSE(take(connection_).discontinuity);
  EXPECT_EQ(take(connection_).next_offset, -1);
}

TEST_F(Positions, PartitionsAndSourcesAreApart) {
  Position first = take(connection_, "t", 0);
  first.next_offset = 7;
  first.watermarks["srv"] = {1, 1, 1};
  EXPECT_EQ(advance(connection_, first), "");
  EXPECT_EQ(take(connection_, "t", 1).next_offset, -1);
  EXPECT_TRUE(take(connection_, "t", 1).watermarks.empty());
  const auto other = catalog::take_over(connection_, "other", {{"t", 0}}, "");
  EXPECT_EQ(other.at({"t", 0}).next_offset, -1);
}

TEST_F(Positions, SeveralAreWrittenTogetherOrNotAtAll) {
  Position first = take(connection_, "t", 0);
  Position second = take(connection_, "t", 1);
  first.next_offset = 3;
  first.watermarks["srv"] = {1, 2, 3};
  second.next_offset = 4;
  second.watermarks["srv"] = {5, 6, 7};
  {
    catalog::Transaction transaction(connection_);
    catalog::advance(connection_, "src", {first, second});
    transaction.commit();
  }
  first = take(connection_, "t", 0);
  EXPECT_EQ(first.next_offset, 3);
  EXPECT_EQ(first.watermarks.at("srv").lsn, 2);
  const Position now = take(connection_, "t", 1);
  EXPECT_EQ(now.next_offset, 4);
  EXPECT_EQ(now.watermarks.at("srv").lsn, 6);
  first.next_offset = 9;
  catalog::Transaction transaction(connection_);
  try {
    catalog::advance(connection_, "src", {first, second});
    ADD_FAILURE() << "partition 1 is another's";
  } catch (const Error& error) {
    EXPECT_EQ(error.sqlstate, "40001");
    EXPECT_NE(error.message().find("partition 1"), std::string::npos) << error.message();
  }
}

TEST_F(Positions, EarlierHolderIsFenced) {
  Position old = take(connection_);
  const Position current = take(connection_);
  old.next_offset = 99;
  EXPECT_EQ(advance(connection_, old), "40001");
  EXPECT_EQ(take(connection_).next_offset, -1);
  Position lost = current;
  connection_.exec("DELETE FROM metadb.ingest_position");
  EXPECT_EQ(advance(connection_, lost), "40001");
}

TEST_F(Positions, TakingOverWaitsForABatchThatIsBeingCommitted) {
  Position dying = take(connection_);
  Connection zombie = database_.connect();
  auto transaction = std::make_unique<catalog::Transaction>(zombie);
  dying.next_offset = 5;
  catalog::advance(zombie, "src", {dying});
  Position taken;
  std::jthread heir([&] {
    Connection connection = database_.connect();
    taken = take(connection);
  });
  EXPECT_TRUE(eventually([&] { return somebody_waits_for_a_lock(connection_); }));
  transaction->commit();
  heir.join();
  EXPECT_EQ(taken.next_offset, 5);
  EXPECT_EQ(advance(zombie, dying), "40001");
}

TEST_F(Positions, OneTakeoverTakesAllOrNothing) {
  take(connection_, "b");
  Connection holder = database_.connect();
  const catalog::Transaction transaction(holder);
  holder.exec("SELECT 1 FROM metadb.ingest_position WHERE topic = 'b' FOR UPDATE");
  connection_.exec("SET statement_timeout = '300ms'");
  EXPECT_THROW(catalog::take_over(connection_, "src", {{"b", 0}, {"a", 0}}, ""), Error);
  connection_.exec("SET statement_timeout = 0");
  EXPECT_EQ(
      connection_.exec("SELECT count(*) FROM metadb.ingest_position WHERE topic = 'a'").int64(0, 0),
      0);
}

}  // namespace
}  // namespace metadb::tests
