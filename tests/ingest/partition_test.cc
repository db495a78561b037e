#include "ingest/partition.h"

#include <gmock/gmock.h>

#include "tests/ingest/changes.h"

namespace metadb::tests {
namespace {

using ingest::Delivery;
using ingest::Discontinuity;
using ingest::Partition;
using ingest::PartitionOffset;
using ingest::SnapshotMark;
using testing::HasSubstr;

const ingest::TopicPartition kAt{"srv.public.t", 0};

ingest::Message record(int64_t offset, const std::string& value, int64_t timestamp_ms = 5) {
  auto owner = std::make_shared<const std::string>(value);
  ingest::Message message;
  message.topic = kAt.topic;
  message.offset = offset;
  message.timestamp_ms = timestamp_ms;
  message.value = *owner;
  message.owner = owner;
  return message;
}

// Read up to and with `last`.
catalog::Position position_after(const ingest::Message& last) {
  catalog::Position position;
  position.topic = kAt.topic;
  position.cluster_id = "here";
  position.next_offset = last.offset + 1;
  position.last = {last.offset, last.timestamp_ms, record_hash(last)};
  return position;
}

std::string finding(const std::variant<PartitionOffset, Discontinuity>& begun) {
  const auto* found = std::get_if<Discontinuity>(&begun);
  return found == nullptr ? "" : found->what_happened;
}

ingest::Change event(std::optional<ingest::Sequence> sequence, int64_t ts_us,
                     SnapshotMark mark = SnapshotMark::streaming,
                     const std::string& server = "srv") {
  ingest::Change change;
  change.sequence = sequence;
  change.ts_us = ts_us;
  change.snapshot = mark;
  change.table =
      std::make_shared<const ingest::EventTable>(ingest::EventTable{server, "shop", "public", "t"});
  return change;
}

// Delivers changes one after the other and tells which are dropped.
class Feed {
 public:
  bool is_dropped(const ingest::Change& change) {
    partition_.deliver(record(offset_++, "x"));
    const bool out = partition_.is_duplicate(change);
    partition_.settle();
    return out;
  }
  catalog::Position position() { return partition_.position(); }

 private:
  static catalog::Position fresh() {
    catalog::Position position;
    position.next_offset = -1;
    return position;
  }
  Partition partition_{kAt, fresh()};
  int64_t offset_ = 0;
};

TEST(Partition, FirstReadBeginsAtTheBeginning) {
  catalog::Position position;
  position.next_offset = -1;
  Partition partition(kAt, position);
  const auto begun = partition.begin({17, 30}, "here");
  EXPECT_EQ(std::get<PartitionOffset>(begun).offset, ingest::kOffsetBeginning);
  EXPECT_EQ(std::get<Delivery>(partition.deliver(record(17, "a"))), Delivery::fresh);
  EXPECT_EQ(partition.next_offset(), -1);
  partition.settle();
  EXPECT_EQ(partition.next_offset(), 18);
  EXPECT_EQ(partition.position().cluster_id, "here");
}

TEST(Partition, LastRecordIsComparedAndSkipped) {
  const ingest::Message last = record(9, "last");
  Partition partition(kAt, position_after(last));
  EXPECT_EQ(std::get<PartitionOffset>(partition.begin({0, 20}, "here")).offset, 9);
  EXPECT_EQ(std::get<Delivery>(partition.deliver(last)), Delivery::repeated_last);
  EXPECT_EQ(std::get<Delivery>(partition.deliver(record(10, "next"))), Delivery::fresh);
}

TEST(Partition, OtherContentAtTheLastOffsetMeansAnotherTopic) {
  for (const auto& other : {record(9, "other"), record(9, "last", 6)}) {
    Partition partition(kAt, position_after(record(9, "last")));
    partition.begin({0, 20}, "here");
    const auto delivered = partition.deliver(other);
    ASSERT_TRUE(std::holds_alternative<Discontinuity>(delivered));
    EXPECT_THAT(std::get<Discontinuity>(delivered).what_happened, HasSubstr("was replaced"));
  }
}

TEST(Partition, KeyAndNullTellRecordsApart) {
  ingest::Message null_value = record(9, "");
  null_value.value.reset();
  EXPECT_NE(record_hash(null_value), record_hash(record(9, "")));
  ingest::Message keyed = record(9, "");
  keyed.key = "";
  EXPECT_NE(record_hash(keyed), record_hash(record(9, "")));
}

TEST(Partition, HigherFirstOffsetIsNotCompared) {
  // The last record was compacted away, or was followed by a control record.
  Partition partition(kAt, position_after(record(9, "last")));
  partition.begin({0, 20}, "here");
  EXPECT_EQ(std::get<Delivery>(partition.deliver(record(11, "next"))), Delivery::fresh);
  // From now on an earlier offset would be a repetition, not another topic.
  EXPECT_EQ(std::get<Delivery>(partition.deliver(record(9, "other"))), Delivery::repeated_last);
}

TEST(Partition, LastRecordBelowTheLowWatermarkIsNotCompared) {
  Partition partition(kAt, position_after(record(9, "last")));
  EXPECT_EQ(std::get<PartitionOffset>(partition.begin({10, 10}, "here")).offset, 10);
  EXPECT_EQ(std::get<Delivery>(partition.deliver(record(10, "next"))), Delivery::fresh);
}

TEST(Partition, HighWatermarkBelowWhatWasReadMeansAnotherTopic) {
  Partition partition(kAt, position_after(record(9, "last")));
  EXPECT_THAT(finding(partition.begin({0, 9}, "here")), HasSubstr("was replaced"));
  Partition emptied(kAt, position_after(record(9, "last")));
  EXPECT_THAT(finding(emptied.begin({0, 0}, "here")), HasSubstr("was replaced"));
  Partition unchanged(kAt, position_after(record(9, "last")));
  EXPECT_EQ(finding(unchanged.begin({0, 10}, "here")), "");
}

TEST(Partition, LowWatermarkAboveWhatWasReadIsAGap) {
  Partition partition(kAt, position_after(record(9, "last")));
  EXPECT_THAT(finding(partition.begin({13, 20}, "here")),
              testing::AllOf(HasSubstr("lost 3 records"), HasSubstr("10 to 12")));
}

TEST(Partition, AnotherClusterIsNoticedWhereBothAreNamed) {
  Partition moved(kAt, position_after(record(9, "last")));
  EXPECT_THAT(finding(moved.begin({0, 20}, "there")), HasSubstr("another Kafka cluster"));
  Partition unnamed(kAt, position_after(record(9, "last")));
  EXPECT_EQ(finding(unnamed.begin({0, 20}, "")), "");
  EXPECT_EQ(unnamed.position().cluster_id, "here");
}

TEST(Partition, MessageInHandDoesNotMoveThePosition) {
  Feed feed;
  feed.is_dropped(event({{1, 1}}, 10));
  Partition partition(kAt, feed.position());
  partition.begin({0, 5}, "");
  partition.deliver(record(1, "y"));
  partition.is_duplicate(event({{9, 9}}, 90));
  EXPECT_EQ(partition.position().next_offset, 1);
  EXPECT_EQ(partition.position().last->offset, 0);
  EXPECT_EQ(partition.position().watermarks.at("srv").commit_lsn, 1U);
  partition.settle();
  EXPECT_EQ(partition.position().next_offset, 2);
  EXPECT_EQ(partition.position().watermarks.at("srv").commit_lsn, 9U);
}

// Each message keeps the whole answer of the broker that it came in.
TEST(Partition, KeepsNoMessageOnceItsPositionIsTaken) {
  Partition partition(kAt, position_after(record(9, "last")));
  partition.begin({0, 20}, "here");
  std::weak_ptr<const void> bytes;
  {
    const ingest::Message message = record(10, "next");
    bytes = message.owner;
    partition.deliver(message);
    partition.settle();
  }
  EXPECT_EQ(partition.position().last->offset, 10);
  EXPECT_TRUE(bytes.expired());
  EXPECT_EQ(partition.position().last->hash, record_hash(record(10, "next")));
}

// Behind the last record stands the marker of its transaction.
TEST(Partition, EndMovesThePositionPastWhatIsNoRecord) {
  const ingest::Message last = record(9, "last");
  Partition partition(kAt, position_after(last));
  partition.begin({0, 11}, "here");
  partition.deliver(last);
  EXPECT_TRUE(partition.reach_end(11));
  EXPECT_TRUE(partition.is_at_end());
  EXPECT_EQ(partition.position().next_offset, 11);
  EXPECT_EQ(partition.position().last->offset, 9);
  EXPECT_FALSE(partition.reach_end(11)) << "nothing new";
  EXPECT_FALSE(partition.reach_end(10)) << "it never goes back";
  EXPECT_EQ(partition.position().next_offset, 11);
  // Retention empties the topic; then its last record is compared no more.
  Partition emptied(kAt, partition.position());
  EXPECT_EQ(finding(emptied.begin({11, 11}, "here")), "");
  Partition replaced(kAt, partition.position());
  replaced.begin({0, 11}, "here");
  EXPECT_TRUE(std::holds_alternative<Discontinuity>(replaced.deliver(record(9, "other"))));
  Partition unchanged(kAt, partition.position());
  unchanged.begin({0, 12}, "here");
  EXPECT_EQ(std::get<Delivery>(unchanged.deliver(last)), Delivery::repeated_last);
  EXPECT_EQ(std::get<Delivery>(unchanged.deliver(record(11, "next"))), Delivery::fresh);
  EXPECT_FALSE(unchanged.is_at_end());
}

TEST(Partition, EndDoesNotMoveThePositionPastWhatIsInHand) {
  Partition partition(kAt, position_after(record(9, "last")));
  partition.begin({0, 20}, "here");
  partition.deliver(record(12, "in hand"));
  EXPECT_FALSE(partition.reach_end(20));
  EXPECT_EQ(partition.position().next_offset, 10);
}

TEST(Partition, WhatAnEmptyPartitionLosesLaterIsAGap) {
  catalog::Position position;
  position.next_offset = -1;
  Partition partition(kAt, position);
  partition.begin({0, 0}, "here");
  EXPECT_TRUE(partition.reach_end(0));
  EXPECT_EQ(partition.position().next_offset, 0);
  Partition later(kAt, partition.position());
  EXPECT_THAT(finding(later.begin({4, 7}, "here")),
              testing::AllOf(HasSubstr("lost 4 records"), HasSubstr("0 to 3")));
}

// The topic has grown since, and looks as it should.
TEST(Partition, StandsForWhatWasFoundBefore) {
  catalog::Position position = position_after(record(9, "last"));
  position.discontinuity = "the topic was replaced";
  Partition partition(kAt, position);
  EXPECT_EQ(finding(partition.begin({0, 20}, "here")), "the topic was replaced");
}

TEST(Partition, AnotherClusterIsFoundAgainAndOtherFindingsAreNot) {
  Partition moved(kAt, position_after(record(9, "last")));
  EXPECT_TRUE(std::get<Discontinuity>(moved.begin({0, 20}, "there")).is_seen_again);
  Partition replaced(kAt, position_after(record(9, "last")));
  EXPECT_FALSE(std::get<Discontinuity>(replaced.begin({0, 9}, "here")).is_seen_again);
}

TEST(Duplicates, LowerPairAtNoLaterTimeIsDropped) {
  Feed feed;
  EXPECT_FALSE(feed.is_dropped(event({{5, 7}}, 100)));
  EXPECT_TRUE(feed.is_dropped(event({{5, 6}}, 100)));
  EXPECT_TRUE(feed.is_dropped(event({{4, 9}}, 50)));
  EXPECT_EQ(feed.position().watermarks.at("srv").lsn, 7U);
}

TEST(Duplicates, EqualPairIsApplied) {
  Feed feed;
  EXPECT_FALSE(feed.is_dropped(event({{5, 7}}, 100)));
  EXPECT_FALSE(feed.is_dropped(event({{5, 7}}, 100)));
}

TEST(Duplicates, EqualPairIsDroppedAsOftenAsItWasSeenOnceTheProducerRepeats) {
  Feed feed;
  EXPECT_FALSE(feed.is_dropped(event({{5, 6}}, 100)));
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(feed.is_dropped(event({{5, 7}}, 100)));
  for (int crash = 0; crash < 2; ++crash) {
    EXPECT_TRUE(feed.is_dropped(event({{5, 6}}, 100)));
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(feed.is_dropped(event({{5, 7}}, 100)));
  }
  // The crash had cut the three in two.
  EXPECT_FALSE(feed.is_dropped(event({{5, 7}}, 100)));
  EXPECT_EQ(feed.position().watermarks.at("srv").seen, 3);
  // Interrupted in the middle, the next repetition begins to count again.
  EXPECT_TRUE(feed.is_dropped(event({{5, 6}}, 100)));
  EXPECT_TRUE(feed.is_dropped(event({{5, 7}}, 100)));
  EXPECT_TRUE(feed.is_dropped(event({{5, 6}}, 100)));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(feed.is_dropped(event({{5, 7}}, 100)));
  EXPECT_FALSE(feed.is_dropped(event({{5, 8}}, 100)));
  EXPECT_FALSE(feed.is_dropped(event({{5, 8}}, 100)));
  EXPECT_EQ(feed.position().watermarks.at("srv").owed, 0);
}

TEST(Duplicates, LowerPairAtALaterTimeIsANewTimeline) {
  Feed feed;
  EXPECT_FALSE(feed.is_dropped(event({{500, 700}}, 100)));
  EXPECT_FALSE(feed.is_dropped(event({{3, 4}}, 101)));
  // The watermark has begun again: what follows on the new timeline is fresh.
  EXPECT_FALSE(feed.is_dropped(event({{3, 5}}, 101)));
  EXPECT_TRUE(feed.is_dropped(event({{3, 4}}, 101)));
}

TEST(Duplicates, TimeOfTheWatermarkIsTheLargestSeen) {
  // Commit times are not ordered like commit positions.
  Feed feed;
  EXPECT_FALSE(feed.is_dropped(event({{5, 5}}, 100)));
  EXPECT_FALSE(feed.is_dropped(event({{6, 6}}, 90)));
  EXPECT_TRUE(feed.is_dropped(event({{5, 5}}, 100)));
}

TEST(Duplicates, WithoutSequenceNothingIsDropped) {
  Feed feed;
  EXPECT_FALSE(feed.is_dropped(event({{5, 7}}, 100)));
  EXPECT_FALSE(feed.is_dropped(event(std::nullopt, 1)));
  EXPECT_EQ(feed.position().watermarks.at("srv").ts_us, 100);
}

TEST(Duplicates, SnapshotRowsAreNeitherDroppedNorCounted) {
  Feed feed;
  EXPECT_FALSE(feed.is_dropped(event({{5, 7}}, 100)));
  EXPECT_FALSE(feed.is_dropped(event({{1, 1}}, 1, SnapshotMark::in_snapshot)));
  EXPECT_FALSE(feed.is_dropped(event({{9, 9}}, 900, SnapshotMark::incremental)));
  EXPECT_TRUE(feed.is_dropped(event({{5, 6}}, 100)));
  EXPECT_EQ(feed.position().watermarks.at("srv").lsn, 7U);
}

TEST(Duplicates, EachServerHasItsOwnWatermark) {
  Feed feed;
  EXPECT_FALSE(feed.is_dropped(event({{5, 7}}, 100)));
  EXPECT_FALSE(feed.is_dropped(event({{1, 1}}, 1, SnapshotMark::streaming, "other")));
  EXPECT_TRUE(feed.is_dropped(event({{5, 6}}, 100)));
}

TEST(Duplicates, PositionsAreUnsigned) {
  Feed feed;
  EXPECT_FALSE(feed.is_dropped(event({{UINT64_MAX, 0}}, 100)));
  EXPECT_TRUE(feed.is_dropped(event({{1, 0}}, 100)));
}

TEST(Duplicates, SeenStreamingIsRemembered) {
  Feed feed;
  feed.is_dropped(event({{1, 1}}, 1, SnapshotMark::in_snapshot));
  EXPECT_FALSE(feed.position().streaming_seen);
  feed.is_dropped(event({{1, 1}}, 1));
  EXPECT_TRUE(feed.position().streaming_seen);
}

}  // namespace
}  // namespace metadb::tests
