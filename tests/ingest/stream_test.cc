// What a stream does with what comes: good records between others, lanes that stop while others
// go on, topics that are not the same any more.
#include "ingest/stream.h"

#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using ingest::SourceState;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class Stream : public WorkerTest {
 protected:
  [[nodiscard]] bool is_stopped(const std::string& topic) const {
    return status().stopped_lanes.contains(topic);
  }
  [[nodiscard]] std::string reason(const std::string& topic) const {
    const auto lanes = status().stopped_lanes;
    return lanes.contains(topic) ? lanes.at(topic).reason : "";
  }
};

const std::string kTopic = topic_of({});

ingest::RecordedMessage raw(std::optional<std::string> value,
                            std::optional<std::string> key = std::nullopt) {
  ingest::RecordedMessage message;
  message.topic = kTopic;
  message.timestamp_ms = 1'700'000'000'000;
  message.key = std::move(key);
  message.value = std::move(value);
  return message;
}

TEST_F(Stream, GoodRowsArriveWhateverStandsBetweenThem) {
  RecordedTopics topics;
  int id = 0;
  const std::string bad_bytes("\x80\xff\x00 garbage \xc3", 13);
  const std::string nested(20'000, '[');
  for (
      const auto& message :
      {raw(std::nullopt), raw(""), raw(bad_bytes), raw("{"), raw(std::string("\0\0\0\0\0x", 6)),
       raw("null"), raw("{}"), raw("[1]"), raw(nested), raw("{\"a\":" + nested),
       raw(R"({"schema":null,"payload":{"op":"c"}})"), raw(bad_bytes, bad_bytes),
       raw(R"({"schema":{"type":"struct","fields":[{"type":"int64","optional":false,)"
           R"("field":"ts_ms"}],"optional":false,"name":"io.debezium.connector.common.Heartbeat"},)"
           R"("payload":{"ts_ms":1700000000000}})"),
       raw(R"({"schema":null,"payload":{"status":"BEGIN","id":"1:2","event_count":null,)"
           R"("data_collections":null,"ts_ms":1}})")}) {
    topics.add(RowEvent{.id = ++id});
    topics.add(message);
  }
  RowEvent bad_key{.id = 100};
  ingest::RecordedMessage message = recorded(bad_key);
  message.key = "no JSON";
  topics.add(message);
  RowEvent bad_time{.id = 101, .ts_us = 1};
  topics.add(bad_time);
  topics.add(RowEvent{.id = ++id});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("t"), id + (count("t WHERE id = 101")));
  // Every record is applied, ignored or set aside.
  const int64_t all = topics.ends().begin()->second;
  EXPECT_TRUE(eventually([&] {
    int64_t accounted = status().dead_letters + status().applied;
    for (const auto& [kind, number] : status().ignored) accounted += number;
    return accounted == all;
  }));
  const ingest::SourceStatus seen = status();
  EXPECT_EQ(seen.dead_letters, count("metadb.dead_letter"));
  EXPECT_GE(seen.dead_letters, 6);
  EXPECT_TRUE(seen.stopped_lanes.empty());
  EXPECT_EQ(seen.state, SourceState::streaming);
}

// Only a table that is not in the batch yet makes one too many.
TEST_F(Stream, BatchesHoldAsManyTablesAsTheyMayAndAllTheirChanges) {
  catalog::store_setting(watcher_, "tables_per_transaction", "3");
  RecordedTopics topics;
  for (int id = 1; id <= 100; ++id) {
    for (const char* table : {"t", "u", "v"}) topics.add(RowEvent{.table = table, .id = id});
  }
  for (const char* table : {"w", "x"}) topics.add(RowEvent{.table = table});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  std::string written;
  for (const char* table : {"t", "u", "v", "w", "x"}) {
    written += fmt::format("{}SELECT xmin::text AS batch, '{}' FROM {}",
                           written.empty() ? "" : " UNION ", table, table);
  }
  const std::string batches = "(SELECT batch, count(*) FROM (" + written + ") a GROUP BY 1) b";
  EXPECT_LE(count(batches), 10) << "302 rows, written in as many pieces";
  EXPECT_EQ(count(batches + " WHERE count > 3"), 0);
}

TEST_F(Stream, DeadLetterHoldsTheRecordWhole) {
  RecordedTopics topics;
  const std::string value("\x80\xff\x00 garbage", 11);
  topics.add(raw("{}"));
  topics.add(raw(value, std::string("\x00k", 2)));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(
      rows("SELECT source_name, topic, part, \"offset\", encode(key, 'hex'), encode(value, 'hex'), "
           "sqlstate, record_time = '2023-11-14 22:13:20+00' FROM metadb.dead_letter"),
      ElementsAre("src," + kTopic +
                  ",0,1,006b,80ff002067617262616765,"
                  "22032,t"));
}

TEST_F(Stream, CollisionStopsItsLaneWhileOthersGoOn) {
  RecordedTopics topics;
  topics.add({.id = 1, .db = "one"});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  const std::string loser = topic_of({.db = "two"});
  topics.add({.id = 1, .value = "other", .db = "two"});
  ASSERT_TRUE(eventually([&] { return is_stopped(loser); }));
  EXPECT_THAT(reason(loser),
              AllOf(HasSubstr("\"one\""), HasSubstr("\"two\""), HasSubstr("add_schema_prefix")));
  for (int id = 2; id < 30; ++id) topics.add({.id = id, .db = "one"});
  ASSERT_TRUE(catches_up(topics, {loser}));
  EXPECT_EQ(count("t"), 29);
  EXPECT_EQ(count("t WHERE v = 'other'"), 0);
  EXPECT_TRUE(eventually([&] { return status().state == SourceState::lanes_stopped; }));
  EXPECT_THAT(rows("SELECT next_offset FROM metadb.ingest_position WHERE topic = '" + loser + "'"),
              ElementsAre("-1"));
}

// The loser's record comes first after the restart.
TEST_F(Stream, SecondServerOfATableIsRefusedAlsoAfterARestart) {
  const RowEvent second{.id = 1, .value = "other", .server = "b"};
  const std::string loser = topic_of(second);
  RecordedTopics topics;
  topics.add({.id = 1, .server = "a"});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  topics.add(second);
  topics.add({.id = 2, .server = "a"});
  start(topics);
  ASSERT_TRUE(eventually([&] { return is_stopped(loser); }));
  EXPECT_THAT(reason(loser), AllOf(HasSubstr("\"a\" (topic a.shop.public.t)"), HasSubstr("\"b\""),
                                   HasSubstr("add_schema_prefix")));
  ASSERT_TRUE(catches_up(topics, {loser}));
  EXPECT_THAT(rows("SELECT id, v FROM t ORDER BY 1"), ElementsAre("1,x", "2,x"));
  // What the hint says for a server that was renamed, as far as tables go.
  EXPECT_THAT(reason(loser), HasSubstr("SYNC DATA SOURCE \"src\""));
  stop();
  watcher_.exec("UPDATE metadb.source_table SET server_name = ''");
  catalog_.reload(watcher_);
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(rows("SELECT id, v FROM t ORDER BY 1"), ElementsAre("1,other", "2,x"));
}

TEST_F(Stream, StoppedLaneGoesOnWhenItsTroubleIsOver) {
  RecordedTopics topics;
  topics.add({.id = 1});
  topics.add({.table = "other", .id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  catalog::Connection user = database_.connect();
  user.exec("CREATE VIEW on_top AS SELECT id FROM t");
  ingest::RecordedMessage wider = recorded({.id = 2});
  for (std::string* side : {&*wider.key, &*wider.value}) {
    for (size_t at = 0; (at = side->find("int32", at)) != std::string::npos;)
      side->replace(at, 5, "int64");
  }
  topics.add(wider);
  ASSERT_TRUE(eventually([&] { return is_stopped(kTopic); }));
  EXPECT_THAT(reason(kTopic), HasSubstr("on_top"));
  topics.add({.table = "other", .id = 2});
  ASSERT_TRUE(catches_up(topics, {kTopic}));
  user.exec("DROP VIEW on_top");
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(rows("SELECT id FROM t ORDER BY 1"), ElementsAre("1", "2"));
  EXPECT_TRUE(eventually([&] { return status().stopped_lanes.empty(); }));
  EXPECT_TRUE(eventually([&] { return status().state == SourceState::streaming; }));
}

TEST_F(Stream, ReplacedTopicNeedsAResync) {
  RecordedTopics topics;
  topics.add({.id = 1});
  topics.add({.table = "other", .id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  topics.edit([](std::vector<ingest::RecordedMessage>& log) {
    const int64_t offset = log[0].offset;
    log[0] = recorded({.id = 7});
    log[0].offset = offset;
  });
  topics.add({.id = 8});
  topics.add({.table = "other", .id = 2});
  start(topics);
  ASSERT_TRUE(catches_up(topics, {kTopic}));
  ASSERT_TRUE(eventually([&] { return status().state == SourceState::needs_resync; }));
  EXPECT_THAT(reason(kTopic), AllOf(HasSubstr("replaced"), HasSubstr("SYNC DATA SOURCE")));
  EXPECT_THAT(rows("SELECT id FROM t"), ElementsAre("1"));
}

TEST_F(Stream, LostRecordsNeedAResync) {
  RecordedTopics topics;
  for (int id = 0; id < 3; ++id) topics.add({.id = id});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  for (int id = 3; id < 8; ++id) topics.add({.id = id});
  topics.edit([](std::vector<ingest::RecordedMessage>& log) {
    std::erase_if(log, [](const auto& message) { return message.offset < 5; });
  });
  start(topics);
  ASSERT_TRUE(eventually([&] { return is_stopped(kTopic); }));
  EXPECT_THAT(reason(kTopic), HasSubstr("lost 2 records"));
  EXPECT_TRUE(eventually([&] { return status().state == SourceState::needs_resync; }));
  EXPECT_EQ(count("t"), 3);
}

TEST_F(Stream, RetentionOfAQuietTopicIsNoLoss) {
  RecordedTopics topics;
  for (int id = 0; id < 3; ++id) topics.add({.id = id});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  topics.add({.id = 3});
  topics.edit([](std::vector<ingest::RecordedMessage>& log) {
    std::erase_if(log, [](const auto& message) { return message.offset < 3; });
  });
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("t"), 4);
}

TEST_F(Stream, WhatTheProducerRepeatsIsDropped) {
  RecordedTopics topics;
  std::vector<RowEvent> sent;
  for (uint64_t i = 0; i < 12; ++i) {
    sent.push_back({.op = i % 3 == 2 ? 'd' : 'u',
                    .id = static_cast<int>(i % 2),
                    .value = "v" + std::to_string(i),
                    .ts_us = 1'700'000'000'000'000 + static_cast<int64_t>(i),
                    .lsn = 100 + i});
    topics.add(sent.back());
  }
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  const std::vector<std::string> before = everything();
  for (size_t i = 5; i < sent.size(); ++i) topics.add(sent[i]);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(everything(), before);
  EXPECT_TRUE(eventually([&] { return status().duplicates == 7; }));
  stop();
  // The watermark is kept with the position.
  for (size_t i = 5; i < sent.size(); ++i) topics.add(sent[i]);
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(everything(), before);
}

// Their rows have nothing that would make the second one the first; and the proof that the producer
// repeats itself is kept over a restart.
TEST_F(Stream, RowsWithoutKeyAreNotDoubledByAProducerThatRepeats) {
  RecordedTopics topics;
  const auto row = [](uint64_t lsn) {
    return RowEvent{.value = "at " + std::to_string(lsn), .lsn = lsn, .is_keyless = true};
  };
  for (const uint64_t lsn : {1, 2, 3, 3}) topics.add(row(lsn));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  for (const uint64_t lsn : {2, 3}) topics.add(row(lsn));
  ASSERT_TRUE(catches_up(topics));
  stop();
  for (const uint64_t lsn : {3, 3, 4}) topics.add(row(lsn));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(rows("SELECT v, count(*) FROM t GROUP BY v ORDER BY v"),
              ElementsAre("at 1,1", "at 2,1", "at 3,3", "at 4,1"));
}

// The batch in hand fails with what passes by itself while the next change waits for it.
TEST_F(Stream, FailureOfTheBatchBeforeIsNotBlamedOnTheNextChange) {
  RecordedTopics topics;
  topics.add({.id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  watcher_.exec(
      "CREATE SEQUENCE tries; CREATE FUNCTION fail_twice() RETURNS trigger LANGUAGE plpgsql AS $$ "
      "BEGIN IF NEW.v = 'boom' AND pg_catalog.nextval('public.tries') < 3 THEN "
      "PERFORM pg_catalog.pg_sleep(0.2); RAISE 'try again' USING ERRCODE = '40001'; END IF; RETURN "
      "NEW; END $$; CREATE TRIGGER fail BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION "
      "fail_twice()");
  topics.add({.id = 2, .value = "boom"});
  for (int id = 3; id < 9; ++id) topics.add({.id = id, .is_key_wide = id % 2 == 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("metadb.dead_letter"), 0);
  EXPECT_EQ(count("t"), 8);
}

TEST_F(Stream, FilterThatGivesUpStopsTheLaneAndSetsNothingAside) {
  RecordedTopics topics;
  const std::string name = std::string(60, 'a') + "b";
  const std::string topic = topic_of({.table = name});
  topics.add({.table = name, .id = 1});
  topics.add({.id = 1});
  source_.options["table_stop_filter"] = "^public\\.(a|aa)+$";
  start(topics);
  ASSERT_TRUE(catches_up(topics, {topic}));
  ASSERT_TRUE(eventually([&] { return is_stopped(topic); }));
  EXPECT_THAT(reason(topic), HasSubstr("(a|aa)+"));
  EXPECT_EQ(count("metadb.dead_letter"), 0);
  EXPECT_EQ(count("t"), 1);
}

TEST_F(Stream, FilteredTablesAreReadPast) {
  RecordedTopics topics;
  for (int id = 0; id < 5; ++id) topics.add({.table = "skipped", .id = id});
  topics.add({.id = 1});
  source_.options["table_stop_filter"] = "public\\.skipped";
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_TRUE(eventually([&] { return status().filtered == 5; }));
  EXPECT_THAT(rows("SELECT table_name FROM metadb.base_table"), ElementsAre("t"));
}

TEST_F(Stream, TakesPartitionsAsTheGroupGivesThem) {
  RecordedTopics topics;
  topics.add({.id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  topics.source()->inject(ingest::Revoked{});
  topics.add({.id = 2});
  topics.source()->inject(ingest::Assigned{});
  // A topic that is new makes the group assign anew.
  topics.add({.table = "other", .id = 1});
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("t"), 2);
  EXPECT_EQ(count("other"), 1);
  EXPECT_TRUE(eventually([&] { return topics.source()->published() == topics.ends(); }));
}

// The group's next word comes after the stream has begun with the old one.
TEST_F(Stream, DeletedTopicStopsNoOther) {
  RecordedTopics topics;
  topics.add({.id = 1});
  topics.add({.table = "other", .id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  const auto source = topics.source();
  source->inject(ingest::Revoked{});
  source->inject(ingest::Assigned{});
  source->remove(kTopic);
  topics.add({.table = "other", .id = 2});
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("other"), 2);
  EXPECT_TRUE(eventually([&] { return status().state == SourceState::streaming; }));
  EXPECT_TRUE(status().stopped_lanes.empty());
}

TEST_F(Stream, PartitionsWithoutLeaderStopTheirTopicsAlone) {
  const std::vector<std::string> names = {"t", "u"};
  RecordedTopics topics;
  for (const char* name : {"t", "u", "other"}) topics.add({.table = name, .id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  const auto source = topics.source();
  for (const std::string& name : names)
    source->set_leaderless({topic_of({.table = name}), 0}, true);
  source->inject(ingest::Revoked{});
  source->inject(ingest::Assigned{});
  for (const std::string& name : names) topics.add({.table = name, .id = 2});
  topics.add({.table = "other", .id = 2});
  ASSERT_TRUE(catches_up(topics, {topic_of({.table = "t"}), topic_of({.table = "u"})}));
  ASSERT_TRUE(eventually([&] { return status().stopped_lanes.size() == 2; }));
  EXPECT_THAT(reason(kTopic), HasSubstr("has no leader (08001)"));
  EXPECT_EQ(status().state, SourceState::lanes_stopped);
  for (const std::string& name : names)
    source->set_leaderless({topic_of({.table = name}), 0}, false);
  const auto starts = [&] {
    return std::stoi(rows("SELECT epoch FROM metadb.ingest_position WHERE topic = '" +
                          topic_of({.table = "other"}) + "'")[0]);
  };
  const int before = starts();
  ASSERT_TRUE(catches_up(topics));
  EXPECT_LE(starts(), before + 1) << "both came back in one start";
  EXPECT_TRUE(eventually([&] { return status().stopped_lanes.empty(); }));
}

TEST_F(Stream, NoAnswerForAnyPartitionIsTheWeather) {
  RecordedTopics topics;
  topics.add({.id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  const auto source = topics.source();
  source->set_leaderless({kTopic, 0}, true);
  source->inject(ingest::Revoked{});
  source->inject(ingest::Assigned{});
  topics.add({.id = 2});
  ASSERT_TRUE(eventually([&] { return status().state == SourceState::retrying; }));
  EXPECT_TRUE(status().stopped_lanes.empty());
  source->set_leaderless({kTopic, 0}, false);
  ASSERT_TRUE(catches_up(topics));
}

// A key whose events were in the old partition goes to the new one now.
TEST_F(Stream, NewPartitionOfATopicIsReadAfterTheOldOnes) {
  RecordedTopics topics;
  topics.add({.id = 1, .value = "first"});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  topics.add({.id = 1, .value = "newest", .partition = 1});
  topics.add({.id = 1, .value = "newer"});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(rows("SELECT v FROM t__ ORDER BY __id"), ElementsAre("first", "newer", "newest"));
  EXPECT_TRUE(eventually([&] { return status().lag_events == 0; }));
}

TEST_F(Stream, IsStartingWhileTheGroupHasGivenNothing) {
  RecordedTopics topics;
  topics.add({.id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  ASSERT_TRUE(eventually([&] { return status().state == SourceState::streaming; }));
  topics.source()->inject(ingest::Revoked{});
  EXPECT_TRUE(eventually([&] { return status().state == SourceState::starting; }));
  topics.source()->inject(ingest::Assigned{});
  EXPECT_TRUE(eventually([&] { return status().state == SourceState::streaming; }));
}

TEST_F(Stream, StoppedTopicThatIsGoneIsListedNoMore) {
  RecordedTopics topics;
  topics.add({.id = 1, .db = "one"});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  const std::string loser = topic_of({.db = "two"});
  topics.add({.id = 1, .db = "two"});
  ASSERT_TRUE(eventually([&] { return is_stopped(loser); }));
  topics.source()->remove(loser);
  EXPECT_TRUE(eventually([&] { return status().stopped_lanes.empty(); }));
  EXPECT_TRUE(eventually([&] { return status().state == SourceState::streaming; }));
}

TEST_F(Stream, NamesTheGroupThatGivesPartitionsToSomebodyElse) {
  ingest::RecordedMessage message = recorded({.id = 1});
  ingest::ReplaySource replay({message});
  replay.set_elsewhere(2);
  ingest::Lanes lanes;
  ingest::Strands strands;
  ingest::Decoders decoders;
  ingest::StatusBoard board;
  ingest::Assignment assigned;
  ingest::GroupShare share({.interval = 0s, .patience = 0s});
  ingest::RetrySlot retries;
  ingest::SnapshotMemory clock;
  ingest::BatchSize batch_size;
  ingest::StreamOptions options{.source_name = "src", .consumer_group = "both", .rules = {}};
  std::jthread thread([&](const std::stop_token& stop) {
    bool goes_on = true;
    while (goes_on) {
      ingest::Stream stream({catalog_, replay, lanes, strands, decoders, board, assigned, share,
                             retries, clock, batch_size},
                            options);
      goes_on = stream.run(stop);
    }
  });
  EXPECT_TRUE(eventually([&] { return !board.read().last_error.empty(); }));
  EXPECT_THAT(board.read().last_error,
              AllOf(HasSubstr("of the 3 partitions"), HasSubstr("group \"both\"")));
}

TEST_F(Stream, RateFallsToNothingWhenNothingComes) {
  RecordedTopics topics;
  for (int id = 0; id < 50; ++id) topics.add({.id = id});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  ASSERT_TRUE(eventually([&] { return status().applied == 50; }));
  EXPECT_TRUE(eventually([&] { return status().events_per_second == 0; }));
}

TEST_F(Stream, SnapshotStateEndsWithTheSnapshot) {
  RecordedTopics topics;
  topics.add({.op = 'r', .id = 1, .snapshot = "first"});
  topics.add({.op = 'r', .id = 2, .snapshot = "true"});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_TRUE(eventually([&] { return status().state == SourceState::snapshot; }));
  topics.add({.op = 'r', .id = 3, .snapshot = "last"});
  ASSERT_TRUE(catches_up(topics));
  EXPECT_TRUE(eventually([&] { return status().state == SourceState::streaming; }));
}

// Longer than the stream goes without a poll: partitions come and go meanwhile.
TEST_F(Stream, PollsOnWhileABatchWaits) {
  store_setting(watcher_, "checkpoint_segment_size", "1");
  RecordedTopics topics;
  topics.add({.id = 0});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  {
    catalog::Connection holder = database_.connect();
    catalog::Transaction transaction(holder);
    holder.exec("SELECT 1 FROM metadb.ingest_position FOR UPDATE");
    for (int id = 1; id < 40; ++id) topics.add({.id = id});
    ASSERT_TRUE(eventually([&] { return somebody_waits_for_a_lock(watcher_); }));
    topics.source()->inject(ingest::SourceTrouble{"seen while waiting"});
    EXPECT_TRUE(eventually([&] { return status().last_error == "seen while waiting"; }));
  }
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("t"), 40);
}

}  // namespace
}  // namespace metadb::tests
