#include "catalog/access.h"

#include <gmock/gmock.h>

#include <future>

#include "tests/catalog/access_fixture.h"
#include "tests/fakes/eventually.h"

namespace metadb::tests {
namespace {

using catalog::AccessObject;
using catalog::Connection;
using catalog::Error;
using catalog::ObjectType;
using catalog::Table;
using catalog::Transaction;
using testing::HasSubstr;

class Access : public AccessTest {};

TEST_F(Access, OnAllCoversATableFromItsFirstMoment) {
  const Table made = table("t");
  grant(std::nullopt);
  create(made);
  EXPECT_EQ(refusal("SELECT * FROM " + made.main()), "");
  EXPECT_EQ(refusal("SELECT * FROM " + made.current()), "");
  // What comes to it later is read through it.
  catalog::add_year(*system_, made, 2026);
  catalog::add_column(*system_, made, {"v", "text", catalog::PgType::text});
  system_->exec("INSERT INTO " + made.main() +
                " (__start, __end, __current, __origin, id, v) VALUES "
                "('2026-01-01', '2026-02-01', false, '', 1, 'old')");
  EXPECT_EQ(reader_->exec("SELECT v FROM " + made.main()).text(0, 0), "old");
  EXPECT_THAT(refusal("SELECT * FROM " + made.leaf(2026)), HasSubstr("permission denied"));
}

TEST_F(Access, ToATableComesBackWithTheTable) {
  const Table made = table("t");
  create(made);
  grant(AccessObject{ObjectType::table, made.schema, made.main_name});
  EXPECT_EQ(refusal("SELECT * FROM " + made.main()), "");
  system_->exec("DROP TABLE " + made.main());
  system_->exec("DROP TABLE " + catalog::quote_qualified(made.schema, made.sync_name));
  system_->exec("DELETE FROM metadb.base_table; DELETE FROM metadb.managed_table");
  create(made);
  EXPECT_EQ(refusal("SELECT * FROM " + made.main()), "");
  EXPECT_THAT(refusal("SELECT * FROM " + made.current()), HasSubstr("permission denied"))
      << "it is another name";
}

// Whichever of the two comes first, the other waits and sees it.
TEST_F(Access, OnAllAndATableOfTheSameMomentDoNotMissEachOther) {
  const Table first = table("first");
  std::future<void> granted;
  {
    Transaction transaction(*system_);
    catalog::create_table(*system_, first);
    granted = std::async(std::launch::async, [this] { grant(std::nullopt); });
    Connection observer = database_.connect();
    ASSERT_TRUE(eventually([&] { return somebody_waits_for_a_lock(observer); }));
    transaction.commit();
  }
  granted.get();
  EXPECT_EQ(refusal("SELECT * FROM " + first.main()), "");
  EXPECT_EQ(refusal("SELECT * FROM " + first.current()), "");

  ASSERT_TRUE(revoke(std::nullopt));
  EXPECT_THAT(refusal("SELECT * FROM " + first.main()), HasSubstr("permission denied"));
  const Table second = table("second");
  std::future<void> created;
  {
    Transaction transaction(superuser_);
    catalog::lock_access(superuser_);
    catalog::grant_access(superuser_, {role("reader"), std::nullopt});
    created = std::async(std::launch::async, [&] { create(second); });
    Connection observer = database_.connect();
    ASSERT_TRUE(eventually([&] { return somebody_waits_for_a_lock(observer); }));
    transaction.commit();
  }
  created.get();
  EXPECT_EQ(refusal("SELECT * FROM " + second.main()), "");
  EXPECT_EQ(refusal("SELECT * FROM " + second.current()), "");
}

TEST_F(Access, MakersOfTablesDoNotWaitForEachOther) {
  grant(std::nullopt);
  Transaction transaction(*system_);
  catalog::create_table(*system_, table("a"));
  Connection other(conninfo("system"));
  other.exec("SET lock_timeout = '20s'; SET search_path = pg_catalog");
  Transaction beside(other);
  Table made = table("b");
  made.schema = "elsewhere";
  catalog::create_table(other, made);
  beside.commit();
  EXPECT_EQ(refusal("SELECT * FROM elsewhere.b"), "");
  transaction.commit();
}

TEST_F(Access, ChangesWaitForMakersOfTablesTenSecondsAtMost) {
  Transaction transaction(*system_);
  catalog::create_table(*system_, table("t"));
  try {
    grant(std::nullopt);
    FAIL() << "it did not wait";
  } catch (const Error& error) {
    EXPECT_EQ(error.sqlstate, "55P03");
    EXPECT_THAT(error.detail, HasSubstr("ten seconds"));
  }
}

TEST_F(Access, OnAllCoversSystemTablesAndFunctionsOfOursAlone) {
  superuser_.exec("ALTER FUNCTION public.ps() OWNER TO CURRENT_USER");
  superuser_.exec("REVOKE EXECUTE ON FUNCTION public.ps(), public.mdbversion() FROM PUBLIC");
  grant(std::nullopt);
  for (const char* sql :
       {"SELECT * FROM metadb.base_table", "SELECT * FROM metadb.table_update",
        "SELECT * FROM metadb.log", "SELECT public.mdblog()", "SELECT public.mdbversion()"}) {
    EXPECT_EQ(refusal(sql), "") << sql;
  }
  EXPECT_EQ(refusal("SELECT public.ps()"), "permission denied for function ps")
      << "it is somebody else's";
  const auto others = superuser_.exec(
      "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'metadb'::regnamespace"
      " AND c.relkind IN ('r', 'p', 'v') AND has_table_privilege($1, c.oid, 'SELECT')"
      " AND c.relname NOT IN ('base_table', 'table_update', 'log')",
      {role("reader")});
  EXPECT_EQ(others.rows(), 0);
  EXPECT_TRUE(revoke(std::nullopt));
  EXPECT_FALSE(revoke(std::nullopt));
  EXPECT_EQ(refusal("SELECT * FROM metadb.log"), "permission denied for schema metadb");
  EXPECT_EQ(refusal("SELECT public.mdbversion()"), "permission denied for function mdbversion");
}

TEST_F(Access, OnAllCoversTablesThatExternalSqlMade) {
  grant(std::nullopt);
  const auto run = [&] {
    Transaction transaction(*system_);
    system_->exec("CREATE SCHEMA IF NOT EXISTS \"Derived\"");
    system_->exec("DROP TABLE IF EXISTS \"Derived\".\"T 1\"");
    system_->exec("CREATE TABLE \"Derived\".\"T 1\" AS SELECT 1 AS one");
    system_->exec(
        "INSERT INTO metadb.table_update VALUES ('Derived', 'T 1', now(), 0)"
        " ON CONFLICT DO NOTHING");
    catalog::apply_access(*system_, "Derived", "T 1");
    transaction.commit();
  };
  for (int i = 0; i < 2; ++i) {
    run();
    EXPECT_EQ(refusal("SELECT * FROM \"Derived\".\"T 1\""), "") << i;
  }
  EXPECT_TRUE(revoke(std::nullopt));
  EXPECT_THAT(refusal("SELECT * FROM \"Derived\".\"T 1\""), HasSubstr("permission denied"));
  grant(AccessObject{ObjectType::table, "Derived", "T 1"});
  run();
  EXPECT_EQ(refusal("SELECT * FROM \"Derived\".\"T 1\""), "");
}

TEST_F(Access, GrantedByNameOutlivesTheRevocationOnAll) {
  const Table made = table("t");
  create(made);
  grant(AccessObject{ObjectType::table, made.schema, made.current_name});
  grant(std::nullopt);
  EXPECT_TRUE(revoke(std::nullopt));
  EXPECT_EQ(refusal("SELECT * FROM " + made.current()), "");
  EXPECT_THAT(refusal("SELECT * FROM " + made.main()), HasSubstr("permission denied"));
}

TEST_F(Access, ToASchemaGoesWithTheLastPrivilegeInIt) {
  const auto has_usage = [&] {
    return superuser_.exec("SELECT has_schema_privilege($1, 'work', 'USAGE')", {role("reader")})
        .boolean(0, 0);
  };
  writer_->exec("CREATE TABLE work.a (); CREATE TABLE work.b (); CREATE TABLE work.c ()");
  grant(work_table("a"));
  grant(work_table("b"));
  revoke(work_table("a"));
  EXPECT_TRUE(has_usage()) << "for b";
  writer_->exec("GRANT SELECT ON work.c TO " + role("reader"));
  revoke(work_table("b"));
  EXPECT_TRUE(has_usage()) << "for c, which the writer granted";
  writer_->exec("REVOKE SELECT ON work.c FROM " + role("reader"));
  grant(work_table("b"));
  revoke(work_table("b"));
  EXPECT_FALSE(has_usage());
  EXPECT_EQ(refusal("SELECT * FROM work.b"), "permission denied for schema work");
}

TEST_F(Access, OfAnOwnerIsNeitherGivenNorTaken) {
  superuser_.exec("GRANT CREATE ON SCHEMA work TO " + role("reader"));
  superuser_.exec("GRANT USAGE ON SCHEMA work TO " + role("reader"));
  reader_->exec("CREATE TABLE work.mine (id int)");
  grant(work_table("mine"));
  revoke(work_table("mine"));
  EXPECT_EQ(refusal("INSERT INTO work.mine SELECT * FROM work.mine"), "");
}

TEST_F(Access, RecordedForARoleThatIsGoneIsNotTheNextOnes) {
  writer_->exec("CREATE TABLE work.a ()");
  superuser_.exec("INSERT INTO metadb.acl VALUES ('work', 'a', 't', 'a', '" + role("later") + "')");
  superuser_.exec("INSERT INTO metadb.acl_all VALUES ('" + role("later") + "')");
  catalog::register_user(superuser_, {role("later"), ""});
  EXPECT_FALSE(catalog::has_access(superuser_, {role("later"), work_table("a")}));
  EXPECT_FALSE(catalog::has_access(superuser_, {role("later"), std::nullopt}));
}

// Without a superuser, what others own can be granted by them alone; PostgreSQL would only warn.
TEST_F(Access, ThatCannotBeGrantedIsAnError) {
  writer_->exec("CREATE TABLE work.a (); GRANT SELECT ON work.a TO " + role("system"));
  writer_->exec("GRANT USAGE ON SCHEMA work TO " + role("system"));
  Transaction transaction(*system_);
  catalog::lock_access(*system_);
  try {
    catalog::grant_access(*system_, {role("reader"), work_table("a")});
    FAIL() << "it was granted";
  } catch (const Error& error) {
    EXPECT_EQ(error.sqlstate, "42501");
    EXPECT_EQ(error.message(), "permission denied to grant access on TABLE work.a");
  }
}

TEST_F(Access, WaitsAreForTheLockAlone) {
  Transaction transaction(superuser_);
  superuser_.exec("SET LOCAL lock_timeout = '1234ms'");
  catalog::lock_access(superuser_);
  EXPECT_EQ(superuser_.exec("SHOW lock_timeout").text(0, 0), "1234ms");
}

}  // namespace
}  // namespace metadb::tests
