#include "catalog/catalog.h"

#include <gmock/gmock.h>

#include <chrono>
#include <deque>
#include <future>
#include <optional>
#include <thread>

#include "catalog/dead_letters.h"
#include "catalog/log.h"
#include "catalog/log_partitions.h"
#include "catalog/migrations.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {
namespace {

using catalog::Catalog;
using catalog::Connection;
using catalog::DataSource;
using catalog::Error;
using testing::ElementsAre;
using testing::HasSubstr;

class CatalogTest : public testing::Test {
 protected:
  template <class Run>
  static std::string sqlstate_of(const Run& run) {
    try {
      run();
    } catch (const Error& error) {
      return error.sqlstate;
    }
    return "";
  }
  std::string text(const std::string& sql) { return std::string(connection_.exec(sql).text(0, 0)); }

  TestDatabase database_;
  Connection connection_ = database_.connect();
  Catalog catalog_{{database_.conninfo(), database_.conninfo()}};
};

TEST_F(CatalogTest, OpensAnEmptyDatabaseAndAgain) {
  catalog_.open("1.2");
  EXPECT_EQ(text("SELECT public.mdbversion()"), "1.2");
  const std::string id = catalog_.snapshot()->installation_id;
  EXPECT_EQ(id.size(), 36U);
  Catalog again({database_.conninfo(), database_.conninfo()});
  again.open("it's 1.3");
  EXPECT_EQ(text("SELECT public.mdbversion()"), "it's 1.3");
  EXPECT_EQ(again.snapshot()->installation_id, id);
  EXPECT_EQ(connection_.exec("SELECT count(*) FROM metadb.init").int64(0, 0), 1);
}

// A function that claims less keeps a whole query from running in parallel, or from being planned
// once; one that claims more answers wrongly.
TEST_F(CatalogTest, FunctionsSayWhatThePlannerMayDoWithThem) {
  catalog_.open("1.2");
  const auto claims = [&](const std::string& name) {
    return text(
        "SELECT provolatile::text || ' ' || proparallel::text FROM pg_catalog.pg_proc "
        "WHERE pronamespace = 'public'::regnamespace AND proname = '" +
        name + "'");
  };
  EXPECT_EQ(claims("mdbversion"), "i s");
  EXPECT_EQ(claims("mdblog"), "s u") << "of a table and the present time";
  EXPECT_EQ(claims("mdbusers"), "s u");
  EXPECT_EQ(claims("ps"), "v u") << "what it reads changes while a transaction lasts";
}

// Where users may create in `public`, a function there that fits better than PostgreSQL's own would
// run with our rights.
TEST_F(CatalogTest, RunsNothingThatUsersPutIntoPublic) {
  catalog_.open("1.2");
  connection_.exec(
      "CREATE FUNCTION public.pg_has_role(name, text, text) RETURNS boolean LANGUAGE plpgsql AS "
      "'BEGIN RAISE ''planted''; END';"
      "CREATE FUNCTION public.to_timestamp(numeric) RETURNS timestamptz LANGUAGE plpgsql AS "
      "'BEGIN RAISE ''planted''; END'");
  Catalog again({database_.conninfo(), database_.conninfo()});
  again.open("1.2");
  catalog::Connection connection = again.connect();
  catalog::write_log(connection, std::deque<catalog::LogLine>{{0, "INFO", "a line"}});
  EXPECT_EQ(text("SELECT message FROM metadb.log"), "a line");
}

// Of a role or a database, for its users' sake: what we do must neither be cut short nor look at an
// old snapshot.
TEST_F(CatalogTest, SessionsDoNotFollowTheSettingsOfTheDatabase) {
  std::vector<std::pair<std::string, std::string>> settings = {
      {"statement_timeout", "0"},
      {"lock_timeout", "0"},
      {"idle_in_transaction_session_timeout", "0"},
      {"default_transaction_isolation", "read committed"},
      {"default_transaction_deferrable", "off"},
      {"search_path", "pg_catalog"}};
  if (connection_.server_version() >= 140000) settings.emplace_back("idle_session_timeout", "0");
  if (connection_.server_version() >= 170000) settings.emplace_back("transaction_timeout", "0");
  const std::string alter = "ALTER DATABASE " + database_.name() + " SET ";
  for (const auto& [name, ours] : settings) {
    const bool is_time = ours == "0";
    const bool is_isolation = name == "default_transaction_isolation";
    connection_.exec(alter + name + " = " +
                     (is_time         ? "'70ms'"
                      : is_isolation  ? "serializable"
                      : ours == "off" ? "on"
                                      : "public"));
  }
  const auto expect_ours = [&](Connection session) {
    for (const auto& [name, ours] : settings) {
      EXPECT_EQ(session.exec("SHOW " + name).text(0, 0), ours) << name;
    }
  };
  expect_ours(catalog_.connect());
  expect_ours(catalog_.connect_superuser());
}

TEST_F(CatalogTest, TwoServersMayOpenItAtOnce) {
  std::vector<std::jthread> servers;
  std::atomic<int> opened = 0;
  for (int i = 0; i < 4; ++i) {
    servers.emplace_back([&] {
      Connection connection = database_.connect();
      catalog::migrate(connection);
      ++opened;
    });
  }
  servers.clear();
  EXPECT_EQ(opened, 4);
}

TEST_F(CatalogTest, NewerAndForeignSchemasAreRefusedUntouched) {
  catalog_.open("test");
  connection_.exec("UPDATE metadb.init SET dbversion = 999999");
  try {
    catalog::migrate(connection_);
    FAIL() << "a newer schema was taken";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("999999"));
    EXPECT_THAT(error.hint, HasSubstr("newer metadb"));
  }
  connection_.exec("UPDATE metadb.init SET dbversion = 34");
  EXPECT_EQ(sqlstate_of([&] { catalog::migrate(connection_); }), "55000");
  EXPECT_EQ(text("SELECT dbversion FROM metadb.init"), "34");
}

TEST_F(CatalogTest, MigrationThatFailsLeavesNothing) {
  connection_.exec("CREATE SCHEMA metadb; CREATE TABLE metadb.dead_letter (x int)");
  EXPECT_EQ(sqlstate_of([&] { catalog::migrate(connection_); }), "42P07");
  EXPECT_TRUE(connection_.exec("SELECT to_regclass('metadb.init')").is_null(0, 0));
}

TEST_F(CatalogTest, SnapshotIsOfOneMomentAndStays) {
  catalog_.open("test");
  const auto before = catalog_.snapshot();
  catalog_.publish([](catalog::Snapshot& snapshot) { snapshot.origins.push_back("east"); });
  EXPECT_TRUE(before->origins.empty());
  EXPECT_THAT(catalog_.snapshot()->origins, ElementsAre("east"));
  catalog_.reload(connection_);
  EXPECT_TRUE(catalog_.snapshot()->origins.empty()) << "only what is committed counts";
}

TEST_F(CatalogTest, PublishersLoseNoneOfTheirChanges) {
  catalog_.open("test");
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        for (int n = 0; n < 50; ++n) {
          catalog_.publish([&](catalog::Snapshot& snapshot) {
            snapshot.settings["k" + std::to_string(i * 50 + n)] = "v";
          });
        }
      });
    }
  }
  EXPECT_GE(catalog_.snapshot()->settings.size(), 200U);
}

TEST_F(CatalogTest, SourcesComeBackAsTheyWereStored) {
  catalog_.open("test");
  DataSource source;
  source.name = "it's";
  source.is_enabled = false;
  source.sync = catalog::SyncMode::none;
  source.options = {{"brokers", "b:1"},
                    {"topics", "^a\\.b"},
                    {"consumer_group", "g"},
                    {"kafka.sasl.password", "p'\\w"}};
  catalog::insert_source(connection_, source);
  EXPECT_EQ(sqlstate_of([&] { catalog::insert_source(connection_, source); }), "42710");
  source.options["topics"] = "t";
  source.options.erase("kafka.sasl.password");
  source.options["kafka.client.id"] = "c";
  catalog::update_source(connection_, source);
  catalog_.reload(connection_);
  const DataSource& read = catalog_.snapshot()->sources.at("it's");
  EXPECT_FALSE(read.is_enabled);
  EXPECT_EQ(read.sync, catalog::SyncMode::none);
  EXPECT_EQ(read.option("topics"), "t");
  EXPECT_EQ(read.option("security"), "ssl");
  EXPECT_THAT(read.kafka_properties(), ElementsAre(testing::Pair("client.id", "c")));
  catalog::delete_source(connection_, "it's");
  EXPECT_EQ(sqlstate_of([&] { catalog::delete_source(connection_, "it's"); }), "42704");
  EXPECT_EQ(sqlstate_of([&] { catalog::update_source(connection_, source); }), "42704");
  EXPECT_EQ(connection_.exec("SELECT count(*) FROM metadb.source_option").int64(0, 0), 0);
}

TEST_F(CatalogTest, OptionsAreKnownByEitherSpelling) {
  EXPECT_EQ(catalog::canonical_option("SchemaStopFilter"), "schema_stop_filter");
  EXPECT_EQ(catalog::canonical_option("kafka.SASL.mechanism"), "kafka.sasl.mechanism");
  for (const char* refused : {"nonsense", "kafka.", "kafka.enable.auto.commit", "kafka.group.id",
                              "kafka.partition.assignment.strategy", "kafka.plugin.library.paths"})
    EXPECT_EQ(sqlstate_of([&] { catalog::canonical_option(refused); }), "42601") << refused;
  EXPECT_EQ(sqlstate_of([] { catalog::check_option("security", "none"); }), "22023");
  EXPECT_TRUE(catalog::is_secret_option("kafka.sasl.password"));
  EXPECT_FALSE(catalog::is_secret_option("kafka.client.id"));
  EXPECT_EQ(catalog::shown_value("kafka.sasl.password", "hush"), "********");
  EXPECT_EQ(catalog::shown_value("schema_registry", "http://me:hush@h"), "http://me:********@h");
  EXPECT_EQ(catalog::shown_value("topics", "a:b@c"), "a:b@c");
}

TEST_F(CatalogTest, SettingsAreCheckedBeforeTheyAreStored) {
  catalog_.open("test");
  EXPECT_EQ(catalog_.snapshot()->settings.at("checkpoint_segment_size"), "3000");
  for (const char* value : {"", "0", "x", "1e3", "99999999999999999999", "-1", "12 "}) {
    EXPECT_EQ(
        sqlstate_of([&] { catalog::store_setting(connection_, "checkpoint_segment_size", value); }),
        "22023")
        << value;
  }
  EXPECT_EQ(sqlstate_of([&] { catalog::store_setting(connection_, "nonsense", "1"); }), "42704");
  catalog::store_setting(connection_, "checkpoint_segment_size", "10");
  catalog::store_setting(connection_, "checkpoint_segment_size", "11");
  EXPECT_EQ(catalog::load_settings(connection_).at("checkpoint_segment_size"), "11");
}

TEST_F(CatalogTest, DeadLetterKeepsTheFirstReasonAndEveryByte) {
  catalog_.open("test");
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes += static_cast<char>(byte);
  catalog::DeadLetter letter{"src",        "t",     1,       5,  -1, all_bytes,
                             std::nullopt, "22P02", "first", {}, {}};
  catalog::set_aside(connection_, letter);
  letter.error = "second";
  catalog::set_aside(connection_, letter);
  EXPECT_EQ(text("SELECT error FROM metadb.dead_letter"), "first");
  EXPECT_EQ(text("SELECT length(key) || encode(substr(key, 128, 2), 'hex') FROM "
                 "metadb.dead_letter"),
            "2567f80");
  EXPECT_EQ(text("SELECT value IS NULL AND record_time IS NULL FROM metadb.dead_letter"), "t");
}

TEST_F(CatalogTest, DeadLetterOfAnImpossibleTimeHasNone) {
  catalog_.open("test");
  int64_t offset = 0;
  for (const int64_t ms : {INT64_MIN, INT64_C(-1), INT64_C(0), INT64_C(253'402'300'799'999),
                           INT64_C(253'402'300'800'000), INT64_MAX})
    catalog::set_aside(connection_, {"src", "t", 0, offset++, ms, {}, {}, "22P02", "bad", {}, {}});
  EXPECT_EQ(text("SELECT string_agg(\"offset\" || ' ' || coalesce(extract(epoch FROM "
                 "record_time)::numeric(15, 3)::text, '-'), ', ' ORDER BY \"offset\") FROM "
                 "metadb.dead_letter"),
            "0 -, 1 -, 2 0.000, 3 253402300799.999, 4 -, 5 -");
}

TEST_F(CatalogTest, LogLinesReachTheTableOfTheirMonth) {
  catalog_.open("test");
  catalog::write_log(connection_, {{1'767'225'599'999, "INFO", "last of December"},
                                   {1'767'225'600'000, "INFO", "first of January"}});
  EXPECT_EQ(text("SELECT message FROM metadb.log_2025_12"), "last of December");
  EXPECT_EQ(text("SELECT message FROM metadb.log_2026_01"), "first of January");
}

TEST_F(CatalogTest, LogHasItsMonthsAheadAndDropsOldOnesWhole) {
  catalog_.open("test");
  const auto months = [&] {
    return text(
        "SELECT string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid::regclass::text)"
        " FROM pg_inherits WHERE inhparent = 'metadb.log'::regclass");
  };
  constexpr int64_t kDecember = 1'767'225'599'999;  // the last moment of 2025
  catalog::create_log_partitions_ahead(connection_, kDecember);
  catalog::create_log_partitions_ahead(connection_, kDecember);
  EXPECT_EQ(months(), "metadb.log_2025_12 metadb.log_2026_01");
  connection_.exec("SET timezone = 'America/New_York'");
  connection_.exec(
      "CREATE TABLE metadb.log_now PARTITION OF metadb.log FOR VALUES FROM ('2026-02-01 00:00+00') "
      "TO ('9999-01-01 00:00+00')");
  // What ended in 2025 and before.
  const std::string age = text("SELECT (now() - '2026-01-01 00:00+00'::timestamptz)::text");
  EXPECT_THAT(catalog::drop_old_log_partitions(connection_, age), ElementsAre("log_2025_12"));
  EXPECT_EQ(months(), "metadb.log_2026_01 metadb.log_now");
  EXPECT_THAT(catalog::drop_old_log_partitions(connection_, "1000 years"), testing::IsEmpty());
}

TEST_F(CatalogTest, ServersThatWantTheSameMonthWaitForEachOther) {
  catalog_.open("test");
  std::vector<std::future<void>> servers;
  for (int i = 0; i < 4; ++i) {
    servers.push_back(std::async(std::launch::async, [&] {
      Connection connection = database_.connect();
      catalog::create_log_partitions_ahead(connection, 1'767'225'599'999);
    }));
  }
  for (std::future<void>& server : servers) EXPECT_NO_THROW(server.get());
}

TEST_F(CatalogTest, MdblogShowsTheLinesOfAnInterval) {
  catalog_.open("test");
  const int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
  constexpr int64_t kHourMs = 3'600'000;
  catalog::write_log(connection_, {{now_ms - 25 * kHourMs, "INFO", "yesterday"},
                                   {now_ms, "ERROR", "now"},
                                   {now_ms - 2 * kHourMs, "WARNING", "before"}});
  const auto lines = [&](const std::string& call) {
    return text("SELECT coalesce(string_agg(error_severity || ' ' || message, '|'), '') FROM " +
                call);
  };
  EXPECT_EQ(lines("mdblog()"), "WARNING before|ERROR now");
  EXPECT_EQ(lines("mdblog('1 hour')"), "ERROR now");
  EXPECT_EQ(lines("mdblog('2 days')"), "INFO yesterday|WARNING before|ERROR now");
  EXPECT_EQ(text("SELECT log_time = to_timestamp(" + std::to_string(now_ms) +
                 " / 1000.0)::timestamptz(3) FROM mdblog('1 hour')"),
            "t");
}

TEST_F(CatalogTest, LineThatIsNoTextDoesNotHoldUpTheLog) {
  catalog_.open("test");
  {
    catalog::LogWriter writer(database_.conninfo());
    writer.append({1'767'225'600'000, "INFO", "before"});
    writer.append({1'767'225'600'001, "INFO", "bad \xff\xfe"});
    writer.append({1'767'225'600'002, "INFO", "after"});
  }
  EXPECT_EQ(text("SELECT string_agg(message, '|' ORDER BY log_time) FROM metadb.log"),
            "before|a line that can't be stored (22021)|after");
}

TEST_F(CatalogTest, LogWriterEndsThoughSomebodyHasLockedTheLog) {
  catalog_.open("test");
  const catalog::Transaction holder(connection_);
  connection_.exec("LOCK TABLE metadb.log");
  std::optional<catalog::LogWriter> writer(std::in_place, database_.conninfo());
  writer->append({1'767'225'600'000, "INFO", "waits"});
  // A lock that is never given up would hold this thread for ever: the holder gives it up then.
  auto ended = std::async(std::launch::async, [&] { writer.reset(); });
  EXPECT_EQ(ended.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  connection_.exec("ROLLBACK");
}

TEST_F(CatalogTest, ReloadGivesUpOnATableThatSomebodyHasLocked) {
  catalog_.open("test");
  const catalog::Transaction holder(connection_);
  connection_.exec("LOCK TABLE metadb.source");
  catalog::Connection second = database_.connect();
  second.exec("SET statement_timeout = '20s'");
  try {
    catalog_.reload(second);
    FAIL() << "a locked table was read";
  } catch (const catalog::Error& error) {
    EXPECT_EQ(error.sqlstate, "55P03");
  }
  EXPECT_EQ(second.exec("SHOW statement_timeout").text(0, 0), "20s");
}

TEST_F(CatalogTest, LogWriterEndsThoughPostgresIsGone) {
  catalog::LogWriter writer("host=/nonexistent dbname=x");
  writer.append({0, "INFO", "lost"});
}

}  // namespace
}  // namespace metadb::tests
