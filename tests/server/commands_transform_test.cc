// Data mappings while a data source feeds their table.
#include <gmock/gmock.h>

#include <random>
#include <regex>

#include "tests/server/tables_fixture.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class Transform : public TablesTest {
 protected:
  // A row whose column v is this document.
  void put(int id, const std::string& document) {
    add(id, std::regex_replace(document, std::regex("\""), "\\\""));
  }
  static std::string mapping(const std::string& path, const std::string& id) {
    return "create data mapping for json from table public.t__ column v path '" + path + "' to '" +
           id + "'";
  }
  static std::string unmapping(const std::string& path) {
    return "drop data mapping for json from table public.t__ column v path '" + path + "'";
  }
  void expect_consistent() { EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY"); }
};

TEST_F(Transform, AppliesFromTheNextUpdateWithoutARestart) {
  put(1, R"({"n":1})");
  put(2, R"({"n":2})");
  ASSERT_TRUE(catches_up());
  run(mapping("$", "t"));
  EXPECT_THAT(notices_, IsEmpty());
  put(2, R"({"n":22})");
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(rows("SELECT __root__id, n FROM public.t__t"), ElementsAre("2|22"));
  // A column that comes late, and an array that is mapped late.
  run(mapping("$.a", "a"));
  put(1, R"({"n":11,"lateOne":true,"a":["x"]})");
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(rows("SELECT __root__id, n, late_one FROM public.t__t ORDER BY 1"),
              ElementsAre("1|11|t", "2|22|NULL"));
  EXPECT_THAT(rows("SELECT __root__id, __ord__a, a FROM public.t__a"), ElementsAre("1|1|x"));
  expect_consistent();
}

TEST_F(Transform, BackfillMakesTheRowsOfWhatIsThere) {
  put(1, R"({"n":1,"a":[{"m":1},{"m":2}]})");
  put(2, R"({"n":2,"a":[]})");
  put(3, R"({"n":3})");
  add(3, std::nullopt, 'd');
  put(4, "no JSON");
  ASSERT_TRUE(catches_up());
  run(mapping("$", "t") + " backfill");
  run(mapping("$.a", "a") + " backfill");
  EXPECT_THAT(rows("SELECT c.__root__id, c.n, c.__start = p.__start FROM public.t__t c JOIN "
                   "public.t p ON p.id = c.__root__id ORDER BY 1"),
              ElementsAre("1|1|t", "2|2|t"));
  EXPECT_THAT(rows("SELECT __root__id, __ord__a, m FROM public.t__a ORDER BY 2"),
              ElementsAre("1|1|1", "1|2|2"));
  EXPECT_EQ(only("SELECT count(*) FROM public.t__t__"), "2");
  expect_consistent();
  // Goes on from there.
  put(1, R"({"n":1,"a":[{"m":1}]})");
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(rows("SELECT m, __current FROM public.t__a__ ORDER BY __id"),
              ElementsAre("1|t", "2|f"));
  EXPECT_EQ(only("SELECT count(*) FROM public.t__t__"), "2");
}

TEST_F(Transform, DroppedMappingsEndTheirRows) {
  put(1, R"({"n":1,"o":{"k":5,"p":{"q":6}},"a":[1,2]})");
  ASSERT_TRUE(catches_up());
  run(mapping("$", "t") + " backfill");
  run(mapping("$.o", "o") + " backfill");
  run(mapping("$.o.p", "p") + " backfill");
  run(mapping("$.a", "a") + " backfill");
  EXPECT_THAT(rows("SELECT n, o__k, p__q FROM public.t__t"), ElementsAre("1|5|6"));
  run(unmapping("$.a"));
  EXPECT_EQ(only("SELECT count(*) FROM public.t__a"), "0");
  EXPECT_EQ(only("SELECT count(*) FROM public.t__a__ WHERE __end <= now()"), "2");
  run(unmapping("$.o"));
  EXPECT_THAT(rows("SELECT n, o__k, p__q FROM public.t__t"), ElementsAre("1|NULL|NULL"));
  expect_consistent();
  // What comes next is older than the end of those rows.
  put(1, R"({"n":1,"o":{"k":7,"p":{"q":8}},"a":[1,3]})");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(only("SELECT count(*) FROM public.t__a"), "0");
  run(mapping("$.a", "a") + " backfill");
  EXPECT_THAT(rows("SELECT a FROM public.t__a ORDER BY __ord__a"), ElementsAre("1", "3"));
  expect_consistent();
  run(unmapping("$"));
  EXPECT_EQ(only("SELECT (SELECT count(*) FROM public.t__a) + (SELECT count(*) FROM public.t__t)"),
            "0");
  expect_consistent();
}

TEST_F(Transform, TablesAreManagedAsOthersAre) {
  create_role("reader");
  run("register user " + role("reader"));
  run("grant access on all to " + role("reader"));
  put(1, R"({"u":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","x":1,"a":["y"]})");
  ASSERT_TRUE(catches_up());
  run(mapping("$", "t") + " backfill");
  run(mapping("$.a", "a") + " backfill");
  EXPECT_EQ(only("SELECT has_table_privilege('" + role("reader") + "', 'public.t__a', 'SELECT')"),
            "t");
  EXPECT_THAT(rows("SELECT table_name, transformed, parent_table_name FROM metadb.base_table ORDER "
                   "BY 1"),
              ElementsAre("t|f|", "t__a|t|t", "t__t|t|t"));
  EXPECT_THAT(run("list tables").rows, SizeIs(3));
  run("refresh inferred column types");
  EXPECT_EQ(type_of("u", "public.t__t__"), "uuid");
  run("alter table public.t__t__ alter column x type integer");
  put(1, R"({"u":"6ba7b810-9dad-11d1-80b4-00c04fd430c9","x":2})");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("u", "public.t__t__") + " " + type_of("x", "public.t__t__"), "uuid integer");
  put(1, R"({"u":"none","x":2.5})");
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(rows("SELECT u, x FROM public.t__t__ ORDER BY __id"),
              ElementsAre("6ba7b810-9dad-11d1-80b4-00c04fd430c8|1",
                          "6ba7b810-9dad-11d1-80b4-00c04fd430c9|2", "none|2.5"));
  expect_consistent();
  run("purge data drop table public.t__t__");
  put(1, R"({"x":"again"})");
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(rows("SELECT x FROM public.t__t"), ElementsAre("again"));
  run("purge data drop table public.t__");
  EXPECT_THAT(rows("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND "
                   "relkind IN ('r', 'p')"),
              IsEmpty());
  EXPECT_EQ(only("SELECT count(*) FROM metadb.transform_json"), "0");
  superuser_.exec("DROP OWNED BY " + role("reader"));
}

TEST_F(Transform, WhatCannotBeMappedIsRefused) {
  put(1, R"({"n":1})");
  add(1, "x", 'u', "t__taken");
  ASSERT_TRUE(catches_up());
  superuser_.exec("CREATE TABLE public.t__mine (x int)");
  EXPECT_EQ(failure(mapping("$", "mine")).sqlstate, "42P07");
  EXPECT_EQ(failure(mapping("$", "taken")).sqlstate, "42P07");
  run(mapping("$", "t") + " backfill");
  EXPECT_EQ(failure("create data mapping for json from table public.t__t__ column n path '$' to "
                    "'x'")
                .sqlstate,
            "42809");
  // A source table may not go where the rows of documents are.
  add(1, "x", 'u', "t__t");
  ASSERT_TRUE(catches_up({"srv.shop.public.t__t"}));
  const auto status = workers_->status("s");
  ASSERT_TRUE(status);
  EXPECT_TRUE(eventually([&] {
    const auto now = workers_->status("s");
    return now && now->stopped_lanes.contains("srv.shop.public.t__t");
  }));
}

TEST_F(Transform, ABackfillThatFailsLeavesNoMapping) {
  put(1, R"({"n":1})");
  ASSERT_TRUE(catches_up());
  run(mapping("$", "t") + " backfill");
  run(unmapping("$"));
  put(1, R"({"n":2})");
  ASSERT_TRUE(catches_up());
  catalog::Connection holder = database_.connect();
  {
    catalog::Transaction transaction(holder);
    holder.exec("LOCK TABLE public.t__t IN ACCESS EXCLUSIVE MODE");
    EXPECT_EQ(failure(mapping("$", "t") + " backfill").sqlstate, "55P03");
  }
  EXPECT_EQ(only("SELECT count(*) FROM metadb.transform_json"), "0");
  EXPECT_THAT(catalog_->snapshot()->json_mappings, IsEmpty());
  run(mapping("$", "t") + " backfill");
  EXPECT_THAT(rows("SELECT n FROM public.t__t"), ElementsAre("2"));
  expect_consistent();
}

// Events while mappings come and go, each with what is there: in the end the rows are those of the
// documents.
TEST_F(Transform, CommandsBetweenAndDuringBatchesLoseNothing) {
  std::minstd_rand dice(5);
  const auto event = [&] {
    const int id = static_cast<int>(dice() % 20);
    if (dice() % 6 == 0) {
      add(id, std::nullopt, 'd');
    } else {
      put(id, fmt::format(R"({{"n":{},"a":[{},{}]}})", dice() % 9, dice() % 3, dice() % 3));
    }
  };
  put(1, R"({"n":0})");
  ASSERT_TRUE(catches_up());
  // The worker is in the middle of these while the command runs.
  const auto run_during = [&](const std::string& sql) {
    for (int i = 0; i < 40; ++i) event();
    run(sql);
  };
  for (int i = 0; i < 4; ++i) {
    run_during(mapping("$", "t") + " backfill");
    run_during(mapping("$.a", "a") + " backfill");
    if (i == 3) break;
    run_during(unmapping(i % 2 == 0 ? "$.a" : "$"));
    run_during(unmapping(i % 2 == 0 ? "$" : "$.a"));
  }
  ASSERT_TRUE(catches_up());
  const std::string document = "CASE WHEN v IS NOT NULL THEN v::json END";
  EXPECT_EQ(rows("SELECT __root__id, n FROM public.t__t ORDER BY 1"),
            rows("SELECT id, (" + document + ") ->> 'n' FROM public.t ORDER BY 1"));
  EXPECT_EQ(rows("SELECT __root__id, __ord__a, a FROM public.t__a ORDER BY 1, 2"),
            rows("SELECT id, e.n, e.v FROM public.t, json_array_elements_text((" + document +
                 ") -> 'a') WITH ORDINALITY e(v, n) ORDER BY 1, 2"));
  EXPECT_EQ(only("SELECT count(*) FROM metadb.dead_letter"), "0");
  expect_consistent();
}

}  // namespace
}  // namespace metadb::tests
