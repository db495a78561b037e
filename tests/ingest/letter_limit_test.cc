#include "ingest/letter_limit.h"

#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using ingest::LetterLimit;
using testing::ElementsAre;
using testing::HasSubstr;

const LetterLimit::Clock::time_point kNow = LetterLimit::Clock::now();

TEST(LetterLimit, IsOfAnHour) {
  LetterLimit limit;
  limit.note_use();
  limit.count(60, kNow);
  limit.count(39, kNow + 30min);
  EXPECT_FALSE(limit.reached(100, 0, kNow + 31min));
  EXPECT_TRUE(limit.reached(100, 1, kNow + 31min));
  limit.count(1, kNow + 32min);
  EXPECT_TRUE(limit.reached(100, 0, kNow + 32min));
  EXPECT_EQ(limit.free_at(100), kNow + 1h);
  EXPECT_FALSE(limit.reached(100, 0, kNow + 1h));
  limit.count(70, kNow + 61min);
  EXPECT_EQ(limit.free_at(100), kNow + 90min);
}

TEST(LetterLimit, IsLowerUntilARecordCouldBeUsed) {
  LetterLimit limit;
  limit.count(19, kNow);
  EXPECT_FALSE(limit.reached(1000, 0, kNow));
  EXPECT_TRUE(limit.reached(1000, 1, kNow));
  EXPECT_TRUE(limit.reached(5, 0, kNow));
  limit.count(1, kNow);
  EXPECT_TRUE(limit.reached(1000, 0, kNow + 2h));
  EXPECT_EQ(limit.free_at(1000), LetterLimit::Clock::time_point::max());
  limit.note_earlier_use();  // it was these that have moved the position
  EXPECT_TRUE(limit.reached(1000, 0, kNow));
  limit.note_use();
  EXPECT_FALSE(limit.reached(1000, 0, kNow));
}

TEST(LetterLimit, MayBeNoneAndIsForgiven) {
  LetterLimit limit;
  limit.count(5000, kNow);
  EXPECT_FALSE(limit.reached(0, 0, kNow));
  EXPECT_TRUE(limit.reached(1000, 0, kNow));
  limit.forgive();
  EXPECT_FALSE(limit.reached(1000, 0, kNow));
  EXPECT_TRUE(limit.reached(1000, 20, kNow));
}

class LetterLimitStream : public WorkerTest {
 protected:
  static constexpr const char* kTopic = "srv.shop.public.t";

  static ingest::RecordedMessage broken() {
    ingest::RecordedMessage message = recorded(RowEvent{});
    message.value = "no JSON";
    return message;
  }
  std::string reason() {
    const auto lanes = status().stopped_lanes;
    const auto found = lanes.find(kTopic);
    return found == lanes.end() ? "" : found->second.reason;
  }
  bool stands() {
    return eventually([&] { return !reason().empty(); });
  }
};

TEST_F(LetterLimitStream, AWrongConverterStopsItsTopicAlone) {
  RecordedTopics topics;
  for (int i = 0; i < 50; ++i) topics.add(broken());
  topics.add(RowEvent{.table = "other"});
  start(topics);
  ASSERT_TRUE(stands());
  EXPECT_THAT(reason(), HasSubstr("the first 20 records were set aside"));
  EXPECT_THAT(reason(), HasSubstr("not a JSON object"));
  EXPECT_THAT(reason(), HasSubstr(R"(RETRY DEAD LETTERS FOR DATA SOURCE "src")"));
  ASSERT_TRUE(catches_up(topics, {kTopic}));
  EXPECT_EQ(count("other"), 1);
  EXPECT_EQ(count("metadb.dead_letter"), 20);
  EXPECT_TRUE(status().stopped_lanes.at(kTopic).is_over_letter_limit);
}

TEST_F(LetterLimitStream, WhatCameBeforeIsCommitted) {
  source_.options["dead_letter_limit"] = "3";
  RecordedTopics topics;
  topics.add(RowEvent{.id = 1});
  for (int i = 0; i < 3; ++i) topics.add(broken());
  topics.add(RowEvent{.id = 2});
  topics.add(broken());
  topics.add(RowEvent{.id = 3});
  start(topics);
  ASSERT_TRUE(stands());
  EXPECT_THAT(reason(), HasSubstr("3 records were set aside within an hour"));
  EXPECT_THAT(rows("SELECT id FROM public.t ORDER BY id"), ElementsAre("1", "2"));
  EXPECT_EQ(count("metadb.dead_letter"), 3);
}

TEST_F(LetterLimitStream, GoesOnOnceItIsForgiven) {
  source_.options["dead_letter_limit"] = "3";
  RecordedTopics topics;
  topics.add(RowEvent{.id = 1});
  for (int i = 0; i < 5; ++i) topics.add(broken());
  topics.add(RowEvent{.id = 2});
  start(topics);
  ASSERT_TRUE(stands());
  worker_->forgive_letters();
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("public.t"), 2);
  EXPECT_EQ(count("metadb.dead_letter"), 5);
  EXPECT_TRUE(eventually([&] { return status().stopped_lanes.empty(); }));
}

TEST_F(LetterLimitStream, GoesOnBeforeItsLettersAreRetried) {
  source_.options["dead_letter_limit"] = "2";
  source_.options["format"] = "avro";
  RecordedTopics topics;
  for (int id = 1; id <= 4; ++id) topics.add(RowEvent{.id = id});
  start(topics);
  ASSERT_TRUE(stands());
  EXPECT_EQ(count("metadb.dead_letter"), 2);
  source_.options["format"] = "auto";
  worker_->renew(source_, ingest::Order::run);
  ASSERT_TRUE(catches_up(topics));
  const auto retry =
      std::make_shared<ingest::LetterRetry>(catalog::DeadLetterRange{"src", 1'000'000});
  ASSERT_TRUE(worker_->retry(retry));
  ASSERT_TRUE(retry->await(20s));
  EXPECT_EQ(retry->outcome().applied, 2);
  EXPECT_EQ(count("public.t"), 4);
  EXPECT_EQ(count("metadb.dead_letter"), 0);
}

TEST_F(LetterLimitStream, ARetryIsForAStandingTopicToo) {
  source_.options["dead_letter_limit"] = "3";
  RecordedTopics topics;
  topics.add(RowEvent{.id = 1});
  for (int i = 0; i < 5; ++i) topics.add(broken());
  topics.add(RowEvent{.id = 2});
  start(topics);
  ASSERT_TRUE(stands());
  const int64_t last_id = catalog::last_dead_letter(watcher_);
  const auto retry =
      std::make_shared<ingest::LetterRetry>(catalog::DeadLetterRange{"src", last_id});
  ASSERT_TRUE(worker_->retry(retry));
  ASSERT_TRUE(retry->await(20s));
  EXPECT_EQ(retry->outcome().left, 3);
  EXPECT_THAT(retry->outcome().reasons.front(), HasSubstr("not a JSON object"));
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("public.t"), 2);
}

TEST_F(LetterLimitStream, CountsWhatPostgresRefuses) {
  source_.options["dead_letter_limit"] = "3";
  RecordedTopics topics;
  topics.add(RowEvent{.id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  watcher_.exec("ALTER TABLE public.t__ ADD CHECK (v <> 'bad')");
  for (int id = 2; id < 7; ++id) topics.add(RowEvent{.id = id, .value = "bad"});
  ASSERT_TRUE(stands());
  EXPECT_THAT(reason(), HasSubstr("3 records were set aside within an hour"));
  EXPECT_GE(count("metadb.dead_letter"), 3);
}

}  // namespace
}  // namespace metadb::tests
