#include "server/maintenance.h"

#include <gmock/gmock.h>

#include <atomic>
#include <optional>

#include "catalog/tables.h"
#include "server/cancel_on_stop.h"
#include "server/maintenance_jobs.h"
#include "tests/fakes/eventually.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {
namespace {

using catalog::Connection;
using catalog::Error;
using server::Maintenance;
using server::MaintenanceJob;
using testing::HasSubstr;

class MaintenanceTest : public testing::Test {
 protected:
  MaintenanceTest() { catalog_.open("metadb 0"); }

  // A job that counts its runs.
  MaintenanceJob counting() {
    return {"counting", [this](Connection&, const std::stop_token&) { ++runs_; }};
  }
  void start(std::vector<MaintenanceJob> daily) {
    maintenance_.emplace(catalog_, server::MaintenanceJobs{std::move(daily), {}, nullptr});
  }
  // As if the time had come.
  void make_due() {
    connection_.exec(
        "UPDATE metadb.maintenance SET next_maintenance_time = now() - interval '1 s'");
    if (maintenance_) maintenance_->wake();
  }
  std::string text(const std::string& sql) {
    return connection_.exec(sql).optional_text(0, 0).value_or("NULL");
  }
  bool is_settled() {
    return text("SELECT next_maintenance_time > now() FROM metadb.maintenance") == "t";
  }
  std::string next_time() {
    return text(
        "SELECT to_char(next_maintenance_time AT TIME ZONE 'UTC', 'HH24:MI:SS') FROM "
        "metadb.maintenance");
  }

  TestDatabase database_;
  Connection connection_ = database_.connect();
  catalog::Catalog catalog_{{database_.conninfo(), database_.conninfo()}};
  std::atomic<int> runs_ = 0;
  std::optional<Maintenance> maintenance_;  // ends first
};

TEST_F(MaintenanceTest, WaitsForTheTimeOfDayInUtc) {
  start({counting()});
  ASSERT_TRUE(eventually([&] { return is_settled(); }));
  EXPECT_EQ(next_time(), "03:00:00");
  EXPECT_EQ(
      text("SELECT next_maintenance_time <= now() + interval '1 day' FROM metadb.maintenance"),
      "t");
  EXPECT_EQ(runs_, 0);
}

TEST_F(MaintenanceTest, FollowsTheParameterAtOnce) {
  start({counting()});
  ASSERT_TRUE(eventually([&] { return next_time() == "03:00:00"; }));
  catalog_.publish([](catalog::Snapshot& next) { next.settings["maintenance_time"] = "17:30"; });
  maintenance_->wake();
  EXPECT_TRUE(eventually([&] { return next_time() == "17:30:00"; }));
  EXPECT_EQ(runs_, 0);
}

TEST_F(MaintenanceTest, RunsEachJobOnceAndMakesUpForLostTime) {
  connection_.exec(
      "UPDATE metadb.maintenance SET next_maintenance_time = now() - interval '9 days'");
  start({counting(), counting()});
  ASSERT_TRUE(eventually([&] { return is_settled(); }));
  EXPECT_EQ(runs_, 2);
  EXPECT_EQ(next_time(), "03:00:00");
  EXPECT_EQ(text("SELECT last_run IS NOT NULL AND last_error IS NULL FROM metadb.maintenance"),
            "t");
  make_due();
  ASSERT_TRUE(eventually([&] { return is_settled(); }));
  EXPECT_EQ(runs_, 4);
}

TEST_F(MaintenanceTest, GoesOnAfterAJobThatFails) {
  connection_.exec("UPDATE metadb.maintenance SET next_maintenance_time = now()");
  start({{"bad",
          [](Connection& connection, const std::stop_token&) { connection.exec("SELECT 1/0"); }},
         {"worse", [](Connection&, const std::stop_token&) { throw std::runtime_error("oh"); }},
         counting()});
  ASSERT_TRUE(eventually([&] { return is_settled(); }));
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(text("SELECT last_error FROM metadb.maintenance"),
            "bad: division by zero (22012)\nworse: oh");
}

TEST_F(MaintenanceTest, RunsInOneServerAtATime) {
  std::atomic<int> inside = 0;
  std::atomic<bool> was_shared = false;
  const MaintenanceJob job = {"slow", [&](Connection& connection, const std::stop_token&) {
                                if (++inside > 1) was_shared = true;
                                connection.exec("SELECT pg_sleep(0.05)");
                                ++runs_;
                                --inside;
                              }};
  start({job});
  Maintenance second(catalog_, {{job}, {}, nullptr});
  constexpr int kRounds = 5;
  for (int round = 0; round < kRounds; ++round) {
    make_due();
    second.wake();
    ASSERT_TRUE(eventually([&] { return is_settled(); }));
  }
  EXPECT_EQ(runs_, kRounds);
  EXPECT_FALSE(was_shared);
}

TEST_F(MaintenanceTest, StopsInTheMiddleOfAStatementAndMakesUpForItLater) {
  connection_.exec("UPDATE metadb.maintenance SET next_maintenance_time = now()");
  start({{"long", [](Connection& connection,
                     const std::stop_token&) { connection.exec("SELECT pg_sleep(600)"); }},
         counting()});
  ASSERT_TRUE(eventually([&] {
    return text(
               "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
               "query = 'SELECT pg_sleep(600)' AND state = 'active'") == "1";
  }));
  maintenance_.reset();
  EXPECT_EQ(runs_, 0);
  EXPECT_FALSE(is_settled()) << "still due";
  start({counting()});
  EXPECT_TRUE(eventually([&] { return is_settled(); }));
  EXPECT_EQ(runs_, 1);
}

TEST_F(MaintenanceTest, SurvivesAnErrorOfItsOwn) {
  connection_.exec("ALTER TABLE metadb.maintenance RENAME TO elsewhere");
  start({counting()});
  maintenance_->wake();
  connection_.exec("ALTER TABLE metadb.elsewhere RENAME TO maintenance");
  EXPECT_TRUE(eventually([&] {
    maintenance_->wake();
    return is_settled();
  }));
}

TEST_F(MaintenanceTest, TimedJobsHaveATimeOfTheirOwn) {
  maintenance_.emplace(catalog_,
                       server::MaintenanceJobs{{}, {counting()}, [](Connection& connection) {
                                                 return connection
                                                            .exec(
                                                                "SELECT extract(epoch FROM "
                                                                "now())::bigint")
                                                            .int64(0, 0) +
                                                        1;
                                               }});
  EXPECT_TRUE(eventually([&] { return runs_ >= 2; })) << "by itself";
}

TEST_F(MaintenanceTest, KeepsTheLogAsLongAsTheParameterSays) {
  const auto months = [&] {
    return text("SELECT count(*) FROM pg_inherits WHERE inhparent = 'metadb.log'::regclass");
  };
  connection_.exec(
      "CREATE TABLE metadb.log_old PARTITION OF metadb.log FOR VALUES FROM ('2020-01-01 00:00+00') "
      "TO ('2020-02-01 00:00+00')");
  catalog_.publish([](catalog::Snapshot& next) { next.settings["log_retention"] = "forever"; });
  server::keep_log(catalog_, connection_);
  EXPECT_EQ(months(), "3") << "the old one, this month, the next";
  catalog_.publish([](catalog::Snapshot& next) { next.settings["log_retention"] = "1 month"; });
  server::keep_log(catalog_, connection_);
  EXPECT_EQ(months(), "2");
}

TEST_F(MaintenanceTest, AnalyzesMainTablesAsAWhole) {
  catalog::Table table;
  table.schema = "library";
  table.current_name = "t";
  table.main_name = "t__";
  table.history_name = "zzz___t___";
  table.sync_name = "zzz___t___sync";
  table.source_name = "s";
  table.columns = {{"id", "integer", catalog::PgType::int4}};
  {
    catalog::Transaction transaction(connection_);
    catalog::create_table(connection_, table);
    transaction.commit();
  }
  connection_.exec(
      "INSERT INTO library.t__ (__start, __end, __current, id) SELECT now(), 'infinity', true, g "
      "FROM generate_series(1, 100) g");
  catalog_.reload(connection_);
  const std::stop_source stop;
  server::analyze_parents(catalog_, connection_, stop.get_token());
  EXPECT_EQ(text("SELECT count(*) FROM pg_stats WHERE schemaname = 'library' AND tablename = 't__' "
                 "AND inherited AND attname = 'id'"),
            "1");
  connection_.exec("DROP TABLE library.t__");
  EXPECT_NO_THROW(server::analyze_parents(catalog_, connection_, stop.get_token()))
      << "somebody else dropped it";
}

TEST_F(MaintenanceTest, CancelReachesAStatementThatBeganAfterTheStop) {
  std::stop_source stop;
  const server::CancelOnStop cancel(connection_, stop.get_token());
  stop.request_stop();
  try {
    for (int i = 0; i < 600; ++i) connection_.exec("SELECT pg_sleep(1)");
    FAIL() << "nothing was cancelled";
  } catch (const Error& error) {
    EXPECT_EQ(error.sqlstate, "57014");
  }
}

}  // namespace
}  // namespace metadb::tests
