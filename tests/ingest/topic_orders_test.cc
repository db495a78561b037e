// What is asked of a source, and what it is told, so that the records of a topic come in one order.
#include "ingest/topic_orders.h"

#include <gmock/gmock.h>

#include "ingest/outcome.h"
#include "tests/ingest/changes.h"
#include "tests/ingest/partitioned_source.h"

namespace metadb::tests {
namespace {

using ingest::HeldMessage;
using ingest::Op;
using ingest::TopicOrders;
using ingest::TopicPartition;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Answers what it was told to answer, and notes what it is asked.
class ScriptedSource : public PartitionedSource {
 public:
  ScriptedSource() : PartitionedSource(nullptr, 0) {}
  void pause(const std::vector<TopicPartition>& all) override {
    paused.insert(all.begin(), all.end());
  }
  void resume(const std::vector<TopicPartition>& all) override {
    for (const TopicPartition& at : all) EXPECT_EQ(paused.erase(at), 1U) << "was not paused";
  }
  std::vector<int64_t> ends(const std::vector<TopicPartition>& of,
                            std::chrono::milliseconds) override {
    questions.insert(questions.end(), of.begin(), of.end());
    if (is_silent) throw catalog::Error("08001", "no answer");
    std::vector<int64_t> out;
    for (const TopicPartition& at : of) out.push_back(now[at.partition]);
    return out;
  }
  std::optional<int64_t> known_end(const TopicPartition& of) override {
    const auto found = known.find(of.partition);
    return found == known.end() ? std::nullopt : std::optional(found->second);
  }

  std::set<TopicPartition> paused;
  std::vector<TopicPartition> questions;
  std::map<int32_t, int64_t> now;    // ends
  std::map<int32_t, int64_t> known;  // ends as the last delivery told
  bool is_silent = false;
};

class TopicOrdersTest : public testing::Test {
 protected:
  TopicOrdersTest() {
    std::map<TopicPartition, ingest::Partition> partitions;
    for (const int32_t part : {0, 1}) {
      catalog::Position position;
      position.next_offset = -1;
      const TopicPartition at{"t", part};
      partitions.emplace(at, ingest::Partition(at, position));
    }
    partitions.emplace(TopicPartition{"single", 0},
                       ingest::Partition({"single", 0}, catalog::Position{}));
    orders_->begin(partitions);
  }

  // A record of a partition, by its place in the log.
  void add(int32_t part, uint64_t lsn, Op op = Op::create) {
    const ChangeMaker maker{event_table("t"), schema_of({{"id", catalog::PgType::int4}}, {0})};
    HeldMessage held;
    const std::string value(1000, 'x');
    held.message = message_at(static_cast<int64_t>(lsn), "t");
    held.message.partition = part;
    held.message.value = value;
    ingest::Change change = maker.make(op, static_cast<int64_t>(lsn), {Cell::int4(1)});
    change.sequence = ingest::Sequence{lsn, 0};
    held.decoded = std::move(change);
    orders_->push({"t", part}, std::move(held));
  }
  std::vector<int64_t> released() {
    std::vector<int64_t> out;
    while (auto next = orders_->next()) {
      const auto* held = std::get_if<HeldMessage>(&next->record.what);
      if (held == nullptr) continue;
      EXPECT_EQ(held->message.value, std::string(1000, 'x')) << "in bytes of its own";
      EXPECT_EQ(held->message.topic, "t");
      out.push_back(held->message.offset);
    }
    EXPECT_FALSE(orders_->is_due());
    return out;
  }

  static constexpr size_t kBytesMax = 100'000;
  ScriptedSource source_;
  std::optional<TopicOrders> orders_{std::in_place, source_, kBytesMax,
                                     std::chrono::milliseconds(0)};
};

TEST_F(TopicOrdersTest, AreThoseOfTopicsThatAreReadInSeveralPartitions) {
  EXPECT_TRUE(orders_->holds("t"));
  EXPECT_FALSE(orders_->holds("single"));
}

// Nothing is asked for what is read as it is written: its latency would be that of the question.
TEST_F(TopicOrdersTest, EndThatCameWithTheLastRecordIsKnownWithoutAQuestion) {
  orders_->push({{"t", 1}, 0});
  add(0, 5);
  EXPECT_THAT(released(), ElementsAre(5));
  add(1, 6);
  EXPECT_THAT(released(), IsEmpty());
  source_.known[0] = 6;
  orders_->look_again();
  EXPECT_THAT(released(), ElementsAre(6));
  EXPECT_THAT(source_.questions, IsEmpty());
}

TEST_F(TopicOrdersTest, TruncateAsksForTheEndsOfTheOthersOnce) {
  orders_->push({{"t", 1}, 3});
  add(0, 5, Op::truncate);
  source_.now[1] = 5;
  EXPECT_THAT(released(), IsEmpty());
  ASSERT_TRUE(orders_->asks_since());
  EXPECT_THAT(orders_->ask(), IsEmpty());
  EXPECT_THAT(released(), IsEmpty());
  EXPECT_FALSE(orders_->asks_since());
  add(1, 4);
  source_.known[1] = 5;
  EXPECT_THAT(released(), ElementsAre(4, 5));
  EXPECT_THAT(source_.questions, ElementsAre(TopicPartition{"t", 1}));
}

TEST_F(TopicOrdersTest, SilentBrokerStopsTheTopic) {
  orders_->push({{"t", 1}, 3});
  add(0, 5, Op::truncate);
  source_.is_silent = true;
  EXPECT_THAT(released(), IsEmpty());
  const auto silent = orders_->ask();
  ASSERT_EQ(silent.size(), 1U);
  EXPECT_EQ(silent.front().topic, "t");
  EXPECT_EQ(silent.front().sqlstate, "08001");
}

// Each has a record, and all together little more, however many there are.
TEST_F(TopicOrdersTest, ManyThatAreAheadHaveLittleEach) {
  constexpr int32_t kParts = 500;
  std::map<TopicPartition, ingest::Partition> partitions;
  for (int32_t part = 0; part <= kParts; ++part) {
    catalog::Position position;
    position.next_offset = -1;
    const TopicPartition at{"t", part};
    partitions.emplace(at, ingest::Partition(at, position));
  }
  orders_.emplace(source_, kBytesMax, std::chrono::milliseconds(0));
  orders_->begin(partitions);
  uint64_t pushed = 0;
  for (int round = 0; round < 10; ++round) {
    for (int32_t part = 1; part <= kParts; ++part) {
      if (!source_.paused.contains({"t", part})) add(part, ++pushed);
    }
  }
  EXPECT_EQ(source_.paused.size(), static_cast<size_t>(kParts));
  EXPECT_LE(pushed, kParts + 3 * kBytesMax / 1000);
  // What they wait for.
  orders_->push({{"t", 0}, 0});
  EXPECT_THAT(released(), testing::Not(IsEmpty()));
  EXPECT_LT(source_.paused.size(), static_cast<size_t>(kParts));
}

TEST_F(TopicOrdersTest, OneThatIsFarAheadIsPausedUntilHalfOfItIsGone) {
  uint64_t lsn = 0;
  while (source_.paused.empty() && lsn < 1000) {
    add(0, ++lsn);
    EXPECT_THAT(released(), IsEmpty());
  }
  EXPECT_THAT(source_.paused, ElementsAre(TopicPartition{"t", 0}));
  EXPECT_THAT(lsn, testing::AllOf(testing::Ge(kBytesMax / 3000), testing::Le(kBytesMax / 1000)));
  orders_->push({{"t", 1}, 0});
  uint64_t left = lsn;
  while (!source_.paused.empty() && left > 0) {
    if (std::holds_alternative<HeldMessage>(orders_->next()->record.what)) --left;
  }
  EXPECT_NEAR(static_cast<double>(left), static_cast<double>(lsn) / 2, 2);
  EXPECT_EQ(released().size(), left);
  EXPECT_TRUE(orders_->is_empty());
}

TEST_F(TopicOrdersTest, WhatIsPausedIsResumedInTheEnd) {
  for (uint64_t lsn = 1; lsn < 200; ++lsn) add(0, lsn);
  EXPECT_THAT(source_.paused, ElementsAre(TopicPartition{"t", 0}));
  EXPECT_EQ(orders_->paused(), source_.paused);
  orders_.reset();
  EXPECT_THAT(source_.paused, IsEmpty());
}

TEST_F(TopicOrdersTest, LongWaitIsToldInWords) {
  add(0, 5);
  EXPECT_THAT(released(), IsEmpty());
  const auto now = TopicOrders::Clock::now();
  EXPECT_EQ(orders_->wait(now), "");
  EXPECT_THAT(orders_->wait(now + std::chrono::seconds(10)),
              HasSubstr("topic t: what was read waits for partition 1, which has not been read"));
  orders_->push({{"t", 1}, 0});
  EXPECT_THAT(released(), ElementsAre(5));
  EXPECT_EQ(orders_->wait(now + std::chrono::seconds(10)), "");
}

}  // namespace
}  // namespace metadb::tests
