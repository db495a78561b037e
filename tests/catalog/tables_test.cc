#include "catalog/tables.h"

#include <gmock/gmock.h>

#include <thread>

#include "catalog/catalog.h"
#include "catalog/source_tables.h"
#include "tests/fakes/eventually.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {
namespace {

using catalog::Connection;
using catalog::PgType;
using catalog::SourceTable;
using catalog::Table;
using testing::ElementsAre;

class Tables : public testing::Test {
 protected:
  Tables() {
    catalog::Catalog({database_.conninfo(), database_.conninfo()}).open("test");
    table_.schema = "s \"1\"";
    table_.current_name = "t";
    table_.main_name = "t__";
    table_.history_name = "zzz___t___";
    table_.sync_name = "zzz___t___sync";
    table_.source_name = "src";
    table_.columns = {{"id", "integer", PgType::int4}, {"v", "text", PgType::text}};
    table_.key_columns = {"id"};
    catalog::create_table(connection_, table_);
    catalog::claim(connection_, target_);
  }

  void insert(const std::string& values) {
    connection_.exec("INSERT INTO " + table_.main() +
                     " (__start, __end, __current, __origin, id, v) VALUES " + values);
  }
  std::vector<std::string> rows(const std::string& columns) {
    const catalog::Result result =
        connection_.exec("SELECT " + columns + " FROM " + table_.main() + " ORDER BY __id");
    std::vector<std::string> out;
    for (int row = 0; row < result.rows(); ++row) out.emplace_back(result.text(row, 0));
    return out;
  }

  TestDatabase database_;
  Connection connection_ = database_.connect();
  Table table_;
  SourceTable target_{{"src", "db", "s", "t"}, "s \"1\"", "t", "", "srv", "srv.s.t"};
};

TEST_F(Tables, AreLoadedAsTheyWereMade) {
  catalog::add_column(connection_, table_, {"w", "boolean", PgType::boolean});
  catalog::record_column_name(connection_, table_, "__end", "w");
  for (const int year : {1999, 2026}) catalog::add_year(connection_, table_, year);
  const std::vector<Table> loaded = catalog::load_tables(connection_);
  ASSERT_EQ(loaded.size(), 1U);
  EXPECT_EQ(loaded[0].main(), table_.main());
  EXPECT_EQ(loaded[0].history_name, table_.history_name);
  EXPECT_EQ(loaded[0].sync_name, table_.sync_name);
  EXPECT_THAT(loaded[0].years, ElementsAre(1999, 2026));
  EXPECT_THAT(loaded[0].key_columns, ElementsAre("id"));
  EXPECT_EQ(loaded[0].columns.size(), 3U);
  EXPECT_EQ(loaded[0].column_of_source("__end")->type, PgType::boolean);
  EXPECT_EQ(loaded[0].column_of_source("w"), nullptr);
  EXPECT_EQ(connection_.exec("SELECT nextval($1::regclass)", {loaded[0].id_sequence}).int64(0, 0),
            1);
}

TEST_F(Tables, LeavesHoldExactlyTheirYearInUtc) {
  connection_.exec("SET TimeZone = 'Asia/Tokyo'");
  catalog::add_year(connection_, table_, 2025);
  catalog::add_year(connection_, table_, 2026);
  insert(
      "('2025-12-31 23:59:59.999999+00', now(), false, '', 1, 'old'), "
      "('2026-01-01 00:00:00+00', now(), false, '', 2, 'new')");
  EXPECT_EQ(connection_.exec("SELECT v FROM " + table_.leaf(2025)).text(0, 0), "old");
  EXPECT_EQ(connection_.exec("SELECT v FROM " + table_.leaf(2026)).text(0, 0), "new");
}

TEST_F(Tables, KeyThatGetsCoarserKeepsTheNewestRowOfEach) {
  catalog::add_year(connection_, table_, 2026);
  insert(
      "('2026-01-03 00:00+00', '9999-12-31 00:00+00', true, '', 1, 'a'), "
      "('2026-01-02 00:00+00', '9999-12-31 00:00+00', true, '', 2, 'a'), "
      "('2026-01-01 00:00+00', '9999-12-31 00:00+00', true, '', 3, 'b'), "
      "('2026-01-01 00:00+00', '9999-12-31 00:00+00', true, '', 4, NULL), "
      "('2026-01-01 00:00+00', '9999-12-31 00:00+00', true, '', 5, NULL)");
  EXPECT_EQ(catalog::change_key(connection_, table_, {{"v"}, ""}), 1);
  EXPECT_THAT(rows("id || CASE WHEN __current THEN ' now' ELSE ' until ' || (__end AT TIME ZONE "
                   "'UTC')::date END"),
              ElementsAre("1 until 2026-01-03", "2 now", "3 now", "4 now", "5 now"));
  // A later insert at an earlier time must find the end of what it follows.
  connection_.exec("SET TimeZone = 'UTC'");
  EXPECT_EQ(connection_.exec("SELECT last_end FROM metadb.source_table").text(0, 0),
            "2026-01-03 00:00:00+00");
}

TEST_F(Tables, KeyOfOneOriginDoesNotEndRowsOfAnother) {
  insert(
      "(now(), '9999-12-31 00:00+00', true, 'east', 1, 'a'), "
      "(now(), '9999-12-31 00:00+00', true, 'east', 2, 'a')");
  EXPECT_THROW(catalog::change_key(connection_, table_, {{"v"}, "west"}), catalog::Error);
}

TEST_F(Tables, SecondClaimOfATargetFindsTheFirst) {
  SourceTable wanted = target_;
  wanted.key.db = "other";
  EXPECT_EQ(catalog::claimed_by(connection_, wanted)->key.db, "db");
  wanted.origin = "east";
  EXPECT_FALSE(catalog::claimed_by(connection_, wanted));
  wanted.key.source_name = "elsewhere";
  EXPECT_EQ(catalog::claimed_by(connection_, wanted)->key.source_name, "src");
}

TEST_F(Tables, ClaimsWaitForClaimsAndNotForBatches) {
  Connection batch = database_.connect();
  const catalog::Transaction in_hand(batch);
  catalog::raise_last_end(batch, target_.key, 1'700'000'000'000'000);
  catalog::Transaction claiming(connection_);
  connection_.exec("SET LOCAL lock_timeout = '100ms'");
  SourceTable wanted = target_;
  wanted.key.table = wanted.table_name = "u";
  EXPECT_FALSE(catalog::claimed_by(connection_, wanted));
  catalog::claim(connection_, wanted);
  // Another source wants the same at the same time.
  std::optional<SourceTable> holder;
  std::jthread rival([&] {
    Connection connection = database_.connect();
    const catalog::Transaction transaction(connection);
    SourceTable same = wanted;
    same.key.source_name = "rival";
    holder = catalog::claimed_by(connection, same);
  });
  Connection watcher = database_.connect();
  EXPECT_TRUE(eventually([&] { return somebody_waits_for_a_lock(watcher); }));
  claiming.commit();
  rival.join();
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->key.source_name, "src");
}

TEST_F(Tables, LastEndOnlyGrows) {
  EXPECT_EQ(catalog::last_end_us(connection_, target_.key), INT64_MIN);
  for (const int64_t us : {INT64_C(5), INT64_C(1'700'000'000'123'457), INT64_C(7)})
    catalog::raise_last_end(connection_, target_.key, us);
  EXPECT_EQ(catalog::last_end_us(connection_, target_.key), 1'700'000'000'123'457);
}

}  // namespace
}  // namespace metadb::tests
