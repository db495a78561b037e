#include "catalog/stream_lock.h"
#include "tests/server/tables_fixture.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class PurgeData : public TablesTest {
 protected:
  std::vector<std::string> relations() {
    return rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND "
        "relkind IN ('r', 'p') ORDER BY 1");
  }
  // Rows of any table of the catalog that name the table.
  std::vector<std::string> traces(const std::string& table = "t") {
    std::vector<std::string> out;
    for (const std::string& name :
         rows("SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = "
              "'metadb' AND column_name = 'table_name' ORDER BY 1")) {
      if (only("SELECT count(*) FROM metadb." + name + " WHERE table_name = '" + table + "'") !=
          "0")
        out.push_back(name);
    }
    return out;
  }
  void drop_source() { run("drop data source s"); }
};

TEST_F(PurgeData, TakesTablesAndEverythingThatTheCatalogKnowsOfThem) {
  add(1, "a");
  add(1, "b");
  add(1, "a", 'u', "other");
  ASSERT_TRUE(catches_up());
  superuser_.exec(
      "INSERT INTO metadb.column_name VALUES ('public', 't', 'V', 'v'); "
      "INSERT INTO metadb.chosen_type VALUES ('public', 't', 'v', false); "
      "INSERT INTO metadb.unresolved VALUES ('public', 't', 1, 'v'); "
      "INSERT INTO metadb.table_update VALUES ('public', 't', now(), 1) ON CONFLICT DO NOTHING; "
      "INSERT INTO metadb.transform_json VALUES ('public', 't', 'v', '$', 'm'); "
      "INSERT INTO metadb.dead_letter (source_name, topic, part, \"offset\", sqlstate, error, "
      "schema_name, table_name) VALUES ('s', 'x', 0, 1, '22P02', 'e', 'public', 't'); "
      "INSERT INTO metadb.acl VALUES ('public', 't', 't', 'SELECT', 'ann')");
  drop_source();
  EXPECT_EQ(run("purge data drop table public.t__").tag, "PURGE DATA");
  EXPECT_THAT(traces(), IsEmpty());
  EXPECT_THAT(rows("SELECT to_regclass('public.t__'), to_regclass('public.t'), "
                   "to_regclass('public.zzz___t___'), to_regclass('public.zzz___t___2023'), "
                   "to_regclass('public.zzz___t___sync')"),
              ElementsAre("NULL|NULL|NULL|NULL|NULL"));
  EXPECT_EQ(only("SELECT count(*) FROM public.other"), "1");
  EXPECT_EQ(only("SELECT count(*) FROM metadb.acl"), "1") << "durable grants stay";
  EXPECT_FALSE(catalog_->snapshot()->tables.contains({"public", "t"}));
  EXPECT_TRUE(catalog_->snapshot()->tables.contains({"public", "other"}));
  EXPECT_EQ(catalog_->snapshot()->source_tables.size(), 1U);
}

TEST_F(PurgeData, OfARunningSourceBeginsAnewWithTheNextEvent) {
  add(1, "a");
  add(2, "b", 'd');
  ASSERT_TRUE(catches_up());
  run("purge data drop table public.t__");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_THAT(notices_[0].message, HasSubstr("begin anew"));
  EXPECT_EQ(only("SELECT count(*) FROM metadb.ingest_position WHERE next_offset > 0"), "1");
  add(2, "c");
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(versions(), ElementsAre("2|c|t"));
  EXPECT_TRUE(workers_->status("s")->stopped_lanes.empty());
  EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
}

TEST_F(PurgeData, OfADroppedSourceIsReadFromTheBeginning) {
  add(1, "a");
  add(1, "b");
  add(7, "x", 'u', "other");
  ASSERT_TRUE(catches_up());
  drop_source();
  run("purge data drop table public.t__");
  EXPECT_THAT(notices_, Contains(Field(&server::Notice::message, HasSubstr(topic_of({})))));
  EXPECT_THAT(rows("SELECT topic FROM metadb.ingest_position"),
              ElementsAre("srv.shop.public.other"));
  EXPECT_THAT(rows("SELECT topic FROM metadb.ingest_watermark"), Not(Contains(topic_of({}))));
  run(kCreate);
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(versions(), ElementsAre("1|a|f", "1|b|t"));
  EXPECT_EQ(only("SELECT count(*) FROM public.other__"), "1");
}

TEST_F(PurgeData, OfAPausedSourceForgetsPositionsToo) {
  add(1, "a");
  ASSERT_TRUE(catches_up());
  workers_->stop("s");
  superuser_.exec("UPDATE metadb.source SET enable = false");
  run("purge data drop table public.t__");
  EXPECT_THAT(rows("SELECT topic FROM metadb.ingest_position"), IsEmpty());
}

TEST_F(PurgeData, TopicThatFeedsAnotherTableKeepsItsPosition) {
  add(1, "a");
  add(1, "a", 'u', "other");
  ASSERT_TRUE(catches_up());
  superuser_.exec("UPDATE metadb.source_table SET topic = '" + topic_of({}) + "'");
  drop_source();
  run("purge data drop table public.t__");
  EXPECT_EQ(
      only("SELECT count(*) FROM metadb.ingest_position WHERE topic = '" + topic_of({}) + "'"),
      "1");
  run("purge data drop table public.other__");
  EXPECT_EQ(
      only("SELECT count(*) FROM metadb.ingest_position WHERE topic = '" + topic_of({}) + "'"),
      "0");
}

TEST_F(PurgeData, OfSeveralTablesIsAllOrNothing) {
  for (const char* table : {"t", "b", "c"}) add(1, "a", 'u', table);
  ASSERT_TRUE(catches_up());
  const auto before = everything();
  const std::string sql = "purge data drop table public.t__, public.b__, public.nonesuch__";
  Error error = failure(sql);
  EXPECT_EQ(error.sqlstate, "42P01");
  EXPECT_EQ(error.position, static_cast<int>(sql.rfind("public")) + 1);
  EXPECT_EQ(failure("purge data drop table public.t").sqlstate, "42P01");
  superuser_.exec("CREATE VIEW public.mine AS SELECT * FROM public.b");
  error = failure("purge data drop table public.t__, public.b__, public.c__");
  EXPECT_EQ(error.sqlstate, "2BP01");
  EXPECT_THAT(error.detail, HasSubstr("view public.mine depends on table public.b"));
  EXPECT_EQ(error.hint.find("CASCADE"), std::string::npos) << error.hint;
  superuser_.exec("DROP VIEW public.mine");
  EXPECT_EQ(everything(), before);
  run("purge data drop table public.t__, public.b__, public.c__, public.t__");
  EXPECT_THAT(relations(), IsEmpty());
}

// A lock table that is really full would be full for the other tests of the server.
TEST_F(PurgeData, OfMoreTablesThanThereAreLocksForIsLeftUndoneAndSaysWhatHelps) {
  add(1, "a");
  ASSERT_TRUE(catches_up());
  const auto before = everything();
  superuser_.exec(
      "CREATE FUNCTION public.lacks() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
      "'out of shared memory' USING ERRCODE = '53200', HINT = 'You might need to increase "
      "max_locks_per_transaction.'; END $$; "
      "CREATE EVENT TRIGGER lacks ON ddl_command_start WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION "
      "public.lacks()");
  const Error error = failure("purge data drop table public.t__");
  EXPECT_EQ(error.sqlstate, "53200");
  EXPECT_THAT(error.hint, HasSubstr("Purge fewer tables with one command"));
  superuser_.exec("DROP EVENT TRIGGER lacks; DROP FUNCTION public.lacks()");
  EXPECT_EQ(everything(), before);
  run("purge data drop table public.t__");
  EXPECT_THAT(relations(), IsEmpty());
}

// What somebody dropped is listed nowhere but in the catalog, and its topic stands until it is
// purged.
TEST_F(PurgeData, EndsWhatADroppedTableLeft) {
  add(1, "a");
  ASSERT_TRUE(catches_up());
  superuser_.exec("DROP TABLE public.t__");
  add(1, "b");
  ASSERT_TRUE(eventually([&] {
    const auto lanes = workers_->status("s")->stopped_lanes;
    return lanes.contains(topic_of({})) && lanes.at(topic_of({})).needs_resync;
  }));
  EXPECT_EQ(failure("verify consistency").sqlstate, "XX001");
  run("purge data drop table public.t__");
  // The event that found no table makes a new one.
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(versions(), ElementsAre("1|b|t"));
  EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
}

TEST_F(PurgeData, TakesDerivedTablesAlong) {
  add(1, "a");
  add(1, "a", 'u', "child");
  ASSERT_TRUE(catches_up());
  superuser_.exec(
      "UPDATE metadb.base_table SET transformed = true, parent_schema_name = 'public', "
      "parent_table_name = 't' WHERE table_name = 'child'; DELETE FROM metadb.source_table WHERE "
      "table_name = 'child'");
  drop_source();
  run("purge data drop table public.t__");
  EXPECT_THAT(notices_,
              Contains(Field(&server::Notice::message, HasSubstr("\"public\".\"child__\""))));
  EXPECT_THAT(relations(), IsEmpty());
}

TEST_F(PurgeData, OfManyTablesWithManyYearsFitsIntoOneTransaction) {
  for (int i = 0; i < 60; ++i) add(1, "a", 'u', "m" + std::to_string(i));
  ASSERT_TRUE(catches_up());
  std::string list;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "m" + std::to_string(i);
    for (int year = 2000; year < 2015; ++year)
      catalog::add_year(superuser_, *catalog_->snapshot()->tables.at({"public", name}), year);
    list += (i == 0 ? "public." : ", public.") + name + "__";
  }
  run("purge data drop table " + list);
  EXPECT_THAT(relations(), IsEmpty());
}

TEST_F(PurgeData, EndsWhereDerivedTablesComeWhileItWaits) {
  add(1, "a");
  add(1, "a", 'u', "child");
  ASSERT_TRUE(catches_up());
  catalog::Connection batch = database_.connect();
  const auto table = catalog_->snapshot()->tables.at({"public", "t"});
  std::optional<catalog::Transaction> in_hand(batch);
  ASSERT_FALSE(catalog::share_streams(batch, {table.get()}));
  run_waiting("purge data drop table public.t__", [&] {
    superuser_.exec(
        "UPDATE metadb.base_table SET transformed = true, parent_schema_name = 'public', "
        "parent_table_name = 't' WHERE table_name = 'child'");
    in_hand->commit();
  });
  EXPECT_EQ(error_, "40001");
  EXPECT_EQ(only("SELECT count(*) FROM public.t"), "1");
}

TEST_F(PurgeData, CanBeCanceledWhileItWaits) {
  add(1, "a");
  add(1, "a", 'u', "other");
  ASSERT_TRUE(catches_up());
  const auto before = everything();
  {
    catalog::Connection batch = database_.connect();
    const auto table = catalog_->snapshot()->tables.at({"public", "t"});
    const catalog::Transaction in_hand(batch);
    ASSERT_FALSE(catalog::share_streams(batch, {table.get()}));
    run_waiting("purge data drop table public.other__, public.t__", [&] { stop_.request_stop(); });
    EXPECT_EQ(error_, "57014");
  }
  EXPECT_EQ(everything(), before);
  add(1, "b");
  add(1, "b", 'u', "other");
  EXPECT_TRUE(catches_up());
}

}  // namespace
}  // namespace metadb::tests
