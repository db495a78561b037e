#include <spdlog/spdlog.h>

#include <thread>

#include "tests/fakes/eventually.h"
#include "tests/server/external_sql_fixture.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Optional;

using ExternalSql = ExternalSqlTest;

TEST_F(ExternalSql, IsCreatedListedAndDropped) {
  EXPECT_EQ(run("create external sql r from 'https://me:hush@host/a.git' ref 'v1' path 'a/b' "
                "schema 'My Reports' schedule '04:30'")
                .tag,
            "CREATE EXTERNAL SQL");
  EXPECT_EQ(wakes_, 1);
  const server::Reply reply = run("list external_sql");
  ASSERT_EQ(reply.rows.size(), 1U);
  EXPECT_THAT(reply.rows[0],
              ElementsAre("r", "https://********@host/a.git", "v1", "a/b", "My Reports", "04:30",
                          Optional(testing::EndsWith(" 04:30:00+00")), std::nullopt, std::nullopt,
                          std::nullopt, std::nullopt, std::nullopt));
  EXPECT_EQ(only("SELECT url FROM metadb.external_sql"), "https://me:hush@host/a.git");
  EXPECT_EQ(run("drop external sql r").tag, "DROP EXTERNAL SQL");
  EXPECT_THAT(told(), ElementsAre("NOTICE what it has made in schema \"My Reports\" is kept"));
  EXPECT_THAT(run("list external_sql").rows, IsEmpty());
  EXPECT_EQ(wakes_, 2);
}

TEST_F(ExternalSql, IsRefusedWithThePlaceOfWhatIsWrong) {
  const auto refused = [&](const std::string& sql) {
    const Error error = failure(sql);
    EXPECT_EQ(only("SELECT count(*) FROM metadb.external_sql"), "0") << sql;
    return error.sqlstate + " " + error.message() + " at " + std::to_string(error.position);
  };
  EXPECT_EQ(refused("create external sql r from 'ssh://me:hush@host/a' ref 'v' path '' schema 's'"),
            "22023 invalid URL: \"ssh://********@host/a\" at 28");
  EXPECT_EQ(refused("create external sql r from 'https://h/a' ref 'a b' path '' schema 's'"),
            "22023 invalid reference: \"a b\" at 46");
  EXPECT_EQ(refused("create external sql r from 'https://h/a' ref 'a' path 'x/../..' schema 's'"),
            "22023 invalid path: \"x/../..\" at 55");
  EXPECT_EQ(refused("create external sql r from 'https://h/a' ref 'a' path 'x' schema ''"),
            "22023 invalid schema: \"\" at 66");
  EXPECT_EQ(refused("create external sql r from 'https://h/a' ref 'a' path 'x' schema 'metadb'"),
            "42939 schema \"metadb\" is the system's at 66");
  EXPECT_EQ(refused("create external sql r from 'https://h/a' ref 'a' path 'x' schema 's' schedule "
                    "'3 am'"),
            "22023 invalid schedule: \"3 am\" at 79");
  EXPECT_EQ(refused("create external sql folio from 'https://h/a' ref 'a' path 'x' schema 's'"),
            "42710 external SQL \"folio\" already exists at 21");
}

TEST_F(ExternalSql, HasOneOfEachName) {
  create("r");
  EXPECT_EQ(failure("create external sql r from 'https://h/a' ref 'a' path '' schema 's'").sqlstate,
            "42710");
  EXPECT_EQ(failure("drop external sql x").sqlstate, "42704");
  EXPECT_EQ(failure("run external sql for x").sqlstate, "42704");
  const Error fixed = failure("drop external sql folio");
  EXPECT_EQ(fixed.sqlstate, "42809");
  EXPECT_THAT(fixed.hint, HasSubstr("ALTER SYSTEM RESET external_sql_folio"));
}

TEST_F(ExternalSql, IsForAdministrators) {
  create_role("ann");
  for (const char* sql : {"create external sql r from 'https://h/a' ref 'a' path '' schema 's'",
                          "drop external sql r", "run external sql", "list external_sql"}) {
    EXPECT_EQ(failure_as(role("ann"), sql).sqlstate, "42501") << sql;
  }
}

TEST_F(ExternalSql, MakesTablesInItsSchemaAndTellsOfThem) {
  publish({{"a.sql",
            "--metadb:table patrons\n\ndrop table if exists patrons;\n\n"
            "create table patrons as select 1 as id, current_schema() as place;\n\n"
            "create index on patrons (id);\n\ncomment on column patrons.id is 'which';\n"},
           {"b.sql", "create table if not exists loans as select id from patrons;\n"}});
  create("r");
  EXPECT_EQ(run("run external sql for r").tag, "RUN EXTERNAL SQL");
  EXPECT_THAT(told(), ElementsAre("NOTICE file \"a.sql\" is done, 1 of 2 of external SQL \"r\"",
                                  "NOTICE file \"b.sql\" is done, 2 of 2 of external SQL \"r\""));
  EXPECT_EQ(only("SELECT place FROM reports.patrons"), "reports");
  EXPECT_EQ(only("SELECT id FROM reports.loans"), "1");
  EXPECT_EQ(only("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = "
                 "'reports.patrons'::regclass"),
            role("system"));
  EXPECT_EQ(
      only("SELECT string_agg(schema_name || '.' || table_name || ' ' || (last_update > now() "
           "- interval '1 minute') || ' ' || (elapsed_real_time >= 0), ',') FROM "
           "metadb.table_update"),
      "reports.patrons true true");
  EXPECT_EQ(shown("r", "last_result"), "ok");
  EXPECT_EQ(shown("r", "files_run"), "2");
  EXPECT_EQ(shown("r", "files_failed"), "0");
  EXPECT_THAT(shown("r", "commit"), Optional(testing::MatchesRegex("[0-9a-f]{40}")));
  run("run external sql");
  EXPECT_EQ(only("SELECT count(*) FROM reports.patrons"), "1") << "made anew";
  EXPECT_EQ(only("SELECT count(*) FROM metadb.table_update"), "1");
}

TEST_F(ExternalSql, KeepsRightsOnWhatItMakesAnew) {
  create_role("ann");
  publish({{"a.sql", "drop table if exists \"T 1\";\n\ncreate table \"T 1\" (id int);\n"},
           {"b.sql", "create table if not exists kept (id int);\n"}});
  create("r");
  run("run external sql");
  superuser_.exec("GRANT SELECT ON reports.\"T 1\" TO " + role("ann") + " WITH GRANT OPTION");
  superuser_.exec("GRANT UPDATE ON reports.\"T 1\" TO PUBLIC");
  superuser_.exec("GRANT SELECT ON reports.kept TO " + role("ann"));
  const auto rights = [&] {
    return only(
        "SELECT string_agg(relname || ' ' || a.grantee::regrole || ' ' || a.privilege_type || ' ' "
        "|| a.is_grantable, ', ' ORDER BY relname, 1, a.grantee) FROM pg_class, "
        "aclexplode(relacl) a WHERE relnamespace = 'reports'::regnamespace AND a.grantee <> "
        "relowner");
  };
  const std::string before = rights();
  EXPECT_THAT(before, HasSubstr("SELECT true"));
  const std::string oid = only("SELECT 'reports.\"T 1\"'::regclass::oid");
  run("run external sql");
  EXPECT_NE(only("SELECT 'reports.\"T 1\"'::regclass::oid"), oid);
  EXPECT_EQ(rights(), before);
}

TEST_F(ExternalSql, RunsTheOthersWhenAFileFails) {
  publish({{"good.sql", "create table a (id int);\n"},
           {"bad.sql",
            "--metadb:table b\n\ncreate table b (id int);\n\n-- why\n\ninsert into b\n  values "
            "(1/0);\n"},
           {"none.sql", "--metadb:require nonsense\n"},
           {"last.sql", "create table c (id int);\n"}});
  git_.write("sql/runlist.txt", "good.sql\nbad.sql\nnone.sql\ngone.sql\nlast.sql\n");
  git_.commit();
  create("r");
  EXPECT_EQ(run("run external sql").tag, "RUN EXTERNAL SQL");
  EXPECT_THAT(
      told(),
      ElementsAre(
          "NOTICE file \"good.sql\" is done, 1 of 5 of external SQL \"r\"",
          "WARNING file \"bad.sql\", line 7, 2 of 5 of external SQL \"r\", failed: division by "
          "zero",
          "WARNING file \"none.sql\", 3 of 5 of external SQL \"r\", failed: line 1: a directive "
          "does not parse",
          "WARNING file \"gone.sql\", 4 of 5 of external SQL \"r\", failed: there is no such file",
          "NOTICE file \"last.sql\" is done, 5 of 5 of external SQL \"r\""));
  EXPECT_EQ(notices_[1].detail, "SQLSTATE 22012");
  EXPECT_EQ(only("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE "
                 "relnamespace = 'reports'::regnamespace"),
            "a c");
  EXPECT_EQ(only("SELECT count(*) FROM metadb.table_update"), "0");
  EXPECT_EQ(shown("r", "last_result"), "3 of 5 files failed");
}

TEST_F(ExternalSql, GivesAFileTheTimeOfTheParameter) {
  publish({{"slow.sql", "create table a (id int);\n\nselect 1;\n\nselect pg_sleep(60);\n"},
           {"quick.sql", "create table b (id int);\n"}});
  create("r");
  run("alter system set external_sql_timeout = 1");
  run("run external sql");
  EXPECT_THAT(
      told(),
      ElementsAre("WARNING file \"slow.sql\", line 5, 1 of 2 of external SQL \"r\", failed: "
                  "the file took longer than 1 s",
                  "NOTICE file \"quick.sql\" is done, 2 of 2 of external SQL \"r\""));
  EXPECT_THAT(notices_[0].hint, HasSubstr("external_sql_timeout"));
  EXPECT_EQ(only("SELECT to_regclass('reports.a') IS NULL"), "t");
}

TEST_F(ExternalSql, EndsInTheMiddleOfAStatementWhenItIsCancelled) {
  publish({{"slow.sql", "create table a (id int);\n\nselect pg_sleep(600);\n"},
           {"never.sql", "create table b (id int);\n"}});
  create("r");
  std::jthread user([&] {
    eventually([&] {
      return database_.connect()
                 .exec(
                     "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                     "AND query LIKE 'select pg_sleep(600)%' AND state = 'active'")
                 .int64(0, 0) == 1;
    });
    stop_.request_stop();
  });
  EXPECT_EQ(failure("run external sql").sqlstate, "57014");
  EXPECT_EQ(only("SELECT to_regclass('reports.a') IS NULL AND to_regclass('reports.b') IS NULL"),
            "t");
  EXPECT_EQ(only("SELECT last_result FROM metadb.external_sql_run"),
            "canceling statement due to user request (57014)");
}

TEST_F(ExternalSql, FilesDoNotReachEachOther) {
  publish(
      {{"a.sql", "set search_path = public;\n\nset role none;\n\ncreate temp table t (id int);\n"},
       {"b.sql", "create table here as select to_regclass('t') is null as is_gone;\n"},
       {"c.sql", "create table lost (id int);\n\ncommit;\n\nselect 1/0;\n"},
       {"d.sql", "copy here to stdout;\n"}});
  create("r");
  run("run external sql");
  EXPECT_EQ(only("SELECT is_gone FROM reports.here"), "t");
  EXPECT_THAT(told(), ElementsAre(HasSubstr("is done"), HasSubstr("is done"),
                                  HasSubstr("file \"c.sql\", line 3, 3 of 4 of external SQL \"r\", "
                                            "failed: the statement ended the transaction"),
                                  HasSubstr("file \"d.sql\", line 1")));
}

// Nothing can forbid a file to commit: it fails, and nobody loses access to what it has left.
TEST_F(ExternalSql, FileThatCommitsFailsAndTheAccessToItsTablesStays) {
  const std::string anew = "drop table if exists t;\n\ncreate table t as select 1 as id;\n\n";
  publish({{"a.sql", anew}});
  create("r");
  run("run external sql");
  create_role("reader");
  run("register user " + role("reader"));
  run("grant access on table reports.t to " + role("reader"));
  create_role("other");
  superuser_.exec("GRANT UPDATE ON reports.t TO " + role("other"));
  const auto rights = [&] {
    return only("SELECT has_table_privilege('" + role("reader") + "', 'reports.t', 'SELECT') AND " +
                "has_table_privilege('" + role("other") + "', 'reports.t', 'UPDATE')");
  };
  ASSERT_EQ(rights(), "t");
  for (const std::string end :
       {"commit; begin;", "commit;", "commit and chain;", "commit; select 1/0;",
        "commit; begin; select 1/0;",
        "rollback; begin; drop table reports.t; create table reports.t (id int); commit;"}) {
    const std::string oid = only("SELECT 'reports.t'::regclass::oid");
    publish({{"a.sql", anew + end + "\n\ncreate table never (id int);\n"}});
    run("run external sql");
    EXPECT_THAT(told(), ElementsAre(testing::StartsWith("WARNING file \"a.sql\", line 5"))) << end;
    EXPECT_NE(only("SELECT 'reports.t'::regclass::oid"), oid) << end;
    EXPECT_EQ(rights(), "t") << end;
    EXPECT_EQ(only("SELECT to_regclass('reports.never') IS NULL"), "t") << end;
  }
}

TEST_F(ExternalSql, IsAnErrorWhenNothingCouldBeFetched) {
  publish({});
  run("create external sql r from '" + git_.url() + "' ref 'v9' path 'sql' schema 's'");
  Error error = failure("run external sql for r");
  EXPECT_EQ(error.sqlstate, "42704");
  EXPECT_THAT(error.message(), HasSubstr("it has no reference \"v9\""));
  EXPECT_THAT(shown("r", "last_result"), Optional(HasSubstr("it has no reference")));
  run("create external sql q from '" + git_.url() + "' ref 'main' path 'none' schema 's'");
  error = failure("run external sql");
  EXPECT_EQ(error.sqlstate, "58000");
  EXPECT_EQ(error.message(), "no external SQL could be run");
  EXPECT_THAT(told(), ElementsAre(HasSubstr("external SQL \"q\" was not run: "),
                                  HasSubstr("external SQL \"r\" was not run: ")));
  create("good");
  run("run external sql");
  EXPECT_EQ(told().size(), 2U) << "a warning for each of the others";
  run("drop external sql good");
  run("drop external sql q");
  run("drop external sql r");
  run("run external sql");
  EXPECT_THAT(told(), ElementsAre("NOTICE there is no external SQL to run"));
}

TEST_F(ExternalSql, RunsWhatTheParametersName) {
  git_.write("sql_metadb/derived_tables/runlist.txt", "a.sql\n");
  git_.write("sql_metadb/derived_tables/a.sql", "create table a as select 1 as id;\n");
  git_.commit();
  EXPECT_EQ(failure("run external sql for folio").sqlstate, "42704");
  run("alter system set external_sql_folio = '" + git_.url() + "/refs/heads/main'");
  EXPECT_EQ(shown("folio", "ref"), "refs/heads/main");
  run("run external sql for folio");
  EXPECT_EQ(only("SELECT id FROM folio_derived.a"), "1");
  EXPECT_EQ(shown("folio", "last_result"), "ok");
  run("alter system reset external_sql_folio");
  EXPECT_THAT(run("list external_sql").rows, IsEmpty());
}

TEST_F(ExternalSql, IsPausedWhileASourceSynchronizes) {
  publish({{"a.sql", "select 1;\n"}});
  create("r");
  run(kCreate);
  const Error error = failure("run external sql");
  EXPECT_EQ(error.sqlstate, "55000");
  EXPECT_EQ(error.message(), "external SQL is paused while data source \"s\" synchronizes");
}

TEST_F(ExternalSql, RunsOnceAtATime) {
  publish({{"a.sql", "select pg_advisory_xact_lock(77);\n"}});
  create("r");
  superuser_.exec("SELECT pg_advisory_lock(77)");
  std::jthread first([&] {
    server::Context context({.user = "postgres", .database = database_.name()}, {},
                            [](const server::Notice&) {});
    EXPECT_EQ(commands_->run(command("run external sql"), context).tag, "RUN EXTERNAL SQL");
  });
  catalog::Connection observer = database_.connect();
  ASSERT_TRUE(eventually([&] { return somebody_waits_for_a_lock(observer); }));
  EXPECT_EQ(failure("run external sql for r").sqlstate, "55006");
  superuser_.exec("SELECT pg_advisory_unlock(77)");
}

TEST_F(ExternalSql, MakesWhatItRequires) {
  add_source();
  publish(
      {{"a.sql",
        "--metadb:table t\n--metadb:require library.item__t.id uuid\n"
        "--metadb:require library.item__t__.name varchar(20)\n"
        "--metadb:require library.item__t.__start timestamptz\n\n"
        "drop table if exists t;\n\ncreate table t as select id, name from library.item__t;\n"}});
  create("r");
  for (int round = 0; round < 2; ++round) {
    run("run external sql");
    EXPECT_THAT(told(), ElementsAre("NOTICE file \"a.sql\" is done, 1 of 1 of external SQL \"r\""));
  }
  EXPECT_EQ(only("SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER "
                 "BY attnum) FROM pg_attribute WHERE attrelid = 'reports.t'::regclass AND "
                 "attnum > 0"),
            "id uuid, name text");
  EXPECT_EQ(
      only("SELECT source_name || ' ' || transformed FROM metadb.base_table WHERE schema_name "
           "= 'library' AND table_name = 'item__t'"),
      "s false");
  const auto snapshot = catalog_->snapshot();
  ASSERT_TRUE(snapshot->tables.contains({"library", "item__t"}));
  EXPECT_NE(snapshot->tables.at({"library", "item__t"})->column("name"), nullptr);
}

TEST_F(ExternalSql, SaysWhyItCannotMakeWhatItRequires) {
  publish({{"a.sql", "\n--metadb:require library.item.id uuid\n\nselect 1;\n"}});
  create("r");
  run("run external sql");
  EXPECT_THAT(told(), ElementsAre(HasSubstr("file \"a.sql\", line 2, 1 of 1 of external SQL \"r\", "
                                            "failed: --metadb:require: table library.item does not "
                                            "exist, and there is no data source")));
  add_source();
  superuser_.exec("CREATE SCHEMA library; CREATE TABLE library.item (name text)");
  run("run external sql");
  EXPECT_THAT(told(), ElementsAre(HasSubstr("column library.item.id does not exist")));
  superuser_.exec("ALTER TABLE library.item ADD COLUMN id text");
  run("run external sql");
  EXPECT_THAT(told(), ElementsAre(HasSubstr("is done"))) << "whatever its type is";
  publish({{"a.sql", "--metadb:require other.item.id nonsense\n\nselect 1;\n"}});
  run("run external sql");
  EXPECT_THAT(told(), ElementsAre(HasSubstr("there is no type \"nonsense\"")));
}

TEST_F(ExternalSql, KeepsOutOfSchemasOfDataSources) {
  add_source();
  publish({{"a.sql", "--metadb:require reports.item.id uuid\n\nselect 1;\n"}});
  create("r");
  run("run external sql");
  const Error error = failure("run external sql");
  EXPECT_EQ(error.sqlstate, "42939");
  EXPECT_THAT(error.message(), HasSubstr("schema \"reports\" holds tables of data source \"s\""));
}

// What maintenance does with them.
TEST_F(ExternalSql, RunsAtItsTime) {
  publish({{"a.sql", "create table if not exists a as select 1;\n"}});
  create("own", " schedule '04:30'");
  create("daily");
  const server::ExternalSqlRunner runner(*catalog_, fetch_);
  catalog::Connection connection = catalog_->connect();
  connection.exec("SET timezone = 'America/New_York'");
  runner.run_scheduled(connection, stop_.get_token());
  EXPECT_EQ(only("SELECT to_char(next_run AT TIME ZONE 'UTC', 'HH24:MI:SS') || (next_run > now() "
                 "AND next_run <= now() + interval '1 day') FROM metadb.external_sql WHERE "
                 "name = 'own'"),
            "04:30:00true");
  EXPECT_EQ(only("SELECT count(*) FROM metadb.external_sql_run"), "0") << "it is not due";
  const auto next = server::ExternalSqlRunner::next_scheduled(connection);
  EXPECT_EQ(
      std::to_string(next.value_or(0)),
      only("SELECT extract(epoch FROM next_run)::bigint FROM metadb.external_sql WHERE name = "
           "'own'"));
  superuser_.exec(
      "UPDATE metadb.external_sql SET next_run = now() - interval '3 days' WHERE "
      "name = 'own'");
  runner.run_scheduled(connection, stop_.get_token());
  EXPECT_EQ(only("SELECT string_agg(name || ' ' || last_result, ',') FROM metadb.external_sql_run"),
            "own ok");
  EXPECT_EQ(only("SELECT next_run > now() FROM metadb.external_sql WHERE name = 'own'"), "t");
  runner.run_daily(connection, stop_.get_token());
  EXPECT_EQ(only("SELECT string_agg(name || ' ' || last_result, ',' ORDER BY name) FROM "
                 "metadb.external_sql_run"),
            "daily ok,own ok");
}

TEST_F(ExternalSql, IsLeftOutOfMaintenanceWhileASourceSynchronizes) {
  publish({{"a.sql", "select 1;\n"}});
  create("own", " schedule '04:30'");
  create("daily");
  run(kCreate);
  superuser_.exec("UPDATE metadb.external_sql SET next_run = now() WHERE name = 'own'");
  const server::ExternalSqlRunner runner(*catalog_, fetch_);
  catalog::Connection connection = catalog_->connect();
  runner.run_scheduled(connection, stop_.get_token());
  runner.run_daily(connection, stop_.get_token());
  EXPECT_EQ(only("SELECT count(*) FROM metadb.external_sql_run"), "0");
  EXPECT_EQ(only("SELECT next_run > now() FROM metadb.external_sql WHERE name = 'own'"), "t");
}

TEST_F(ExternalSql, ThatFailsLetsTheOthersOfMaintenanceRun) {
  publish({{"a.sql", "select 1;\n"}});
  run("create external sql bad from '" + git_.url() + "-gone' ref 'v' path '' schema 's'");
  create("good");
  const server::ExternalSqlRunner runner(*catalog_, fetch_);
  catalog::Connection connection = catalog_->connect();
  try {
    runner.run_daily(connection, stop_.get_token());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("bad: " + git_.url() + "-gone cannot be fetched"));
  }
  EXPECT_EQ(shown("good", "last_result"), "ok");
}

}  // namespace
}  // namespace metadb::tests
