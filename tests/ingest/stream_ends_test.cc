// Ends of partitions, and topics that are not what they were: nothing is lost in silence, and
// nothing is called lost that never was a record.
#include "catalog/synchronization.h"
#include "tests/ingest/heard_log.h"
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using ingest::SourceState;
using testing::ElementsAre;
using testing::HasSubstr;

class StreamEnds : public WorkerTest {
 protected:
  [[nodiscard]] bool is_sound() const {
    const ingest::SourceStatus seen = status();
    return seen.stopped_lanes.empty() && seen.last_error.empty() &&
           seen.state == SourceState::streaming;
  }
  int64_t epoch(const ingest::TopicPartition& at) {
    return watcher_
        .exec("SELECT epoch FROM metadb.ingest_position WHERE topic = $1 AND part = $2",
              {at.topic, std::to_string(at.partition)})
        .int64(0, 0);
  }
  const ingest::TopicPartition at_{topic_of({}), 0};
};

TEST_F(StreamEnds, MarkerBehindTheLastRecordIsNoLossOnceTheTopicIsEmpty) {
  RecordedTopics topics;
  for (int id = 0; id < 3; ++id) topics.add({.id = id});
  topics.add_markers(at_);
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_TRUE(eventually([&] { return status().lag_events == 0; }));
  EXPECT_TRUE(eventually([&] { return status().lag_seconds == 0; }));
  EXPECT_THAT(rows("SELECT next_offset, last_offset FROM metadb.ingest_position"),
              ElementsAre("4,2"));
  stop();
  topics.delete_below(at_, 4);
  start(topics);
  EXPECT_TRUE(eventually([&] { return is_sound(); }));
  topics.add({.id = 3});
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("t"), 4);
}

// Nothing is collected of the topic.
TEST_F(StreamEnds, WhatIsNoRecordIsPassedInATopicThatIsQuiet) {
  RecordedTopics topics;
  topics.add({.id = 1});
  topics.add({.table = "other", .id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  topics.add_markers(at_, 2);
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  topics.add({.id = 2});
  ASSERT_TRUE(catches_up(topics));
  stop();
  topics.delete_below(at_, 3);
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("t"), 2);
  EXPECT_TRUE(eventually([&] { return is_sound(); }));
}

TEST_F(StreamEnds, TopicThatIsReplacedBehindAMarkerIsNoticed) {
  RecordedTopics topics;
  topics.add({.id = 1});
  topics.add_markers(at_, 2);
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  topics.edit([](std::vector<ingest::RecordedMessage>& log) {
    log[0] = recorded({.id = 7});
    log[0].offset = 0;
  });
  topics.add({.id = 8});
  start(topics);
  ASSERT_TRUE(eventually([&] { return status().state == SourceState::needs_resync; }));
  EXPECT_THAT(status().stopped_lanes.at(at_.topic).reason, HasSubstr("replaced"));
}

TEST_F(StreamEnds, LossInATopicThatWasEmptyIsNoticed) {
  RecordedTopics topics;
  topics.add({.table = "other", .id = 1});
  topics.add_markers(at_, 0);
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  ASSERT_TRUE(eventually(
      [&] { return !rows("SELECT FROM metadb.ingest_position WHERE next_offset = 0").empty(); }));
  stop();
  for (int id = 0; id < 5; ++id) topics.add({.id = id});
  topics.delete_below(at_, 3);
  start(topics);
  ASSERT_TRUE(eventually([&] { return status().state == SourceState::needs_resync; }));
  EXPECT_THAT(status().stopped_lanes.at(at_.topic).reason, HasSubstr("lost 3 records"));
}

// The one that is read for the first time has no one to miss what is gone, but for its reader.
TEST_F(StreamEnds, FirstReadOfATopicWithoutItsBeginningGoesOnAndIsTold) {
  RecordedTopics topics;
  for (int id = 0; id < 5; ++id) topics.add({.id = id});
  topics.delete_below(at_, 3);
  const HeardLog log;
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("t"), 2);
  stop();
  EXPECT_THAT(log.text(), HasSubstr("begins at offset 3"));
}

TEST_F(StreamEnds, TopicThatStoodIsSoundOnceItHasReachedItsEnd) {
  RecordedTopics topics;
  topics.add({.id = 1});
  topics.add({.table = "other", .id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  const auto source = topics.source();
  source->set_leaderless(at_, true);
  source->inject(ingest::Revoked{});
  source->inject(ingest::Assigned{});
  ASSERT_TRUE(eventually([&] { return status().stopped_lanes.contains(at_.topic); }));
  source->set_leaderless(at_, false);
  EXPECT_TRUE(eventually([&] { return is_sound(); }));
}

// Since then the topic has grown, and what would be compared is gone.
TEST_F(StreamEnds, ReplacedTopicStandsUntilItIsResynchronized) {
  RecordedTopics topics;
  for (int id = 0; id < 3; ++id) topics.add({.id = id});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  topics.edit([](std::vector<ingest::RecordedMessage>& log) {
    log[2] = recorded({.id = 7});
    log[2].offset = 2;
  });
  start(topics);
  ASSERT_TRUE(eventually([&] { return status().state == SourceState::needs_resync; }));
  const std::string reason = status().stopped_lanes.at(at_.topic).reason;
  stop();
  topics.edit([](std::vector<ingest::RecordedMessage>& log) { log.erase(log.begin() + 2); });
  topics.add({.id = 8});
  topics.add({.table = "other", .id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics, {at_.topic}));
  ASSERT_TRUE(eventually([&] { return status().state == SourceState::needs_resync; }));
  EXPECT_EQ(status().stopped_lanes.at(at_.topic).reason, reason);
  EXPECT_EQ(count("t"), 3);
  stop();
  source_.options = {{"brokers", "b"}, {"topics", "^."}, {"consumer_group", "g"}};
  catalog::Transaction transaction(watcher_);
  catalog::insert_source(watcher_, source_);
  catalog::begin_resync(watcher_, "src");
  transaction.commit();
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(rows("SELECT id FROM t ORDER BY 1"), ElementsAre("0", "1", "2", "8"));
}

// What it begins with is compared then.
TEST_F(StreamEnds, BeginsAnewWhereATopicMayHaveBeenReplaced) {
  RecordedTopics topics;
  topics.add({.id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  const int64_t before = epoch(at_);
  topics.source()->inject(ingest::SourceBack{});
  EXPECT_TRUE(eventually([&] { return epoch(at_) > before; }));
  topics.add({.id = 2});
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("t"), 2);
}

}  // namespace
}  // namespace metadb::tests
