#include "ingest/worker.h"

#include "tests/ingest/recorded_rows.h"
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using ingest::SourceState;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::string> kRecordings = {"tests/ingest/data/debezium-1.9.jsonl",
                                              "tests/ingest/data/debezium-3.jsonl",
                                              "conf/demo/library.jsonl"};

std::vector<ingest::RecordedMessage> recording(const std::string& name) {
  return ingest::read_recording(METADB_SOURCE_DIR "/" + name);
}

class Worker : public WorkerTest {};
class Recording : public WorkerTest, public testing::WithParamInterface<std::string> {};

TEST_P(Recording, BecomesTablesWithoutLoss) {
  RecordedTopics topics(recording(GetParam()));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(rows("SELECT topic, \"offset\", sqlstate, error FROM metadb.dead_letter"),
              ElementsAre());
  EXPECT_THAT(rows("SELECT * FROM metadb.unresolved"), ElementsAre());
  EXPECT_TRUE(status().stopped_lanes.empty());
  stop();
  const RecordedRows expected(watcher_, recording(GetParam()));
  EXPECT_EQ(rows("SELECT schema_name || '.' || table_name FROM metadb.base_table ORDER BY "
                 "schema_name COLLATE \"C\", table_name COLLATE \"C\""),
            expected.names());
  expected.expect_stored();
}

TEST_P(Recording, RestartsBetweenItsPiecesChangeNothing) {
  const std::vector<ingest::RecordedMessage> log = recording(GetParam());
  RecordedTopics whole(log);
  start(whole);
  ASSERT_TRUE(catches_up(whole));
  stop();
  const std::vector<std::string> in_one_go = everything();
  ASSERT_FALSE(in_one_go.empty());
  for (const std::string& table :
       rows("SELECT format('%I.%I', schema_name, table_name || '__') FROM metadb.base_table"))
    watcher_.exec("DROP TABLE " + table);
  watcher_.exec(
      "TRUNCATE metadb.base_table, metadb.managed_table, metadb.source_table, metadb.column_name, "
      "metadb.ingest_position, metadb.ingest_watermark");
  for (const std::string& table :
       rows("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE tablename LIKE "
            "'zzz%'"))
    watcher_.exec("DROP TABLE " + table);
  RecordedTopics pieces;
  const size_t piece = log.size() / 8;
  for (size_t at = 0; at < log.size(); ++at) {
    pieces.add(log[at]);
    if (at % piece == 0) live(pieces, [] {});
  }
  EXPECT_GE(lives_that_committed_, lives_ / 3);
  start(pieces);
  ASSERT_TRUE(catches_up(pieces));
  EXPECT_EQ(everything(), in_one_go);
}

INSTANTIATE_TEST_SUITE_P(All, Recording, testing::ValuesIn(kRecordings), [](const auto& test) {
  const size_t slash = test.param.rfind('/');
  std::string name = test.param.substr(slash + 1, test.param.rfind('.') - slash - 1);
  std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
  return name;
});

TEST_F(Worker, RecordedRowsArriveAsTheyWere) {
  for (const std::string& name : {kRecordings[0], kRecordings[1]}) {
    RecordedTopics topics(recording(name));
    source_.name = "src" + std::to_string(name.size());
    source_.options["add_schema_prefix"] = "p" + std::to_string(name.size()) + "_";
    start(topics);
    ASSERT_TRUE(catches_up(topics));
    const std::string schema = source_.option("add_schema_prefix") + "public";
    EXPECT_EQ(count(schema + ".nokey"), 8);
    EXPECT_EQ(count(schema + ".pairs"), 1) << "the truncate ended all but the last";
    EXPECT_EQ(count(schema + ".whole"), 0);
    EXPECT_EQ(count(schema + ".types__ WHERE date_c = 'infinity'"), 2);
    EXPECT_EQ(count(schema + ".types__ WHERE date_c = '-infinity'"), 2);
    EXPECT_EQ(count(schema + ".types__ WHERE timestamp_c = 'infinity'"), 2);
    stop();
    watcher_.exec("DELETE FROM metadb.ingest_position");
  }
}

// A trigger of each table refuses a transaction that writes a third one.
TEST_F(Worker, WritesFewerTablesAtOnceWhereLocksRunOut) {
  constexpr int kTables = 8;
  RecordedTopics topics;
  const auto add_to_all = [&](uint64_t lsn) {
    for (int i = 0; i < kTables; ++i) {
      RowEvent event;
      event.table = fmt::format("t{}", i);
      event.id = static_cast<int>(lsn);
      event.lsn = lsn * 100 + static_cast<uint64_t>(i) + 1;
      topics.add(event);
    }
  };
  add_to_all(1);
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  watcher_.exec(
      "CREATE FUNCTION public.lacks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF (SELECT "
      "count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE l.pid = "
      "pg_backend_pid() AND l.mode = 'RowExclusiveLock' AND c.relname ~ '^t[0-9]$') > 2 THEN RAISE "
      "'out of shared memory' USING ERRCODE = '53200', HINT = 'You might need to increase "
      "max_locks_per_transaction.'; END IF; RETURN NEW; END $$");
  for (int i = 0; i < kTables; ++i) {
    watcher_.exec(fmt::format(
        "CREATE TRIGGER lacks BEFORE INSERT ON public.t{} FOR EACH ROW EXECUTE FUNCTION "
        "public.lacks()",
        i));
  }
  add_to_all(2);
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  for (int i = 0; i < kTables; ++i) EXPECT_EQ(count(fmt::format("public.t{}", i)), 2) << i;
  EXPECT_TRUE(status().stopped_lanes.empty());
}

// A table into which a row takes 20 ms, and a backlog of it.
void slow_down(catalog::Connection& connection) {
  connection.exec(
      "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM "
      "pg_sleep(0.02); RETURN NEW; END $$; CREATE TRIGGER slow BEFORE INSERT ON public.t FOR EACH "
      "ROW EXECUTE FUNCTION public.slow()");
}

// The batch takes 4 s, and each time begins again: it is cancelled 0.7 s after the order.
TEST_F(Worker, BatchesThatAreCutShortBecomeSmallerUntilTheyFit) {
  RecordedTopics topics;
  topics.add({.id = 0});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  slow_down(watcher_);
  const int64_t before = applied();
  for (int id = 1; id <= 200; ++id) topics.add({.id = id});
  start(topics);
  bool has_committed = false;
  for (int round = 0; round < 15 && !has_committed; ++round) {
    worker_->obey(ingest::Order::run);
    has_committed = eventually([&] { return applied() > before; }, 1s);
    worker_->obey(ingest::Order::pause);
    ASSERT_TRUE(worker_->await_rest(10s));
  }
  EXPECT_TRUE(has_committed || applied() > before);
}

TEST_F(Worker, RebalancesThatNeverEndLetBatchesBeCommitted) {
  RecordedTopics topics;
  topics.add({.id = 0});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  slow_down(watcher_);
  const int64_t before = applied();
  for (int id = 1; id <= 200; ++id) topics.add({.id = id});
  bool has_committed = false;
  for (int round = 0; round < 15 && !has_committed; ++round) {
    topics.source()->inject(ingest::Revoked{});
    topics.source()->inject(ingest::Assigned{});
    has_committed = eventually([&] { return applied() > before; }, 1s);
  }
  EXPECT_TRUE(has_committed);
}

// Of two megabytes that wait no batch takes more than one.
TEST_F(Worker, BatchesAreSmallWhereMemoryIs) {
  RecordedTopics topics;
  for (int id = 0; id < 20; ++id) topics.add({.id = id, .value = std::string(100'000, 'x')});
  watcher_.exec(
      "CREATE TABLE public.batches (next_offset bigint); CREATE FUNCTION public.note() RETURNS "
      "trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.next_offset IS DISTINCT FROM OLD.next_offset "
      "THEN INSERT INTO public.batches VALUES (NEW.next_offset); END IF; RETURN NEW; END $$; "
      "CREATE TRIGGER note BEFORE UPDATE ON metadb.ingest_position FOR EACH ROW EXECUTE FUNCTION "
      "public.note()");
  worker_ = std::make_unique<ingest::Worker>(catalog_, source_, topics.factory(), nullptr, 1);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_GE(count("public.batches"), 3);
}

// Writes random events of three tables and the same to the model.
class Traffic {
 public:
  explicit Traffic(unsigned seed) : random_(seed) {}

  RowEvent next() {
    RowEvent event;
    const int table = random_.below(3);
    event.table = "t" + std::to_string(table);
    event.id = random_.below(6);
    event.partition = event.id % 2;
    event.ts_us = random_.time_us();
    event.lsn = ++lsn_;
    event.value = "v" + std::to_string(random_.below(4));
    event.op = random_.one_in(4) ? 'd' : 'u';
    RowsModel& model = models_.at(static_cast<size_t>(table));
    ModelValues values = {std::to_string(event.id), event.value};
    if (event.op == 'd') {
      model.remove("", event.ts_us, values);
    } else {
      model.upsert("", event.ts_us, values);
    }
    return event;
  }

  void expect_tables(catalog::Connection& connection) const {
    for (size_t i = 0; i < models_.size(); ++i) {
      EXPECT_EQ(shown(stored_rows(connection, "public", "t" + std::to_string(i), {"id", "v"})),
                shown(models_[i].rows()));
    }
  }

 private:
  Random random_;
  uint64_t lsn_ = 100;
  std::vector<RowsModel> models_{3, RowsModel({0})};
};

TEST_F(Worker, RestartsAtAnyMomentLoseAndDoubleNothing) {
  RecordedTopics topics;
  Traffic traffic(1);
  for (int life = 0; life < 25; ++life) {
    live(topics, [&] {
      for (int i = 0; i < 20; ++i) topics.add(traffic.next());
    });
  }
  EXPECT_GE(lives_that_committed_, lives_ / 3);
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  traffic.expect_tables(watcher_);
  EXPECT_EQ(count("metadb.dead_letter"), 0);
}

TEST_F(Worker, KilledBackendsLoseAndDoubleNothing) {
  RecordedTopics topics;
  Traffic traffic(11);
  start(topics);
  for (int round = 0; round < 6; ++round) {
    const int64_t before = applied();
    for (int i = 0; i < 60; ++i) topics.add(traffic.next());
    ASSERT_TRUE(eventually([&] { return applied() > before; })) << round;
    // The worker may be between two connections.
    ASSERT_TRUE(eventually([&] { return kill_backends() > 0; })) << round;
  }
  ASSERT_TRUE(catches_up(topics));
  stop();
  traffic.expect_tables(watcher_);
  EXPECT_EQ(count("metadb.dead_letter"), 0);
}

TEST_F(Worker, GoesOnWhenPostgresComesBack) {
  RecordedTopics topics;
  topics.add({.id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  const catalog::Connection server(server_conninfo());
  catalog::Connection admin(server_conninfo());
  admin.exec("ALTER DATABASE " + database_.name() + " ALLOW_CONNECTIONS false");
  admin.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" +
             database_.name() + "'");
  topics.add({.id = 2});
  EXPECT_TRUE(eventually([&] {
    const ingest::SourceStatus seen = status();
    return seen.state == SourceState::retrying && seen.next_retry_us.has_value();
  }));
  admin.exec("ALTER DATABASE " + database_.name() + " ALLOW_CONNECTIONS true");
  watcher_ = database_.connect();
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(rows("SELECT id FROM t ORDER BY 1"), ElementsAre("1", "2"));
  EXPECT_TRUE(eventually([&] { return status().state == SourceState::streaming; }));
}

TEST_F(Worker, ReportsAnErrorWithSqlstateDetailAndHint) {
  const auto refused = [](const catalog::DataSource&,
                          const catalog::Snapshot&) -> std::unique_ptr<ingest::Source> {
    throw catalog::Error("22023", "invalid value").with_detail("It is 7.").with_hint("Try 8.");
  };
  worker_ = std::make_unique<ingest::Worker>(catalog_, source_, refused);
  ASSERT_TRUE(eventually([&] { return status().state == SourceState::retrying; }));
  EXPECT_TRUE(eventually([&] {
    return status().last_error == "invalid value (22023); It is 7.; Try 8.";
  })) << status().last_error;
}

TEST_F(Worker, EndsSoonWhileNothingHappens) {
  RecordedTopics topics;
  topics.add(RowEvent{});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  const auto begun = std::chrono::steady_clock::now();
  stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 15s);
}

TEST_F(Worker, EndsSoonWhilePostgresDoesNotAnswer) {
  RecordedTopics topics;
  topics.add(RowEvent{});
  catalog::Connection admin(server_conninfo());
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  admin.exec("ALTER DATABASE " + database_.name() + " ALLOW_CONNECTIONS false");
  admin.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" +
             database_.name() + "'");
  topics.add(RowEvent{.id = 2});
  EXPECT_TRUE(eventually([&] { return status().state == SourceState::retrying; }));
  const auto begun = std::chrono::steady_clock::now();
  stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 15s);
  admin.exec("ALTER DATABASE " + database_.name() + " ALLOW_CONNECTIONS true");
}

TEST_F(Worker, EndsInBoundedTimeWhileABatchWaitsForALock) {
  store_setting(watcher_, "checkpoint_segment_size", "1");
  RecordedTopics topics;
  topics.add({.id = 0});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  catalog::Transaction holder(watcher_);
  watcher_.exec("SELECT 1 FROM metadb.ingest_position FOR UPDATE");
  // More than is read ahead while the first of them waits.
  for (int id = 1; id < 50; ++id) topics.add({.id = id});
  catalog::Connection second = database_.connect();
  ASSERT_TRUE(eventually([&] { return somebody_waits_for_a_lock(second); }));
  const auto begun = std::chrono::steady_clock::now();
  stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, ingest::Writer::kFinishMax + 5s);
}

TEST_F(Worker, RestsSoonWhileItsPositionsAreLocked) {
  RecordedTopics topics;
  topics.add(RowEvent{});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  catalog::Connection holder = database_.connect();
  const catalog::Transaction transaction(holder);
  holder.exec("SELECT FROM metadb.ingest_position FOR UPDATE");
  start(topics);
  ASSERT_TRUE(eventually([&] { return somebody_waits_for_a_lock(watcher_); }));
  EXPECT_EQ(status().asked.size(), 1U);
  worker_->obey(ingest::Order::pause);
  EXPECT_TRUE(worker_->await_rest(5s));
  EXPECT_TRUE(status().asked.empty());
}

TEST_F(Worker, IsBehindAsLongAsNothingIsCommitted) {
  RecordedTopics topics;
  topics.add({.id = 1});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_TRUE(eventually([&] { return status().lag_events == 0; }));
  {
    catalog::Connection holder = database_.connect();
    const catalog::Transaction transaction(holder);
    holder.exec("SELECT FROM metadb.ingest_position FOR UPDATE");
    topics.add({.id = 2});
    topics.add({.id = 3});
    ASSERT_TRUE(eventually([&] { return status().lag_events == 2; }));
    EXPECT_EQ(status().asked.size(), 1U);
  }
  EXPECT_TRUE(eventually([&] { return status().lag_events == 0; }));
  EXPECT_TRUE(status().asked.empty());
}

}  // namespace
}  // namespace metadb::tests
