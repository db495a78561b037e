#include "tests/server/tables_fixture.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::SizeIs;

class VerifyConsistency : public TablesTest {
 protected:
  void SetUp() override {
    add(1, "a");
    add(1, "b");
    add(2, "c");
    ASSERT_TRUE(catches_up());
    ASSERT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
  }
  // One violation, told by a warning with these words.
  void expect_violation(const std::string& message, const std::string& detail) {
    const Error error = failure("verify consistency");
    EXPECT_EQ(error.sqlstate, "XX001");
    EXPECT_EQ(error.message(), "consistency check found 1 violation");
    ASSERT_THAT(notices_, SizeIs(1));
    EXPECT_EQ(notices_[0].severity, "WARNING");
    EXPECT_THAT(notices_[0].message, HasSubstr(message));
    EXPECT_THAT(notices_[0].detail, HasSubstr(detail));
  }
  // Of that message among others.
  void expect_among(const std::string& message, const std::string& detail) {
    EXPECT_EQ(failure("verify consistency").sqlstate, "XX001");
    EXPECT_THAT(notices_, Contains(AllOf(Field(&server::Notice::message, HasSubstr(message)),
                                         Field(&server::Notice::detail, HasSubstr(detail)))));
  }
};

TEST_F(VerifyConsistency, FindsSeveralCurrentRowsOfOneKey) {
  superuser_.exec(
      "DROP INDEX public.zzz___t___key; INSERT INTO public.t__ (__start, __end, __current, "
      "__origin, id, v) SELECT now(), '9999-12-31 00:00+00', true, '', 2, 'x'");
  expect_among("table \"public\".\"t__\" has several current rows of one key",
               "Key (id)=(2), origin '': 2 rows, __id 3 to 4.");
  expect_among("has no unique index of its key", "zzz___t___key");
}

TEST_F(VerifyConsistency, FindsVersionsThatOverlap) {
  superuser_.exec("UPDATE public.t__ SET __end = now() WHERE __id = 1");
  expect_violation("table \"public\".\"t__\" has versions of one key that overlap",
                   "Key (id)=(1), origin '': the version with __id 2 starts at");
}

TEST_F(VerifyConsistency, FindsAVersionInsideAnother) {
  superuser_.exec(
      "INSERT INTO public.t__ (__start, __end, __current, __origin, id, v) SELECT __start + "
      "interval '0.2 s', __start + interval '0.3 s', false, '', 1, 'x' FROM public.t__ WHERE __id "
      "= 1");
  expect_violation("overlap", "__id 4");
}

TEST_F(VerifyConsistency, FindsVersionsThatEndBeforeTheyStart) {
  superuser_.exec("UPDATE public.t__ SET __end = __start - interval '1 s' WHERE __id = 1");
  expect_violation("versions that end before they start", "__id 1 starts at");
}

TEST_F(VerifyConsistency, FindsCurrentRowsThatHaveAnEnd) {
  superuser_.exec("UPDATE public.t__ SET __end = '9999-12-30 00:00+00' WHERE __id = 3");
  expect_violation("current rows that have an end", "__id 3 ends at");
}

TEST_F(VerifyConsistency, FindsEndedRowsWithoutAnEnd) {
  superuser_.exec("UPDATE public.t__ SET __end = '9999-12-31 00:00+00' WHERE __id = 1");
  expect_among("ended rows without an end", "__id 1 ends at");
}

TEST_F(VerifyConsistency, FindsRowsInTheWrongPartition) {
  // PostgreSQL believes a constraint that claims to be checked.
  superuser_.exec(
      "ALTER TABLE public.t__ DETACH PARTITION public.t; UPDATE public.t SET __current = false "
      "WHERE __id = 3; ALTER TABLE public.t ADD CONSTRAINT c CHECK (__current IS NOT NULL AND "
      "__current = true) NOT VALID; UPDATE pg_constraint SET convalidated = true WHERE conname = "
      "'c'; ALTER TABLE public.t__ ATTACH PARTITION public.t FOR VALUES IN (true)");
  expect_violation("rows whose __current is not that of their partition", "__id 3 in public.t.");
}

TEST_F(VerifyConsistency, FindsUuidColumnsWithoutIndex) {
  superuser_.exec("ALTER TABLE public.t__ ADD COLUMN u uuid");
  expect_violation("a uuid column without index", "Column u.");
}

TEST_F(VerifyConsistency, FindsRelationsThatAreMissing) {
  superuser_.exec("DROP TABLE public.zzz___t___sync");
  expect_violation("names relations that there are not", "Relation public.zzz___t___sync.");
}

TEST_F(VerifyConsistency, GoesOnWithTheOthersWhereATableLacksItsHistory) {
  add(1, "a", 'u', "z");
  ASSERT_TRUE(catches_up());
  superuser_.exec(
      "DROP TABLE public.zzz___t___; UPDATE public.z__ SET __end = '9999-12-30 00:00+00'");
  expect_among("names relations that there are not", "Relation public.zzz___t___.");
  expect_among("table \"public\".\"t__\" is not whole", "does not exist");
  expect_among("table \"public\".\"z__\" has current rows that have an end", "__id 1");
}

TEST_F(VerifyConsistency, FindsPartitionsThatAreDetached) {
  superuser_.exec("ALTER TABLE public.t__ DETACH PARTITION public.zzz___t___");
  expect_violation("no partitions of their main table", "Relation public.zzz___t___.");
}

TEST_F(VerifyConsistency, FindsColumnsThatAreMissing) {
  superuser_.exec("UPDATE metadb.managed_table SET key_columns = '{nonesuch}'");
  expect_violation("names columns that their tables have not",
                   "Column nonesuch of table public.t.");
}

TEST_F(VerifyConsistency, FindsCatalogRowsWithoutTheirTwins) {
  superuser_.exec("INSERT INTO metadb.base_table VALUES ('public', 'ghost', 's', false, '', '')");
  expect_among("metadb.base_table and metadb.managed_table disagree", "Table public.ghost.");
  expect_among("tables that no source table feeds", "Table public.ghost.");
  superuser_.exec("DELETE FROM metadb.base_table WHERE table_name = 'ghost'");
  superuser_.exec(
      "INSERT INTO metadb.source_table VALUES ('s', 'd', 'p', 'q', 'public', 'q', '', '', '')");
  expect_violation("metadb.source_table names tables that are not managed", "Table public.q.");
}

TEST_F(VerifyConsistency, FindsTransformedRowsWithoutTheirRoot) {
  add(1, "a", 'u', "t__c");
  ASSERT_TRUE(catches_up());
  superuser_.exec(
      "UPDATE metadb.base_table SET transformed = true, parent_schema_name = 'public', "
      "parent_table_name = 't' WHERE table_name = 't__c'; DELETE FROM metadb.source_table WHERE "
      "table_name = 't__c'");
  expect_violation("does not name its rows' roots", "__root__id");
  superuser_.exec("ALTER TABLE public.t__c__ ADD COLUMN __root__id int DEFAULT 1");
  EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
  superuser_.exec("UPDATE public.t__c__ SET __root__id = 5");
  expect_violation("current rows without a current root", "root (5)");
  superuser_.exec("UPDATE metadb.base_table SET parent_table_name = 'gone' WHERE transformed");
  expect_violation("whose parent is not managed", "Table public.t__c.");
}

TEST_F(VerifyConsistency, ShowsSomeOfManyAndCountsThemAll) {
  superuser_.exec(
      "INSERT INTO public.t__ (__start, __end, __current, __origin, id, v) SELECT now(), "
      "'9999-12-30 00:00+00', true, '', n, 'x' FROM generate_series(10, 1009) n");
  const Error error = failure("verify consistency");
  EXPECT_EQ(error.message(), "consistency check found 1000 violations");
  ASSERT_THAT(notices_, SizeIs(21));
  EXPECT_EQ(notices_[20].message, "980 more of these are not shown");
}

// Keys with NULL stand for themselves, and a key that changed told older versions apart otherwise.
TEST_F(VerifyConsistency, TakesNothingForAViolationThatIsNone) {
  topics_.add(RowEvent{.table = "k", .id = 1, .value = "a", .is_key_wide = true});
  topics_.add(RowEvent{.table = "k", .id = 1, .value = "b", .is_key_wide = true});
  topics_.add(RowEvent{.table = "k", .id = 1, .value = std::nullopt, .is_key_wide = true});
  topics_.add(RowEvent{.table = "k", .id = 1, .value = std::nullopt, .is_key_wide = true});
  topics_.add(RowEvent{.table = "k",
                       .op = 'd',
                       .id = 1,
                       .value = "a",
                       .ts_us = 1'700'000'900'000'000,
                       .is_key_wide = true});
  topics_.add(RowEvent{.table = "k", .id = 1, .value = "c"});
  topics_.add(RowEvent{.table = "k", .id = 1, .value = "d"});
  topics_.add(RowEvent{.table = "l", .id = 1, .value = "d", .is_keyless = true});
  topics_.add(RowEvent{.table = "l", .op = 'c', .id = 1, .value = "d", .is_keyless = true});
  add(2, "x", 'd');
  add(2, "y");
  topics_.add(RowEvent{.op = 't'});
  add(2, "z");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
}

TEST_F(VerifyConsistency, CanBeCanceled) {
  catalog::Connection user = database_.connect();
  const catalog::Transaction transaction(user);
  user.exec("LOCK TABLE public.t__ IN ACCESS EXCLUSIVE MODE");
  run_waiting("verify consistency", [&] { stop_.request_stop(); });
  EXPECT_EQ(error_, "57014");
}

}  // namespace
}  // namespace metadb::tests
