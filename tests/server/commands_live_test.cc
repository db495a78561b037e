// What commands do to sources that stream, without a restart.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <thread>

#include "server/kafka_factory.h"
#include "tests/fakes/eventually.h"
#include "tests/fakes/no_more_threads.h"
#include "tests/ingest/recorded_topics.h"
#include "tests/server/commands_fixture.h"

namespace metadb::tests {
namespace {

using namespace std::chrono_literals;
using catalog::Error;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Brokers of a cluster that accept and say nothing, until they are opened.
class SilentBrokers {
 public:
  void open() {
    const std::scoped_lock lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  // As a question to them: it waits for its time-out.
  void ask(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    ++asked_;
    if (changed_.wait_for(lock, timeout, [this] { return is_open_; })) return;
    throw Error("08001", "no broker answers");
  }
  int asked() {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
  int asked_ = 0;
};

// Has its assignment, and gets no answer to what it asks then.
class Unanswered final : public ForwardingSource {
 public:
  Unanswered(SilentBrokers& brokers, std::unique_ptr<ingest::Source> source)
      : ForwardingSource(std::move(source)), brokers_(brokers) {}
  std::vector<ingest::WatermarksAnswer> watermarks(const std::vector<ingest::TopicPartition>& of,
                                                   std::chrono::milliseconds timeout) override {
    brokers_.ask(timeout);
    return ForwardingSource::watermarks(of, timeout);
  }

 private:
  SilentBrokers& brokers_;
};

class Live : public CommandsTest {
 protected:
  Live() {
    make_source_ = [this](const catalog::DataSource& source, const catalog::Snapshot& snapshot) {
      topics_read_[source.name] = source.option("topics");
      return topics_[source.name].factory()(source, snapshot);
    };
  }
  ~Live() override { workers_->stop_all(); }

  void create(const std::string& name, const std::string& more = "") {
    run("create data source " + name +
        " type kafka options (brokers 'b', topics 't', consumer_group '" + name + "'" + more + ")");
  }
  std::optional<std::string> status_of(const std::string& name, const std::string& column) {
    const server::Reply reply = run("list status");
    for (const auto& row : reply.rows) {
      if (row[1] != name) continue;
      for (size_t i = 0; i < row.size(); ++i) {
        if (reply.columns[i].name == column) return row[i];
      }
    }
    return "no source " + name;
  }
  std::string state(const std::string& name = "s") {
    return status_of(name, "state").value_or("NULL");
  }
  bool becomes(const std::string& wanted, const std::string& name = "s") {
    return eventually([&] { return state(name) == wanted; });
  }
  // -1: there is no such table.
  int64_t count(const std::string& table) {
    if (only("SELECT (to_regclass('" + table + "') IS NOT NULL)::text") == "false") return -1;
    return std::stoll(only("SELECT count(*) FROM " + table));
  }
  bool arrive(int64_t rows, const std::string& table = "public.t") {
    return eventually([&] { return count(table) == rows; });
  }
  // Runs it and sees that it takes less than a second.
  server::Reply run_at_once(const std::string& sql) {
    const auto begun = std::chrono::steady_clock::now();
    server::Reply reply = run(sql);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 1s + kSlack) << sql;
    return reply;
  }
  std::string topic_row(const std::string& topic) {
    for (const auto& row : run("list topics").rows) {
      if (row[1] != topic) continue;
      std::string line;
      for (const auto& value : row) line += (line.empty() ? "" : ",") + value.value_or("NULL");
      return line;
    }
    return "no topic " + topic;
  }

  // A machine with other work to do.
  static constexpr std::chrono::milliseconds kSlack{300};
  std::map<std::string, RecordedTopics> topics_{{"s", {}}, {"two", {}}};  // by source
  std::map<std::string, std::string> topics_read_;  // by the last consumer of the source
};

TEST_F(Live, PausedSourceReadsNothingAndGoesOnWithoutLossOrDoubles) {
  for (int id = 0; id < 5; ++id) topics_["s"].add({.id = id});
  create("s");
  ASSERT_TRUE(arrive(5));
  EXPECT_EQ(run_at_once("pause data source s").tag, "PAUSE DATA SOURCE");
  EXPECT_THAT(notices_, IsEmpty());
  EXPECT_EQ(state(), "paused");
  EXPECT_EQ(status_of("s", "source_stream"), "inactive");
  EXPECT_NE(status_of("s", "since"), std::nullopt);
  ASSERT_TRUE(eventually([&] { return topics_["s"].source() == nullptr; }));
  for (int id = 5; id < 12; ++id) topics_["s"].add({.id = id});
  EXPECT_EQ(count("public.t"), 5) << "there is no consumer that could have read the others";
  EXPECT_EQ(run_at_once("resume data source s").tag, "RESUME DATA SOURCE");
  ASSERT_TRUE(arrive(12));
  EXPECT_EQ(count("public.t__"), 12);
  EXPECT_TRUE(becomes("snapshot complete"));
}

TEST_F(Live, PauseSurvivesARestartWithTheTimeOfItsBeginning) {
  topics_["s"].add({.id = 1});
  create("s");
  ASSERT_TRUE(arrive(1));
  run("pause data source s");
  const auto since = status_of("s", "since");
  workers_->stop_all();
  topics_["s"].add({.id = 2});
  catalog::Connection connection(system_conninfo());
  catalog_->reload(connection);
  workers_->start_all();
  EXPECT_EQ(state(), "paused");
  EXPECT_EQ(status_of("s", "since"), since);
  EXPECT_EQ(topics_["s"].source(), nullptr);
  run("resume data source s");
  EXPECT_TRUE(arrive(2));
  EXPECT_EQ(only("SELECT count(*) FROM metadb.source_pause"), "0");
}

TEST_F(Live, PausingTwiceAndResumingWhatRunsAreNotices) {
  create("s");
  ASSERT_TRUE(becomes("starting"));
  run("resume data source s");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].severity, "NOTICE");
  EXPECT_EQ(notices_[0].message, "data source \"s\" is not paused");
  run("pause data source s");
  run("pause data source s");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].message, "data source \"s\" is already paused");
}

TEST_F(Live, PauseEndsALongBackoff) {
  make_source_ = [](const catalog::DataSource&,
                    const catalog::Snapshot&) -> std::unique_ptr<ingest::Source> {
    throw Error("08001", "no route to host");
  };
  create("s");
  ASSERT_TRUE(becomes("retrying"));
  EXPECT_NE(status_of("s", "next_retry"), std::nullopt);
  run_at_once("pause data source s");
  EXPECT_THAT(notices_, IsEmpty());
  EXPECT_EQ(state(), "paused");
  EXPECT_EQ(status_of("s", "next_retry"), std::nullopt);
}

// A topic that stands is tried again, too.
TEST_F(Live, TellsWhenATopicThatStandsIsTriedAgain) {
  topics_["s"].add({.id = 1});
  create("s");
  ASSERT_TRUE(arrive(1));
  catalog::Connection user = database_.connect();
  std::optional<catalog::Transaction> locking(user);
  user.exec("LOCK TABLE public.t IN EXCLUSIVE MODE");
  topics_["s"].add({.id = 2});
  ASSERT_TRUE(eventually([&] { return state() == "retrying" && status_of("s", "next_retry"); }));
  run("pause data source s");
  EXPECT_EQ(status_of("s", "next_retry"), std::nullopt);
  run("resume data source s");
  locking.reset();
  ASSERT_TRUE(arrive(2));
  EXPECT_TRUE(eventually([&] { return status_of("s", "next_retry") == std::nullopt; }));
}

class SilentLive : public Live {
 protected:
  SilentLive() {
    topics_["s"].add({.id = 1});
    auto answering = make_source_;
    make_source_ = [this, answering](
                       const catalog::DataSource& source,
                       const catalog::Snapshot& snapshot) -> std::unique_ptr<ingest::Source> {
      auto made = answering(source, snapshot);
      if (source.name != "s") return made;
      return std::make_unique<Unanswered>(brokers_, std::move(made));
    };
    create("s");
  }
  ~SilentLive() override {
    brokers_.open();
    workers_->stop_all();
  }
  bool is_asking(int times = 1) {
    return eventually([&] { return brokers_.asked() >= times; });
  }

  SilentBrokers brokers_;
};

TEST_F(SilentLive, PauseAnswersAtOnceAndSaysWhatItWaitsFor) {
  ASSERT_TRUE(is_asking());
  run_at_once("pause data source s");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_THAT(notices_[0].message, HasSubstr("still waits for an answer"));
  EXPECT_EQ(state(), "paused");
  brokers_.open();
  EXPECT_TRUE(eventually([&] { return topics_["s"].source() == nullptr; }));
  EXPECT_EQ(count("public.t"), -1);
  run("resume data source s");
  EXPECT_TRUE(arrive(1));
}

TEST_F(SilentLive, DropAndAlterAnswerAtOnce) {
  ASSERT_TRUE(is_asking());
  run_at_once("alter data source s options (add schema_stop_filter 'admin')");
  run_at_once("drop data source s");
  EXPECT_THAT(run("list status").rows, IsEmpty());
}

TEST_F(SilentLive, SourceCreatedAgainBeginsWhenTheDroppedOneHasEnded) {
  ASSERT_TRUE(is_asking());
  run_at_once("drop data source s");
  create("s");
  EXPECT_EQ(state(), "starting");
  EXPECT_EQ(brokers_.asked(), 1) << "two consumers of one source";
  brokers_.open();
  EXPECT_TRUE(arrive(1));
}

TEST_F(SilentLive, DisturbsNoOtherSource) {
  topics_["two"].add({.table = "u", .id = 1});
  create("two");
  ASSERT_TRUE(arrive(1, "public.u"));
  ASSERT_TRUE(is_asking());
  const auto consumer = topics_["two"].source();
  run_at_once("pause data source s");
  run_at_once("alter data source s options (set topics 'x')");
  run_at_once("drop data source s");
  topics_["two"].add({.table = "u", .id = 2});
  EXPECT_TRUE(arrive(2, "public.u"));
  EXPECT_EQ(topics_["two"].source(), consumer);
}

// librdkafka itself, and a port where nobody listens, or a host that loses what it is sent.
TEST_F(Live, UnreachableBrokersHoldUpNoCommand) {
  make_source_ = server::kafka_source_factory(int64_t{64} << 20);
  for (const std::string brokers : {"127.0.0.1:1", "192.0.2.1:9092"}) {
    run("create data source s type kafka options (brokers '" + brokers +
        "', topics 't', consumer_group 'g', security 'plaintext')");
    run_at_once("pause data source s");
    EXPECT_EQ(state(), "paused");
    run_at_once("resume data source s");
    run_at_once("alter data source s options (add kafka.client.rack 'r')");
    run_at_once("alter data source s options (set topics 'u')");
    EXPECT_EQ(state(), "waiting");
    run_at_once("drop data source s");
  }
}

// Somebody holds what the batch in hand needs.
TEST_F(Live, PauseCancelsABatchThatDoesNotEnd) {
  topics_["s"].add({.id = 1});
  create("s");
  ASSERT_TRUE(arrive(1));
  catalog::Connection second = database_.connect();
  {
    catalog::Transaction holder(superuser_);
    superuser_.exec("SELECT 1 FROM metadb.ingest_position FOR UPDATE");
    topics_["s"].add({.id = 2});
    ASSERT_TRUE(eventually([&] { return somebody_waits_for_a_lock(second); }));
    run_at_once("pause data source s");
    EXPECT_EQ(state(), "paused");
    EXPECT_TRUE(eventually([&] { return !somebody_waits_for_a_lock(second); }));
  }
  EXPECT_EQ(count("public.t"), 1);
  run("resume data source s");
  EXPECT_TRUE(arrive(2));
  EXPECT_EQ(count("public.t__"), 2);
}

TEST_F(Live, AlteredFilterHoldsForWhatComesNext) {
  topics_["s"].add({.id = 1});
  topics_["s"].add({.table = "other", .id = 1});
  create("s");
  ASSERT_TRUE(arrive(1));
  ASSERT_TRUE(arrive(1, "public.other"));
  EXPECT_EQ(run_at_once("alter data source s options (add table_stop_filter '\\.other$')").tag,
            "ALTER DATA SOURCE");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].severity, "WARNING");
  EXPECT_EQ(notices_[0].message, "the filters leave out 1 known table from now on");
  EXPECT_EQ(notices_[0].detail, "public.other (public.other)");
  ASSERT_TRUE(eventually([&] { return state() == "snapshot complete"; }));
  topics_["s"].add({.table = "other", .id = 2});
  topics_["s"].add({.id = 2});
  ASSERT_TRUE(arrive(2));
  const std::string topic = topic_of({.table = "other"});
  EXPECT_TRUE(eventually([&] { return topic_row(topic) == "s," + topic + ",0,2,2,0,1,1,0"; }))
      << topic_row(topic);
  EXPECT_EQ(count("public.other"), 1);
  run("alter data source s options (drop table_stop_filter)");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].message, "the filters let in 1 known table that they left out before");
  topics_["s"].add({.table = "other", .id = 3});
  EXPECT_TRUE(arrive(2, "public.other"));
}

TEST_F(Live, AlteredNamesHoldForNewTablesAndTheOthersAreNamed) {
  topics_["s"].add({.id = 1});
  create("s");
  ASSERT_TRUE(arrive(1));
  run("alter data source s options (add add_schema_prefix 'p_')");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].message, "1 known table stays where it is");
  EXPECT_EQ(notices_[0].detail, "public.t stays in public.t, a new one would go to p_public.t.");
  topics_["s"].add({.id = 2});
  topics_["s"].add({.table = "u", .id = 1});
  EXPECT_TRUE(arrive(1, "p_public.u"));
  EXPECT_TRUE(arrive(2));
}

TEST_F(Live, AlteredTopicsWaitUntilTheSourceIsResumed) {
  topics_["s"].add({.id = 1});
  create("s");
  ASSERT_TRUE(arrive(1));
  run_at_once("alter data source s options (set topics 'new', set consumer_group 'g2')");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].severity, "NOTICE");
  EXPECT_EQ(notices_[0].message, "data source \"s\" waits, since consumer_group, topics changed");
  EXPECT_THAT(notices_[0].hint, HasSubstr("RESUME DATA SOURCE \"s\";"));
  EXPECT_EQ(state(), "waiting");
  EXPECT_NE(status_of("s", "since"), std::nullopt);
  ASSERT_TRUE(eventually([&] { return topics_["s"].source() == nullptr; }));
  topics_["s"].add({.id = 2});
  run("alter data source s options (add schema_stop_filter 'admin')");
  EXPECT_EQ(state(), "waiting") << "another change does not end it";
  EXPECT_EQ(count("public.t"), 1);
  run("resume data source s");
  EXPECT_THAT(notices_, IsEmpty());
  EXPECT_TRUE(arrive(2));
  const std::scoped_lock lock(mutex_);
  EXPECT_EQ(topics_read_["s"], "new");
}

TEST_F(Live, WaitEndsWithARestart) {
  topics_["s"].add({.id = 1});
  create("s");
  ASSERT_TRUE(arrive(1));
  run("alter data source s options (set brokers 'c')");
  EXPECT_EQ(state(), "waiting");
  workers_->stop_all();
  topics_["s"].add({.id = 2});
  workers_->start_all();
  EXPECT_TRUE(arrive(2));
}

TEST_F(Live, PausedSourceStaysPausedWhateverIsAltered) {
  create("s");
  run("pause data source s");
  run("alter data source s options (set topics 'new')");
  EXPECT_THAT(notices_, IsEmpty());
  EXPECT_EQ(state(), "paused");
  run("alter system set max_poll_interval = '20000'");
  EXPECT_EQ(state(), "paused");
}

TEST_F(Live, OriginHoldsForTablesThatARunningSourceSeesNext) {
  topics_["s"].add({.schema = "east_old"});
  create("s");
  ASSERT_TRUE(arrive(1, "east_old.t"));
  const auto consumer = topics_["s"].source();
  EXPECT_EQ(run("create data origin east").tag, "CREATE DATA ORIGIN");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].severity, "WARNING");
  EXPECT_EQ(notices_[0].detail,
            "east_old.t stays in east_old.t, a new one would go to old.t (origin east).");
  topics_["s"].add({.schema = "east_new"});
  EXPECT_TRUE(arrive(1, "new.t"));
  EXPECT_EQ(only("SELECT __origin FROM new.t"), "east");
  EXPECT_EQ(topics_["s"].source(), consumer) << "nothing was restarted";
  EXPECT_THAT(run("list data_origins").rows, ElementsAre(ElementsAre("east")));
}

TEST_F(Live, SynchronizationModeSurvivesADrop) {
  topics_["s"].add({.id = 1});
  create("s");
  ASSERT_TRUE(arrive(1));
  superuser_.exec("UPDATE metadb.source SET sync = 0");
  run("drop data source s");
  create("s");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_THAT(notices_[0].message, HasSubstr("goes on where it stopped"));
  EXPECT_EQ(status_of("s", "source_sync"), "none");
  EXPECT_EQ(only("SELECT sync FROM metadb.source"), "0");
  // Without positions it is a new one.
  run("drop data source s");
  superuser_.exec("DELETE FROM metadb.ingest_position");
  create("s");
  EXPECT_EQ(status_of("s", "source_sync"), "initial");
}

TEST_F(Live, SourceWithoutAThreadIsCreatedWithAWarning) {
  {
    const NoMoreThreads none;
    create("s");
  }
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].severity, "WARNING");
  EXPECT_THAT(notices_[0].message, HasSubstr("\"s\" is not read"));
  EXPECT_THAT(notices_[0].hint, HasSubstr("RESUME DATA SOURCE \"s\""));
  EXPECT_EQ(state(), "stopped");
  topics_["s"].add({.id = 1});
  run("resume data source s");
  EXPECT_TRUE(arrive(1));
}

TEST_F(Live, ErrorIsForgottenWhenItIsOver) {
  std::atomic<bool> is_down = true;
  auto answering = make_source_;
  make_source_ = [&is_down, answering](
                     const catalog::DataSource& source,
                     const catalog::Snapshot& snapshot) -> std::unique_ptr<ingest::Source> {
    if (is_down) throw Error("08001", "no route to host");
    return answering(source, snapshot);
  };
  topics_["s"].add({.id = 1});
  create("s");
  ASSERT_TRUE(becomes("retrying"));
  EXPECT_THAT(status_of("s", "last_error").value_or(""), HasSubstr("no route to host"));
  is_down = false;
  ASSERT_TRUE(arrive(1));
  EXPECT_TRUE(eventually([&] { return status_of("s", "last_error") == std::nullopt; }));
  EXPECT_EQ(status_of("s", "last_error_time"), std::nullopt);
}

// A record that nobody can read, until its text is mended.
TEST_F(Live, DeadLettersAreRetriedByTheSourceThatRuns) {
  ingest::RecordedMessage message = recorded({.id = 2});
  const std::string value = *message.value;
  message.value = "garbage";
  topics_["s"].add({.id = 1});
  topics_["s"].add(message);
  topics_["s"].add({.id = 3});
  create("s");
  ASSERT_TRUE(arrive(2));
  EXPECT_EQ(run("retry dead letters for data source s").tag, "RETRY DEAD LETTERS");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].message, "data source \"s\": 0 dead letters applied, 1 left");
  EXPECT_THAT(notices_[0].detail, HasSubstr("partition 0 offset 1: "));
  superuser_.exec("UPDATE metadb.dead_letter SET value = convert_to($1, 'UTF8')", {value});
  run("pause data source s");
  const Error paused = failure("retry dead letters");
  EXPECT_EQ(paused.sqlstate, "55000");
  EXPECT_EQ(paused.message(), "data source \"s\" is not read at present");
  run("resume data source s");
  run("retry dead letters");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].message, "data source \"s\": 1 dead letter applied, 0 left");
  EXPECT_EQ(count("public.t"), 3);
  EXPECT_EQ(only("SELECT count(*) FROM metadb.dead_letter"), "0");
  run("retry dead letters");
  EXPECT_EQ(notices_.at(0).message, "no data source has dead letters");
  EXPECT_EQ(failure("retry dead letters for data source nobody").sqlstate, "42704");
}

// Nothing is read while the brokers are silent: the command waits, and can be canceled.
TEST_F(SilentLive, RetryOfDeadLettersIsOneAtATime) {
  ASSERT_TRUE(is_asking());
  const auto other = std::make_shared<ingest::LetterRetry>(catalog::DeadLetterRange{"s", 0});
  ASSERT_TRUE(workers_->retry("s", other));
  EXPECT_EQ(failure("retry dead letters for data source s").sqlstate, "55006");
}

// What waits behind the letters is applied by a retry.
TEST_F(SilentLive, PurgeOfDeadLettersThatOthersFollowWaitsForNoRetry) {
  ASSERT_TRUE(is_asking());
  superuser_.exec(
      "INSERT INTO metadb.dead_letter (source_name, topic, part, \"offset\", sqlstate, error, "
      "follows_part, follows) VALUES ('s', 't', 0, 1, '22P02', 'no value', NULL, NULL), "
      "('s', 't', 0, 2, '55000', 'it waits', 0, 1)");
  const auto other = std::make_shared<ingest::LetterRetry>(catalog::DeadLetterRange{"s", 0});
  ASSERT_TRUE(workers_->retry("s", other));
  EXPECT_EQ(failure("purge dead letters for data source s").sqlstate, "55006");
  EXPECT_EQ(only("SELECT min(\"offset\") FROM metadb.dead_letter"), "2");
}

TEST_F(SilentLive, RetryOfDeadLettersCanBeCanceled) {
  ASSERT_TRUE(is_asking());
  std::jthread canceling([&] {
    // Its last question to PostgreSQL comes before the wait.
    eventually([&] {
      return only(
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                 "query LIKE 'SELECT coalesce(max(id)%'") != "0";
    });
    stop_.request_stop();
  });
  EXPECT_EQ(failure("retry dead letters for data source s").sqlstate, "57014");
}

TEST_F(Live, TablesAreListedWithTheTimeOfTheirLastWrite) {
  const std::string before = only("SELECT clock_timestamp()::text");
  topics_["s"].add({.id = 1});
  create("s");
  ASSERT_TRUE(arrive(1));
  const server::Reply reply = run("list tables");
  ASSERT_EQ(reply.rows.size(), 1U);
  EXPECT_EQ(reply.columns[5].name, "last_update");
  const std::string last = reply.rows[0][5].value_or("");
  EXPECT_EQ(only("SELECT ('" + last + "' BETWEEN '" + before + "' AND clock_timestamp())::text"),
            "true")
      << last;
}

TEST_F(Live, TopicsAreListedWithWhatBecameOfTheirEvents) {
  topics_["s"].add({.id = 1, .ts_us = 1'700'000'000'000'000, .lsn = 10});
  topics_["s"].add({.id = 2, .ts_us = 1'700'000'000'000'001, .lsn = 11});
  // As a producer that begins again sends it.
  topics_["s"].add({.id = 1, .ts_us = 1'700'000'000'000'000, .lsn = 10});
  topics_["s"].add({.id = 3, .schema = "admin", .partition = 1});
  create("s", ", schema_stop_filter 'admin'");
  const std::string topic = topic_of({});
  EXPECT_TRUE(eventually([&] { return topic_row(topic) == "s," + topic + ",0,3,3,0,2,0,1"; }))
      << topic_row(topic);
  const std::string admin = topic_of({.schema = "admin"});
  EXPECT_TRUE(eventually([&] { return topic_row(admin) == "s," + admin + ",1,1,1,0,0,1,0"; }))
      << topic_row(admin);
  // What is read stays known while the source is paused; positions are known for ever.
  run("pause data source s");
  EXPECT_EQ(topic_row(topic), "s," + topic + ",0,3,3,0,2,0,1");
  workers_->stop_all();
  EXPECT_EQ(topic_row(topic), "s," + topic + ",0,3,NULL,NULL,0,0,0");
  workers_->start_all();
}

}  // namespace
}  // namespace metadb::tests
