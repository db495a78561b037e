#include "ingest/lane.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "catalog/stream_lock.h"
#include "tests/fakes/eventually.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using ingest::Lane;
using ingest::LaneStopped;

TEST(Lane, TellsWhyItStandsWithSqlstateDetailAndHint) {
  Lane lane("topic", std::make_shared<ingest::Decoder>());
  lane.stop(LaneStopped(
      Error("2BP01", "can't change it").with_detail("v depends.").with_hint("Drop v."), "topic"));
  EXPECT_EQ(lane.report().reason, "can't change it (2BP01); v depends.; Drop v.");
}

// Seconds until the next try, after as many as make no difference any more.
double last_pause(const std::string& sqlstate) {
  Lane lane("topic", std::make_shared<ingest::Decoder>());
  for (int i = 0; i < 12; ++i) lane.stop(LaneStopped(Error(sqlstate, "no"), "topic"));
  return static_cast<double>(lane.report().next_retry_us.value_or(0) - ingest::now_us()) / 1e6;
}

TEST(Lane, IsTriedWithinSecondsOfWhatPassesByItself) {
  for (const char* sqlstate : {"08001", "08006", "53300", "57P03"}) {
    EXPECT_LE(last_pause(sqlstate), 10) << sqlstate;
    EXPECT_GE(last_pause(sqlstate), 7) << sqlstate;
  }
  for (const char* sqlstate : {"55P03", "42501", "2BP01"})
    EXPECT_GE(last_pause(sqlstate), 40) << sqlstate;
}

// A command may take its time, and the topic is to go on soon after it.
TEST(Lane, AsksForATableThatACommandHasEverySecondHoweverLongThatTakes) {
  const TestDatabase database;
  catalog::Connection connection = database.connect();
  catalog::Connection command = database.connect();
  std::optional<catalog::StreamLock> lock;
  lock.emplace(command, std::vector<catalog::TableName>{{"public", "t"}});
  Lane lane("topic", std::make_shared<ingest::Decoder>());
  LaneStopped busy(Error("55P03", "a command works on it"), "topic");
  busy.busy_table = {"public", "t"};
  for (int i = 0; i < 10; ++i) lane.stop(busy);
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(lane.is_due());
    EXPECT_TRUE(eventually([&] { return lane.is_due(); }, std::chrono::seconds(3)));
    EXPECT_FALSE(lane.resume(connection));
  }
  lock.reset();
  EXPECT_TRUE(lane.resume(connection));
  EXPECT_FALSE(lane.is_stopped());
}

// What a user keeps locked for an hour is read soon after.
TEST(Lane, GoesOnSoonAfterALockThatKeptWritersAwayHoweverLongItLasted) {
  const TestDatabase database;
  catalog::Connection connection = database.connect();
  catalog::Connection user = database.connect();
  user.exec("CREATE TABLE public.t__ (v text) PARTITION BY LIST (v)");
  user.exec("CREATE TABLE public.t PARTITION OF public.t__ DEFAULT");
  std::optional<catalog::Transaction> locking(user);
  user.exec("LOCK TABLE public.t IN SHARE MODE");
  Lane lane("topic", std::make_shared<ingest::Decoder>());
  LaneStopped locked(Error("55P03", "lock timeout"), "topic");
  locked.locked_tables = {"\"public\".\"t__\"", "\"public\".\"gone__\""};
  for (int i = 0; i < 10; ++i) lane.stop(locked);
  EXPECT_TRUE(eventually([&] { return lane.is_due(); }, std::chrono::seconds(3)));
  EXPECT_FALSE(lane.resume(connection));
  EXPECT_GT(lane.report().next_retry_us.value_or(0), ingest::now_us());
  locking.reset();
  EXPECT_TRUE(lane.resume(connection));
  EXPECT_FALSE(lane.report().next_retry_us.has_value());
}

// A try holds up the other topics: a lock that can't be seen is not asked for every second.
TEST(Lane, WaitsLongerAndLongerForALockThatCannotBeSeen) {
  const TestDatabase database;
  catalog::Connection connection = database.connect();
  connection.exec("CREATE TABLE public.t__ (v text)");
  Lane lane("topic", std::make_shared<ingest::Decoder>());
  LaneStopped locked(Error("55P03", "lock timeout"), "topic");
  locked.locked_tables = {"\"public\".\"t__\""};
  lane.stop(locked);
  EXPECT_TRUE(eventually([&] { return lane.is_due() && lane.resume(connection); }));
  for (int i = 0; i < 5; ++i) lane.stop(locked);
  EXPECT_TRUE(eventually([&] { return lane.is_due(); }, std::chrono::seconds(3)));
  EXPECT_FALSE(lane.resume(connection));
}

TEST(Decoders, AreSharedBySomeLanesAndComeFreeWithThem) {
  ingest::Decoders decoders;
  std::vector<Lane> lanes;
  std::set<const ingest::Decoder*> used;
  for (int i = 0; i < 40; ++i) {
    const auto decoder = decoders.take();
    used.insert(decoder.get());
    lanes.emplace_back("t" + std::to_string(i), decoder);
  }
  EXPECT_EQ(used.size(), 3U);
  const std::weak_ptr<ingest::Decoder> last = decoders.take();
  EXPECT_EQ(last.use_count(), 1 + 8);
  lanes.clear();
  EXPECT_EQ(last.use_count(), 1);
}

}  // namespace
}  // namespace metadb::tests
