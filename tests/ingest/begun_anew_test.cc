// A connector that begins its snapshot anew sends rows without key again; the tables hold each as
// often as the source does, however the topics are cut.
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using testing::ElementsAre;

class BegunAnew : public WorkerTest {
 protected:
  BegunAnew() {
    source_.options = {{"brokers", "b"}, {"topics", "^."}, {"consumer_group", "g"}};
    catalog::Transaction transaction(watcher_);
    catalog::insert_source(watcher_, source_);
    transaction.commit();
    catalog_.reload(watcher_);
  }

  static RowEvent row(const std::string& value, uint64_t transaction, int32_t partition = 0) {
    return {.op = 'r',
            .value = value,
            .ts_us = 1'700'000'000'000'000 + static_cast<int64_t>(transaction) * 1'000'000,
            .snapshot = "true",
            .is_keyless = true,
            .partition = partition,
            .transaction = transaction};
  }
  void read(std::initializer_list<std::string> values, uint64_t transaction,
            int32_t partition = 0) {
    for (const std::string& value : values) topics_.add(row(value, transaction, partition));
  }
  std::vector<std::string> current() {
    return rows("SELECT v, count(*) FROM t GROUP BY v ORDER BY v");
  }

  RecordedTopics topics_;
};

TEST_F(BegunAnew, InOneBatch) {
  read({"a", "a", "b"}, 1);
  read({"a", "a", "b", "c"}, 2);
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  EXPECT_THAT(current(), ElementsAre("a,2", "b,1", "c,1"));
  EXPECT_EQ(count("t__"), 4) << "an equal row has made a version";
}

TEST_F(BegunAnew, OverStartsOfTheServer) {
  for (uint64_t transaction = 1; transaction <= 3; ++transaction) {
    for (const char* value : {"a", "a", "b"}) {
      topics_.add(row(value, transaction));
      start(topics_);
      ASSERT_TRUE(catches_up(topics_));
      stop();
    }
  }
  EXPECT_THAT(current(), ElementsAre("a,2", "b,1"));
}

TEST_F(BegunAnew, WhatIsLeftOfTheFirstInAnotherPartitionIsDropped) {
  read({"a"}, 1, 0);
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  read({"b"}, 2, 0);
  ASSERT_TRUE(catches_up(topics_));
  read({"a", "b"}, 1, 1);
  read({"a"}, 2, 1);
  ASSERT_TRUE(catches_up(topics_));
  EXPECT_THAT(current(), ElementsAre("a,1", "b,1"));
  EXPECT_TRUE(eventually([&] { return status().duplicates == 2; }));
}

TEST_F(BegunAnew, InAResynchronization) {
  read({"a", "a", "b"}, 1);
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  stop();
  catalog::Transaction ending(watcher_);
  catalog::end_synchronization(watcher_, "src");
  ending.commit();
  catalog::Transaction beginning(watcher_);
  catalog::begin_resync(watcher_, "src");
  beginning.commit();
  catalog_.reload(watcher_);
  read({"a", "b"}, 2);
  read({"a", "a", "c"}, 3);
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  EXPECT_THAT(current(), ElementsAre("a,2", "b,1", "c,1")) << "b goes with the sweep";
  EXPECT_THAT(rows("SELECT v, count(*) FROM t JOIN zzz___t___sync USING (__id) WHERE generation = "
                   "2 GROUP BY v ORDER BY v"),
              ElementsAre("a,2", "c,1"));
}

// The first row of the second snapshot can't be stored: the others are told from doubles all the
// same.
TEST_F(BegunAnew, WithARowThatIsSetAside) {
  read({"a", "b"}, 1);
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  stop();
  watcher_.exec("ALTER TABLE t__ ADD CONSTRAINT short CHECK (length(v) < 5)");
  read({"far too long", "a", "b"}, 2);
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  EXPECT_THAT(current(), ElementsAre("a,1", "b,1"));
  EXPECT_EQ(count("metadb.dead_letter"), 1);
}

}  // namespace
}  // namespace metadb::tests
