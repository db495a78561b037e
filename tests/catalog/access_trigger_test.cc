// Durable grants on what users recreate with SQL of their own.
#include <gmock/gmock.h>

#include "tests/catalog/access_fixture.h"

namespace metadb::tests {
namespace {

using catalog::AccessObject;
using catalog::ObjectType;
using testing::HasSubstr;

class AccessTrigger : public AccessTest {
 protected:
  AccessTrigger() {
    writer_->exec("CREATE TABLE work.t (id int); CREATE TABLE work.base (id int)");
    grant(work_table("t"));
  }
  // Drops work.t, runs `sql`, and says why the reader can't read the new work.t.
  std::string after(const std::string& drop, const std::string& sql) {
    writer_->exec(drop);
    writer_->exec(sql);
    return refusal("SELECT * FROM work.t");
  }
};

TEST_F(AccessTrigger, RestoresAccessHoweverARelationIsMade) {
  EXPECT_EQ(refusal("SELECT * FROM work.t"), "");
  EXPECT_EQ(after("DROP TABLE work.t", "CREATE TABLE work.t (id int)"), "");
  EXPECT_EQ(after("DROP TABLE work.t", "CREATE TABLE work.t AS SELECT 1 AS id"), "");
  EXPECT_EQ(after("DROP TABLE work.t", "SELECT 1 AS id INTO work.t"), "");
  EXPECT_EQ(after("DROP TABLE work.t", "CREATE VIEW work.t AS SELECT 1 AS id"), "");
  EXPECT_EQ(after("DROP VIEW work.t", "CREATE MATERIALIZED VIEW work.t AS SELECT 1 AS id"), "");
  EXPECT_EQ(after("DROP MATERIALIZED VIEW work.t",
                  "CREATE TABLE work.n (id int); ALTER TABLE work.n RENAME TO t"),
            "");
  EXPECT_EQ(after("DROP TABLE work.t",
                  "CREATE VIEW work.n AS SELECT 1 AS id; ALTER VIEW work.n RENAME TO t"),
            "");
  EXPECT_EQ(after("DROP VIEW work.t", "CREATE TABLE work.t (id int) PARTITION BY RANGE (id)"), "");
  EXPECT_EQ(after("BEGIN; DROP TABLE work.t", "CREATE TABLE work.t (id int); COMMIT"), "");
}

TEST_F(AccessTrigger, RestoresAccessInTheTransactionOfTheStatement) {
  writer_->exec("BEGIN; DROP TABLE work.t; CREATE TABLE work.t (id int)");
  const auto granted =
      writer_->exec("SELECT has_table_privilege($1, 'work.t', 'SELECT')", {role("reader")});
  EXPECT_TRUE(granted.boolean(0, 0));
  writer_->exec("ROLLBACK");
}

TEST_F(AccessTrigger, RestoresAccessToWhatComesWithItsSchema) {
  superuser_.exec("GRANT CREATE ON DATABASE " + database_.name() + " TO " + role("writer"));
  writer_->exec("DROP TABLE work.t");
  superuser_.exec("DROP SCHEMA work CASCADE");
  writer_->exec("CREATE SCHEMA work CREATE TABLE t (id int)");
  EXPECT_EQ(refusal("SELECT * FROM work.t"), "");
  writer_->exec("DROP SCHEMA work CASCADE; CREATE SCHEMA other CREATE TABLE t (id int)");
  writer_->exec("ALTER SCHEMA other RENAME TO work");
  EXPECT_EQ(refusal("SELECT * FROM work.t"), "");
  writer_->exec("DROP TABLE work.t; CREATE SCHEMA other CREATE TABLE t (id int)");
  writer_->exec("ALTER TABLE other.t SET SCHEMA work");
  EXPECT_EQ(refusal("SELECT * FROM work.t"), "");
}

TEST_F(AccessTrigger, RestoresAccessToTheSameOverload) {
  const std::string create =
      " FUNCTION work.\"F\"(a int, VARIADIC b text[]) RETURNS int LANGUAGE sql AS 'SELECT 1'";
  const std::string close = "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC";
  writer_->exec(close);
  writer_->exec("CREATE" + create);
  const AccessObject object = catalog::access_object(superuser_, {"work", "F", {"int4", "text[]"}});
  EXPECT_EQ(object.name, "\"F\"(integer, text[])");
  ASSERT_TRUE(catalog::find_object(superuser_, object));
  grant(object);
  EXPECT_EQ(refusal("SELECT work.\"F\"(1, 'a')"), "");
  writer_->exec("DROP FUNCTION work.\"F\"");
  writer_->exec("CREATE" + create);
  writer_->exec("CREATE FUNCTION work.\"F\"(a int) RETURNS int LANGUAGE sql AS 'SELECT 2'");
  EXPECT_EQ(refusal("SELECT work.\"F\"(1, 'a')"), "");
  EXPECT_EQ(refusal("SELECT work.\"F\"(1)"), "permission denied for function F");
  writer_->exec("CREATE OR REPLACE" + create);
  EXPECT_EQ(refusal("SELECT work.\"F\"(1, 'a')"), "");
  writer_->exec("DROP FUNCTION work.\"F\"(int, text[])");
  writer_->exec("CREATE PROCEDURE work.\"F\"(a int, b text[]) LANGUAGE sql AS 'SELECT 2'");
  EXPECT_EQ(refusal("CALL work.\"F\"(1, '{}')"), "");
}

TEST_F(AccessTrigger, LeavesOtherDdlOfOrdinaryUsersAlone) {
  writer_->exec("CREATE TABLE work.u (id serial primary key)");
  writer_->exec("CREATE TEMP TABLE t (id int); CREATE TEMP VIEW v AS SELECT * FROM t");
  writer_->exec("ALTER TABLE work.u ADD COLUMN v text; CREATE INDEX ON work.u (v)");
  writer_->exec("CREATE TEMP TABLE c ON COMMIT DROP AS SELECT 1");
  writer_->exec("DROP TABLE t CASCADE; DROP TABLE work.u");
  EXPECT_THAT(refusal("SELECT * FROM work.base"), HasSubstr("permission denied"));
}

// Nobody calls it but PostgreSQL, and nothing in the session moves what its names mean.
TEST_F(AccessTrigger, IsNobodysToUse) {
  writer_->exec(
      "CREATE FUNCTION work.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS"
      " $$SELECT 'GRANT ALL ON SCHEMA metadb TO PUBLIC'$$");
  writer_->exec("SET search_path = work, pg_catalog");
  writer_->exec("DROP TABLE work.t; CREATE TABLE work.t (id int)");
  EXPECT_EQ(refusal("SELECT * FROM work.t"), "");
  EXPECT_FALSE(
      superuser_.exec("SELECT has_schema_privilege($1, 'metadb', 'USAGE')", {role("writer")})
          .boolean(0, 0));
  const auto function = superuser_.exec(
      "SELECT prosecdef, proconfig::text, pg_get_userbyid(proowner) FROM pg_proc"
      " WHERE proname = 'restore_access'");
  EXPECT_TRUE(function.boolean(0, 0));
  EXPECT_EQ(function.text(0, 1), "{\"search_path=pg_catalog, pg_temp\"}");
  EXPECT_EQ(function.text(0, 2), superuser_.user());
}

// A body that fails at its start, and one whose GRANT fails.
TEST_F(AccessTrigger, NeverEndsAStatementWithItsOwnError) {
  superuser_.exec("ALTER TABLE metadb.acl RENAME COLUMN user_name TO renamed");
  superuser_.exec("ALTER VIEW metadb.access RENAME TO renamed");
  writer_->exec("DROP TABLE work.t; CREATE TABLE work.t (id int)");
  EXPECT_THAT(refusal("SELECT * FROM work.t"), HasSubstr("permission denied"));
  superuser_.exec("ALTER VIEW metadb.renamed RENAME TO access");
  superuser_.exec("ALTER TABLE metadb.acl RENAME COLUMN renamed TO user_name");
  superuser_.exec(
      "DROP VIEW metadb.access; CREATE VIEW metadb.access AS SELECT user_name, schema_name, "
      "object_name,"
      " object_type, 'NONSENSE'::text AS object, 'SELECT'::text AS privilege, false AS is_owner,"
      " false AS is_granted, false AS has_usage FROM metadb.acl");
  writer_->exec("BEGIN; DROP TABLE work.t; CREATE TABLE work.t (id int)");
  writer_->exec("INSERT INTO work.t VALUES (1); COMMIT");
  EXPECT_EQ(superuser_.exec("SELECT count(*) FROM work.t").int64(0, 0), 1);
}

TEST_F(AccessTrigger, IsThereOnceAndForSuperusersToMake) {
  catalog::create_access_trigger(superuser_);
  catalog::create_access_trigger(*system_);
  EXPECT_EQ(superuser_.exec("SELECT count(*) FROM pg_event_trigger").int64(0, 0), 1);
  superuser_.exec("DROP EVENT TRIGGER metadb_restore_access");
  catalog::create_access_trigger(*system_);
  EXPECT_EQ(superuser_.exec("SELECT count(*) FROM pg_event_trigger").int64(0, 0), 0);
  catalog::create_access_trigger(superuser_);
  EXPECT_EQ(after("DROP TABLE work.t", "CREATE TABLE work.t (id int)"), "");
}

}  // namespace
}  // namespace metadb::tests
