// Random histories over topics that share tables: the tables equal the model, whatever the number
// of writers, however the changes are cut into batches, wherever the worker was stopped.
#include <algorithm>

#include "ingest/strands.h"
#include "tests/ingest/history_test.h"
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

// A table here, and the topics that feed it: a key's events are all in one of them, since between
// two topics there is no order.
struct Feed {
  std::string table;  // of the source
  std::vector<std::string> topics;
  std::vector<std::string> source_schemas = {"public"};
  std::string schema = "public";  // here
};

// What hangs together is found out bit by bit: `both` feeds t1 and t2 and later t5, `more` t2 and
// t3.
const std::vector<Feed>& feeds() {
  static const std::vector<Feed> all = {
      {"t0", {"a0", "b0"}},
      {"t1", {"both"}},
      {"t2", {"both", "more"}},
      {"t3", {"more", "own3"}},
      {"t4", {"own4"}},
      {"t5", {"own5", "both"}},
      {"t6", {"own6"}},
      {"books", {"east_lib", "west_lib"}, {"east_lib", "west_lib"}, "lib"},
  };
  return all;
}

class SharedTables {
 public:
  explicit SharedTables(unsigned seed) : random_(seed) {}

  ingest::RecordedMessage next() {
    ++count_;
    // Late in the history comes what ties strands together that have long been written.
    const int known = count_ < 60 ? 5 : static_cast<int>(feeds().size());
    const auto index = static_cast<size_t>(random_.below(known));
    const Feed& feed = feeds()[index];
    RowEvent event;
    event.table = feed.table;
    event.id = random_.below(6);
    const auto id = static_cast<size_t>(event.id);
    event.schema = feed.source_schemas[id % feed.source_schemas.size()];
    event.ts_us = random_.time_us();
    event.lsn = ++lsn_;
    event.value = "v" + std::to_string(random_.below(4));
    event.op = op(feed);
    if (event.op == 'r') event.snapshot = "true";
    note(event, index);
    ingest::RecordedMessage message = recorded(event);
    message.topic = feed.topics[id % feed.topics.size()];
    // Of a topic that has tables in common with others there is one partition or two.
    message.partition = event.op == 't' || feed.table == "t4" ? 0 : event.id / 3;
    // A snapshot is never sent again in part.
    if (event.op == 'r') sent_.clear();
    if (event.op != 'r') sent_.push_back(message);
    return message;
  }
  // What a connector sends again that does not know how far it had come.
  std::vector<ingest::RecordedMessage> repeated() {
    const int count = std::min(random_.below(60), static_cast<int>(sent_.size()));
    return {sent_.end() - count, sent_.end()};
  }

  int below(int bound) { return random_.below(bound); }

  void expect_tables(catalog::Connection& connection) const {
    for (size_t i = 0; i < feeds().size(); ++i) {
      EXPECT_EQ(shown(stored_rows(connection, feeds()[i].schema, feeds()[i].table, {"id", "v"})),
                shown(models_[i].rows()))
          << feeds()[i].table;
    }
  }

 private:
  char op(const Feed& feed) {
    if (feed.table == "t4" && random_.one_in(10)) return 't';
    if (random_.one_in(4)) return 'd';
    return random_.one_in(8) ? 'r' : 'u';
  }

  void note(const RowEvent& event, size_t index) {
    RowsModel& model = models_[index];
    const std::string origin =
        event.schema == "public" ? "" : event.schema.substr(0, event.schema.find('_'));
    const ModelValues values = {std::to_string(event.id), event.value};
    if (event.op == 't') {
      model.truncate(origin, event.ts_us);
    } else if (event.op == 'd') {
      model.remove(origin, event.ts_us, values);
    } else {
      model.upsert(origin, event.ts_us, values);
    }
  }

  Random random_;
  int count_ = 0;
  uint64_t lsn_ = 100;
  std::vector<ingest::RecordedMessage> sent_;
  std::vector<RowsModel> models_{feeds().size(), RowsModel({0})};
};

class Writers : public WorkerTest {
 protected:
  Writers() {
    watcher_.exec("INSERT INTO metadb.origin VALUES ('east'), ('west')");
    catalog_.reload(watcher_);
  }

  void have_writers(int writers) { source_.options["writers"] = std::to_string(writers); }

  // Each life has another number of writers, and cuts otherwise.
  void check(unsigned seed, int writers) {
    SCOPED_TRACE(fmt::format("seed {}, {} writers", seed, writers));
    RecordedTopics topics;
    SharedTables tables(seed);
    have_writers(writers);
    for (int life = 0; life < 8; ++life) {
      store_setting(watcher_, "checkpoint_segment_size", std::to_string(1 + tables.below(40)));
      store_setting(watcher_, "tables_per_transaction", std::to_string(1 + tables.below(6)));
      if (seed % 3 == 0) have_writers(1 + tables.below(4));
      live(topics, [&] {
        for (int i = 0; i < 40; ++i) topics.add(tables.next());
        if (!sends_again_) return;
        for (const auto& message : tables.repeated()) topics.add(message);
      });
    }
    start(topics);
    ASSERT_TRUE(catches_up(topics));
    EXPECT_TRUE(eventually([&] { return status().stopped_lanes.empty(); }));
    stop();
    tables.expect_tables(watcher_);
    EXPECT_EQ(count("metadb.dead_letter"), 0);
  }

  bool sends_again_ = false;
};

TEST_F(Writers, OneWritesWhatTheModelHolds) {
  check(1, 1);
}
TEST_F(Writers, TwoWriteWhatTheModelHolds) {
  check(2, 2);
}
TEST_F(Writers, ThreeWriteWhatTheModelHolds) {
  check(4, 3);
}
TEST_F(Writers, ManyWriteWhatTheModelHolds) {
  check(5, 16);
}
TEST_F(Writers, AnotherNumberInEachLifeChangesNothing) {
  check(3, 2);
}
TEST_F(Writers, WhatAConnectorSendsAgainChangesNothing) {
  sends_again_ = true;
  check(9, 2);
}

// The tables of two topics that different writers have, of two.
std::pair<std::string, std::string> tables_apart() {
  ingest::Strands strands;
  strands.tie("first", {"public", "t0"});
  const size_t first = strands.writer_of("first", 2);
  for (int i = 1;; ++i) {
    const std::string table = fmt::format("t{}", i);
    strands.tie(table, {"public", table});
    if (strands.writer_of(table, 2) != first) return {"t0", table};
  }
}

TEST_F(Writers, WhileOneWaitsForALockTheOtherWrites) {
  const auto [locked, free] = tables_apart();
  RecordedTopics topics;
  for (const std::string& table : {locked, free}) topics.add({.table = table, .id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  {
    catalog::Connection holder = database_.connect();
    catalog::Transaction transaction(holder);
    holder.exec("LOCK TABLE " + locked + " IN ACCESS EXCLUSIVE MODE");
    topics.add({.table = locked, .id = 2});
    ASSERT_TRUE(eventually([&] { return somebody_waits_for_a_lock(watcher_); }));
    for (int id = 2; id < 20; ++id) {
      topics.add({.table = free, .id = id});
      ASSERT_TRUE(eventually([&] { return count(free) == id; })) << id;
      if (!somebody_waits_for_a_lock(watcher_)) break;  // it has given up by now
    }
    EXPECT_GE(count(free), 5) << "while the first waited";
  }
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count(locked), 2);
}

TEST_F(Writers, BatchesOnTheirWayOutliveTheStopOfAnotherTopic) {
  const auto [stopped, other] = tables_apart();
  RecordedTopics topics;
  for (const std::string& table : {stopped, other}) topics.add({.table = table, .id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  watcher_.exec("DROP TABLE " + stopped + "__");
  const std::string topic = topic_of({.table = stopped});
  for (int id = 2; id < 60; ++id) {
    topics.add({.table = other, .id = id});
    if (id == 20) topics.add({.table = stopped, .id = id});
  }
  ASSERT_TRUE(catches_up(topics, {topic}));
  EXPECT_EQ(count(other), 59);
  EXPECT_TRUE(eventually([&] { return status().stopped_lanes.contains(topic); }));
}

// Nothing comes after it that could be committed along with it.
TEST_F(Writers, ScanThatIsToldWhileRowsAreWrittenIsRecorded) {
  const auto [table, other] = tables_apart();
  source_.options = {{"brokers", "b"}, {"topics", "^."}, {"consumer_group", "g"}, {"writers", "2"}};
  catalog::Transaction creating(watcher_);
  catalog::insert_source(watcher_, source_);
  creating.commit();
  catalog_.reload(watcher_);
  RecordedTopics topics;
  topics.add({.table = table, .id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  {
    catalog::Connection holder = database_.connect();
    catalog::Transaction transaction(holder);
    holder.exec("LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE");
    topics.add({.table = table, .op = 'r', .id = 2, .snapshot = "true"});
    ASSERT_TRUE(eventually([&] { return somebody_waits_for_a_lock(watcher_); }));
    ingest::RecordedMessage scan;
    scan.topic = other;
    scan.value = fmt::format(
        R"({{"aggregate_type":"Initial Snapshot","type":"TABLE_SCAN_COMPLETED","additional_data":{{)"
        R"("connector_name":"srv","scanned_collection":"public.{}","status":"SUCCEEDED",)"
        R"("total_rows_scanned":"7"}}}})",
        table);
    topics.add(scan);
    ASSERT_TRUE(catches_up(topics, {topic_of({.table = table})}));
  }
  ASSERT_TRUE(catches_up(topics));
  EXPECT_TRUE(eventually([&] { return count("metadb.snapshot_table WHERE expected = 7") == 1; }));
}

// Its records say nothing of the table that comes later.
TEST_F(Writers, TopicThatBeginsWithSkippedRecordsGoesToTheWriterOfItsTable) {
  RecordedTopics topics;
  for (int i = 0; i < 12; ++i) {
    ingest::RecordedMessage tombstone = recorded({.table = fmt::format("t{}", i)});
    tombstone.value = std::nullopt;
    topics.add(tombstone);
  }
  have_writers(3);
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  for (int i = 0; i < 12; ++i) {
    for (int id = 1; id <= 3; ++id) topics.add({.table = fmt::format("t{}", i), .id = id});
  }
  ASSERT_TRUE(catches_up(topics));
  for (int i = 0; i < 12; ++i) EXPECT_EQ(count(fmt::format("t{}", i)), 3) << i;
}

// What was set aside before is closed by what comes later in the topic, by whichever writer.
TEST_F(Writers, LettersOfATopicThatChangesItsWriterAreClosed) {
  have_writers(16);
  RecordedTopics topics;
  for (int i = 0; i < 6; ++i) {
    ingest::RecordedMessage bad = recorded({.table = fmt::format("t{}", i), .id = 1});
    bad.value = "no JSON";
    topics.add(bad);
  }
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  ASSERT_EQ(count("metadb.dead_letter WHERE closed IS NULL"), 6);
  for (int i = 0; i < 6; ++i) topics.add({.table = fmt::format("t{}", i), .id = 1});
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("metadb.dead_letter WHERE closed IS NULL"), 0);
}

}  // namespace
}  // namespace metadb::tests
