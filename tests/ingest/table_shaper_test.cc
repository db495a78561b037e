#include "ingest/table_shaper.h"

#include <gmock/gmock.h>

#include "ingest/outcome.h"
#include "tests/ingest/heard_log.h"
#include "tests/ingest/history_test.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
using ingest::Batch;
using ingest::LaneStopped;
using ingest::Op;
using ingest::ReadyTable;
using ingest::TableShaper;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class Shaper : public HistoryTest {
 protected:
  // Prepares the tables for one row of `schema` at `ts_us`.
  ReadyTable prepare(const std::shared_ptr<const ingest::EventTable>& table,
                     const std::shared_ptr<const ingest::RowSchema>& schema,
                     const std::string& source = "src", const ingest::NameRules& rules = {},
                     int64_t ts_us = kBaseUs) {
    Batch batch;
    const std::vector<Cell> cells(schema->columns.size(), Cell::null());
    batch.add(ChangeMaker{table, schema}.make(Op::create, ts_us, cells),
              message_at(0, "srv." + table->schema + "." + table->table));
    TableShaper shaper(*catalog_, connection_, {source, rules});
    return shaper.prepare(batch.tables().at(0));
  }

  // Why it is not prepared.
  LaneStopped refusal(const std::shared_ptr<const ingest::EventTable>& table,
                      const std::string& source = "src", const ingest::NameRules& rules = {}) {
    try {
      prepare(table, plain(), source, rules);
    } catch (const LaneStopped& stopped) {
      return stopped;
    }
    ADD_FAILURE() << "the table was prepared";
    return {catalog::Error("", ""), ""};
  }

  static std::shared_ptr<const ingest::RowSchema> plain() {
    return schema_of({{"id", PgType::int4}, {"v", PgType::text}}, {0});
  }
  static std::shared_ptr<const ingest::EventTable> of(const std::string& db,
                                                      const std::string& schema,
                                                      const std::string& table) {
    return std::make_shared<const ingest::EventTable>(ingest::EventTable{"srv", db, schema, table});
  }

  std::vector<std::string> list(const std::string& sql) {
    const catalog::Result rows = connection_.exec(sql);
    std::vector<std::string> out;
    for (int row = 0; row < rows.rows(); ++row) out.emplace_back(rows.text(row, 0));
    return out;
  }
  std::vector<std::string> indexes(const std::string& table) {
    return list(
        fmt::format("SELECT regexp_replace(indexdef, '^.* USING ', '') FROM pg_indexes "
                    "WHERE schemaname = 'public' AND tablename = '{}' ORDER BY 1",
                    table));
  }
  // The tables that the catalog in memory holds are those that the database holds.
  void expect_snapshot_is_committed() {
    const auto before = catalog_->snapshot();
    catalog_->reload(connection_);
    const auto after = catalog_->snapshot();
    ASSERT_EQ(before->tables.size(), after->tables.size());
    for (const auto& [name, table] : after->tables) {
      const catalog::Table& known = *before->tables.at(name);
      EXPECT_EQ(known.years, table->years) << name.second;
      EXPECT_EQ(known.key_columns, table->key_columns) << name.second;
      EXPECT_EQ(known.renamed, table->renamed) << name.second;
      EXPECT_EQ(known.id_sequence, table->id_sequence) << name.second;
      ASSERT_EQ(known.columns.size(), table->columns.size()) << name.second;
      for (size_t i = 0; i < known.columns.size(); ++i) {
        EXPECT_EQ(known.columns[i].name, table->columns[i].name);
        EXPECT_EQ(known.columns[i].type_name, table->columns[i].type_name);
        EXPECT_EQ(known.columns[i].type, table->columns[i].type);
      }
    }
    EXPECT_EQ(before->source_tables.size(), after->source_tables.size());
  }

  catalog::Connection connection_ = database_->connect();
};

TEST_F(Shaper, TwoDatabasesOfOneSourceDoNotShareATable) {
  prepare(of("one", "public", "both"), plain());
  const LaneStopped stopped = refusal(of("two", "public", "both"));
  EXPECT_THAT(stopped.message(), AllOf(HasSubstr("\"one\""), HasSubstr("\"two\"")));
  EXPECT_THAT(stopped.hint, HasSubstr("add_schema_prefix"));
  EXPECT_EQ(stopped.topic, "srv.public.both");
  EXPECT_FALSE(stopped.needs_resync);
}

TEST_F(Shaper, TwoSourcesDoNotShareATableWhateverTheirOrigins) {
  prepare(of("db", "east_x", "twice"), plain(), "src");
  ingest::NameRules rules;
  rules.map_public_schema = "east_x";
  const LaneStopped stopped = refusal(of("db", "public", "twice"), "other", rules);
  EXPECT_THAT(stopped.message(), AllOf(HasSubstr("\"src\""), HasSubstr("\"other\"")));
  ingest::NameRules prefixed = rules;
  prefixed.map_public_schema = "";
  prefixed.add_schema_prefix = "p_";
  EXPECT_EQ(prepare(of("db", "public", "twice"), plain(), "other", prefixed).table->schema,
            "p_public");
}

TEST_F(Shaper, RewrittenNamesThatMeetAreNotMixed) {
  prepare(of("db", "mod_users", "t"), plain());
  EXPECT_THAT(refusal(of("db", "users", "t")).message(),
              AllOf(HasSubstr("mod_users.t"), HasSubstr("users.t of database")));
}

TEST_F(Shaper, WhereATableGoesIsKept) {
  EXPECT_EQ(prepare(of("db", "kept", "t"), plain()).table->schema, "kept");
  ingest::NameRules rules;
  rules.add_schema_prefix = "later_";
  EXPECT_EQ(prepare(of("db", "kept", "t"), plain(), "src", rules).table->schema, "kept");
}

TEST_F(Shaper, MoreColumnsThanATableCanHaveStopTheLane) {
  std::vector<ingest::EventColumn> columns = {{"id", PgType::int4}};
  for (int i = 1; i < 1596; ++i) columns.push_back({fmt::format("c{}", i), PgType::int4});
  try {
    prepare(of("db", "public", "wide"), schema_of(columns, {0}));
    ADD_FAILURE() << "the table was prepared";
  } catch (const LaneStopped& stopped) {
    EXPECT_EQ(stopped.sqlstate, "54011");
    EXPECT_THAT(stopped.message(), HasSubstr("1600 columns"));
    EXPECT_FALSE(stopped.needs_resync);
  }
  columns.pop_back();
  EXPECT_EQ(prepare(of("db", "public", "wide"), schema_of(columns, {0})).table->columns.size(),
            columns.size());
}

TEST_F(Shaper, ReservedNamesAreRefused) {
  for (const char* schema : {"metadb", "pg_catalog", "pg_x", "information_schema"})
    EXPECT_EQ(refusal(of("db", schema, "t")).sqlstate, "42602") << schema;
  const LaneStopped stopped = refusal(of("db", "public", "zzz___t___"));
  EXPECT_EQ(stopped.sqlstate, "42602");
  EXPECT_THAT(stopped.message(), HasSubstr("public.zzz___t___ of database \"db\""));
  EXPECT_THAT(stopped.hint, HasSubstr("add_schema_prefix"));
}

TEST_F(Shaper, NameOfAMainTableIsRefusedEitherWay) {
  prepare(of("db", "public", "main1"), plain());
  EXPECT_EQ(refusal(of("db", "public", "main1__")).sqlstate, "42P07");
  prepare(of("db", "public", "main2__"), plain());
  EXPECT_EQ(refusal(of("db", "public", "main2")).sqlstate, "42P07");
  expect_snapshot_is_committed();
}

TEST_F(Shaper, TableOfAUserIsLeftAlone) {
  connection_.exec("CREATE TABLE public.users_own (x int)");
  connection_.exec("CREATE TYPE public.users_type AS (x int)");
  for (const std::string name : {"users_own", "users_type"}) {
    const LaneStopped stopped = refusal(of("db", "public", name));
    EXPECT_TRUE(stopped.sqlstate.starts_with("42")) << stopped.sqlstate;
    EXPECT_THAT(stopped.message(), AllOf(HasSubstr("public." + name + " of database \"db\""),
                                         HasSubstr("already exists")));
    EXPECT_THAT(stopped.hint, HasSubstr("add_schema_prefix"));
  }
  EXPECT_THAT(list("SELECT table_name FROM metadb.managed_table WHERE table_name = 'users_own'"),
              ElementsAre());
}

TEST_F(Shaper, DroppedTableNeedsAResync) {
  const auto table = of("db", "public", "dropped");
  prepare(table, plain());
  connection_.exec("DROP TABLE public.dropped__");
  catalog_->reload(connection_);
  const LaneStopped stopped = refusal(table);
  EXPECT_TRUE(stopped.needs_resync);
  EXPECT_EQ(stopped.sqlstate, "42P01");
}

TEST_F(Shaper, LongNamesStayApartAndWithinTheLimit) {
  const std::string stem(70, 'l');
  const ReadyTable first = prepare(of("db", "public", stem + "1"), plain());
  const ReadyTable second = prepare(of("db", "public", stem + "2"), plain());
  EXPECT_NE(first.table->current_name, second.table->current_name);
  for (const std::string& name :
       {first.table->main_name, first.table->history_name + "2026", first.table->sync_name})
    EXPECT_LE(name.size(), 63U);
  expect_snapshot_is_committed();
}

TEST_F(Shaper, ColumnsWithOurNamesAreRenamedAndFoundAgain) {
  const auto table = of("db", "public", "renaming");
  const std::string long_name(80, 'c');
  const auto schema = schema_of({{"__id", PgType::int4},
                                 {"__id_2", PgType::text},
                                 {"ctid", PgType::text},
                                 {"Case", PgType::text},
                                 {"case", PgType::text},
                                 {long_name + "1", PgType::text},
                                 {long_name + "2", PgType::text}},
                                {0});
  prepare(table, schema);
  expect_snapshot_is_committed();
  const auto later = schema_of({{"__id", PgType::int4},
                                {"__id_2", PgType::text},
                                {"__start", PgType::text},
                                {long_name + "3", PgType::text}},
                               {0});
  const auto ready = prepare(table, later);
  expect_snapshot_is_committed();
  EXPECT_EQ(ready.table->columns.size(), 9U);
  EXPECT_EQ(ready.table->column_of_source("__id")->type, PgType::int4);
  EXPECT_EQ(ready.table->column_of_source("__id_2")->type, PgType::text);
  EXPECT_NE(ready.table->column_of_source("__id_2")->name,
            ready.table->column_of_source("__id")->name);
  EXPECT_EQ(ready.table->column_of_source("case")->name, "case");
}

TEST_F(Shaper, YearOfAnEventHasItsLeafAndNextYearsInDecember) {
  const auto table = of("db", "public", "years");
  EXPECT_THAT(prepare(table, plain()).table->years, ElementsAre(2023));
  const int64_t december_us = 1'703'000'000'000'000;  // 2023-12-19
  EXPECT_THAT(prepare(table, plain(), "src", {}, december_us).table->years,
              ElementsAre(2023, 2024));
  EXPECT_THAT(prepare(table, plain(), "src", {}, -1).table->years,
              ElementsAre(1969, 1970, 2023, 2024));
  expect_snapshot_is_committed();
}

TEST_F(Shaper, YearsAreReadRightUnderAnyTimeZoneAndDateStyle) {
  prepare(of("db", "public", "zoned"), plain());
  connection_.exec("SET TimeZone = 'America/New_York'; SET DateStyle = 'SQL, DMY'");
  expect_snapshot_is_committed();
  EXPECT_THAT(catalog_->snapshot()->tables.at({"public", "zoned"})->years, ElementsAre(2023));
}

TEST_F(Shaper, TypesOutsidePgCatalogSayTheirSchema) {
  connection_.exec("CREATE DOMAIN public.odd AS text");
  prepare(of("db", "public", "odd_type"), plain());
  connection_.exec("ALTER TABLE public.odd_type__ ALTER v TYPE public.odd");
  catalog_->reload(connection_);
  EXPECT_EQ(catalog_->snapshot()->tables.at({"public", "odd_type"})->column("v")->type_name,
            "public.odd");
}

TEST_F(Shaper, KeysAreUniqueAmongCurrentRowsAndIndexedForUsers) {
  prepare(of("db", "public", "int_key"), plain());
  EXPECT_THAT(indexes("int_key"), testing::Contains("btree (__origin, id)"));
  EXPECT_THAT(indexes("int_key__"), testing::Contains("btree (id)"));
  prepare(of("db", "public", "text_key"),
          schema_of({{"id", PgType::int4}, {"name", PgType::text}}, {0, 1}));
  EXPECT_THAT(indexes("text_key"), testing::Contains("btree (__origin, id, md5(name))"));
  EXPECT_THAT(indexes("text_key__"), testing::Contains("hash (name)"));
  prepare(of("db", "public", "numeric_key"), schema_of({{"id", PgType::numeric}}, {0}));
  EXPECT_THAT(indexes("numeric_key"),
              testing::Contains("btree (__origin, md5((trim_scale(id))::text))"));
  prepare(of("db", "public", "json_key"), schema_of({{"doc", PgType::json}}, {0}));
  EXPECT_THAT(indexes("json_key"), testing::Contains("btree (__origin, md5((doc)::text))"));
  prepare(of("db", "public", "no_key"), schema_of({{"v", PgType::int4}}, {}));
  EXPECT_THAT(indexes("no_key"), ElementsAre("btree (__id)"));
}

TEST_F(Shaper, EveryTypeThatPostgresqlOrdersCanBeAKey) {
  for (const catalog::PgTypeRow& row : catalog::pg_types()) {
    if (!row.has_btree) continue;
    const std::string name = fmt::format("key_of_{}", static_cast<int>(row.type));
    const ReadyTable ready = prepare(of("db", "public", name), schema_of({{"k", row.type}}, {0}));
    EXPECT_EQ(ready.table->key_columns, std::vector<std::string>{"k"}) << row.name;
  }
}

TEST_F(Shaper, UuidColumnsAreIndexedUntilTheyAreWidened) {
  const auto table = of("db", "public", "with_uuid");
  const auto schema = [](PgType type) {
    return schema_of({{"id", PgType::uuid}, {"parent", type}, {"added", type}}, {0});
  };
  prepare(table, schema_of({{"id", PgType::uuid}, {"parent", PgType::uuid}}, {0}));
  prepare(table, schema(PgType::uuid));
  EXPECT_THAT(indexes("with_uuid__"),
              ElementsAre("btree (__id)", "btree (added)", "btree (id)", "btree (parent)"));
  prepare(table, schema(PgType::text));
  EXPECT_THAT(indexes("with_uuid__"), ElementsAre("btree (__id)", "btree (id)"));
  connection_.exec(
      "INSERT INTO with_uuid__ (__start, __end, __current, parent) SELECT now(), "
      "'9999-12-31 00:00:00+00', true, string_agg(md5(i::text), '') FROM generate_series(1, 1000) "
      "i");
}

// A crash between the column and its index, or a lock that was not to be had.
TEST_F(Shaper, IndexThatIsMissingIsMadeWithTheNextEvents) {
  const auto table = of("db", "public", "unindexed");
  const auto schema = schema_of({{"id", PgType::int4}, {"u", PgType::uuid}}, {0});
  prepare(table, schema_of({{"id", PgType::int4}}, {0}));
  catalog::Connection user = database_->connect();
  user.exec(
      "CREATE FUNCTION public.no_index() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
      "'no' USING ERRCODE = '42501'; END $$; CREATE EVENT TRIGGER no_index ON ddl_command_start "
      "WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION public.no_index()");
  EXPECT_THROW(prepare(table, schema), LaneStopped);
  user.exec("DROP EVENT TRIGGER no_index");
  catalog_->reload(user);
  EXPECT_THAT(indexes("unindexed__"), ElementsAre("btree (__id)", "btree (id)"));
  prepare(table, schema);
  EXPECT_THAT(indexes("unindexed__"), ElementsAre("btree (__id)", "btree (id)", "btree (u)"));
}

TEST_F(Shaper, KeyColumnWidensWithItsIndexes) {
  const auto table = of("db", "public", "widening");
  const auto schema = [](PgType type) { return schema_of({{"id", type}}, {0}); };
  prepare(table, schema(PgType::int4));
  connection_.exec(
      "INSERT INTO widening__ (__start, __end, __current, id) VALUES (now(), '9999-12-31 "
      "00:00:00+00', true, 7)");
  prepare(table, schema(PgType::int8));
  EXPECT_THAT(indexes("widening"), testing::Contains("btree (__origin, id)"));
  prepare(table, schema(PgType::text));
  EXPECT_THAT(indexes("widening"), testing::Contains("btree (__origin, md5(id))"));
  EXPECT_THAT(indexes("widening__"), ElementsAre("btree (__id)", "hash (id)"));
  EXPECT_THAT(list("SELECT id FROM widening"), ElementsAre("7"));
  // Narrower values fit in from now on.
  EXPECT_EQ(prepare(table, schema(PgType::int4)).table->column("id")->type, PgType::text);
  expect_snapshot_is_committed();
}

TEST_F(Shaper, DateThatIsNoTimestampMakesTheColumnText) {
  const auto table = of("db", "public", "far_dates");
  const auto schema = [](PgType type) {
    return schema_of({{"id", PgType::int4}, {"d", type}}, {0});
  };
  prepare(table, schema(PgType::date));
  connection_.exec(
      "INSERT INTO far_dates__ (__start, __end, __current, id, d) VALUES (now(), '9999-12-31 "
      "00:00:00+00', true, 1, '300000-01-01')");
  EXPECT_EQ(prepare(table, schema(PgType::timestamp)).table->column("d")->type, PgType::text);
  EXPECT_THAT(list("SELECT d FROM far_dates"), ElementsAre("300000-01-01"));
  expect_snapshot_is_committed();
}

TEST_F(Shaper, ViewInTheWayStopsTheLaneAndNamesIt) {
  const auto table = of("db", "public", "viewed");
  prepare(table, plain());
  connection_.exec("CREATE VIEW public.on_top AS SELECT id FROM viewed");
  const auto wider = schema_of({{"id", PgType::int8}, {"v", PgType::text}}, {0});
  try {
    prepare(table, wider);
    FAIL() << "widened under a view";
  } catch (const LaneStopped& stopped) {
    EXPECT_THAT(stopped.detail, HasSubstr("on_top"));
    EXPECT_EQ(stopped.hint, "The column is used by view public.on_top of postgres.");
  }
  connection_.exec("DROP VIEW public.on_top");
  EXPECT_EQ(prepare(table, wider).table->column("id")->type, PgType::int8);
}

TEST_F(Shaper, LockOfAUserStopsTheLaneSoon) {
  const auto table = of("db", "public", "locked");
  prepare(table, plain());
  catalog::Connection user = database_->connect();
  catalog::Transaction transaction(user);
  user.exec("SELECT * FROM public.locked__");
  const auto begun = std::chrono::steady_clock::now();
  try {
    prepare(table, schema_of({{"id", PgType::int4}, {"w", PgType::text}}, {0}));
    FAIL() << "a column was added under a lock";
  } catch (const LaneStopped& stopped) {
    EXPECT_EQ(stopped.sqlstate, "55P03");
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(15));
}

TEST_F(Shaper, KeyThatGoesLeavesRowsWithoutKey) {
  const auto table = of("db", "public", "keyless_later");
  prepare(table, plain());
  EXPECT_TRUE(prepare(table, schema_of({{"id", PgType::int4}, {"v", PgType::text}}, {}))
                  .table->key_columns.empty());
  EXPECT_THAT(indexes("keyless_later"), ElementsAre("btree (__id)"));
  expect_snapshot_is_committed();
}

// ALTER TABLE ... RENAME of a key column: the rows that are here have nothing in the new one.
TEST_F(Shaper, KeyThatOldRowsDoNotHaveIsTold) {
  const auto table = of("db", "public", "key_renamed");
  const auto ready = prepare(table, plain());
  connection_.exec(
      fmt::format("INSERT INTO {} (__start, __end, __current, __origin, id) VALUES "
                  "(now(), '9999-12-31Z', true, '', 1)",
                  ready.table->main()));
  const HeardLog told;
  prepare(table, schema_of({{"number", PgType::int4}, {"v", PgType::text}}, {0}));
  EXPECT_THAT(told.text(), AllOf(HasSubstr("warning the key of"),
                                 HasSubstr("warning 1 current rows of \"public\".\"key_renamed__\" "
                                           "have no value in the key (number)"),
                                 HasSubstr("SYNC DATA SOURCE \"src\"")));
}

}  // namespace
}  // namespace metadb::tests
