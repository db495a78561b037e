#include "ingest/merge_sql.h"

#include <gmock/gmock.h>

#include "tests/fakes/test_database.h"
#include "tests/ingest/changes.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
using ingest::Keys;
using ingest::MergeSql;
using testing::HasSubstr;
using testing::Not;

catalog::Table table() {
  catalog::Table out;
  out.schema = "s";
  out.current_name = "t";
  out.main_name = "t__";
  out.history_name = "zzz___t___";
  out.id_sequence = "s.\"t__ __id_seq\"";
  out.columns = {{"id", "integer", PgType::int4}, {"v", "text", PgType::text}};
  out.key_columns = {"id"};
  return out;
}

MergeSql sql_for(const std::vector<ingest::EventColumn>& columns, const std::string& origin = "") {
  return MergeSql(table(), {columns, {0}}, {"stage_1", origin});
}

TEST(MergeSql, StatementsNameLeavesNotTheMainTable) {
  const MergeSql sql = sql_for({{"id", PgType::int4}, {"v", PgType::text}});
  for (const std::string& statement :
       {sql.pair({Keys::once}), sql.pair({Keys::repeated}), sql.pair({Keys::all}),
        sql.look_up_ends(0), sql.fill({1}, Keys::once), sql.images(true), sql.images(false),
        sql.forget_unresolved(), sql.fill({1}, Keys::all), sql.end_current(), sql.insert_history(),
        sql.insert_current(), sql.insert_all(), MergeSql::end_all(table(), "", 0)})
    EXPECT_THAT(statement, Not(HasSubstr("\"t__\""))) << statement;
}

TEST(MergeSql, OriginIsAlwaysALiteral) {
  const MergeSql sql = sql_for({{"id", PgType::int4}, {"v", PgType::text}}, "o'; DROP");
  for (const std::string& statement :
       {sql.pair({Keys::once}), sql.pair({Keys::all}), sql.fill({1}, Keys::once),
        sql.fill({1}, Keys::all), sql.insert_history(), sql.insert_current(), sql.insert_all(),
        MergeSql::end_all(table(), "o'; DROP", 0)}) {
    EXPECT_THAT(statement, HasSubstr("'o''; DROP'"));
  }
}

// PostgreSQL's own casts would round, cut or zero these.
TEST(MergeSql, NarrowerTypeByHandTakesOnlyValuesThatItHolds) {
  struct Case {
    PgType chosen;
    PgType event;
    const char* held;
    const char* lost;
  };
  const std::vector<Case> cases = {
      {PgType::int4, PgType::numeric, "2.00", "1.5"},
      {PgType::int2, PgType::numeric, "-3", "NaN"},
      {PgType::int4, PgType::numeric, "2147483647", "Infinity"},
      {PgType::int8, PgType::numeric, "9223372036854775807", "-Infinity"},
      {PgType::int8, PgType::numeric, "-9223372036854775808", "9223372036854775808"},
      {PgType::int4, PgType::float8, "2", "1.5"},
      {PgType::int4, PgType::float8, "2", "NaN"},
      {PgType::date, PgType::timestamp, "2026-01-02 00:00:00", "2026-01-02 03:04:05"},
      {PgType::cidr, PgType::inet, "10.0.0.0/8", "10.1.2.3/8"},
      {PgType::time, PgType::interval, "03:04:05", "1 day 03:04:05"},
  };
  TestDatabase database;
  auto connection = database.connect();
  for (const Case& each : cases) {
    const std::string type(catalog::row_of(each.event).sql);
    SCOPED_TRACE(type + " " + each.lost);
    catalog::Table chosen = table();
    chosen.columns[1] = {"v", std::string(catalog::row_of(each.chosen).name), each.chosen,
                         catalog::TypeChoice::by_hand};
    const MergeSql sql(chosen, {{{"id", PgType::int4}, {"v", each.event}}, {0}}, {"stage_1", ""});
    for (const std::string& statement : sql.create_stage()) connection.exec(statement);
    ASSERT_EQ(sql.probes().size(), 1U);
    const std::string probe = sql.probes()[0].sql;
    const auto put = [&](const std::string& value) {
      connection.exec("TRUNCATE stage_1_raw");
      connection.exec("INSERT INTO stage_1_raw (c0, c1) VALUES (1, NULL), (2, $1::" + type + ")",
                      {value});
    };
    put(each.held);
    EXPECT_EQ(connection.exec(probe).int64(0, 0), 1);
    put(each.lost);
    try {
      connection.exec(probe);
      ADD_FAILURE() << "was taken";
    } catch (const catalog::Error& error) {
      EXPECT_EQ(error.sqlstate.substr(0, 2), "22") << error.message();
    }
    connection.exec(sql.drop_stage());
  }
}

TEST(MergeSql, StagesInTheTypesOfTheEventsWhereTheyDiffer) {
  const MergeSql same = sql_for({{"id", PgType::int4}, {"v", PgType::text}});
  EXPECT_FALSE(same.is_converted());
  EXPECT_EQ(same.create_stage().size(), 1U);
  EXPECT_EQ(same.convert(), "");
  const MergeSql other = sql_for({{"id", PgType::int4}, {"v", PgType::int8}});
  EXPECT_TRUE(other.is_converted());
  EXPECT_EQ(other.create_stage().size(), 2U);
  EXPECT_THAT(other.copy_stage(), HasSubstr("stage_1_raw"));
  EXPECT_THAT(other.convert(), HasSubstr("(c1)::text"));
}

// Others that are one key may come as two: 1.0 and 1.00, a text that becomes a number.
TEST(MergeSql, TrustsTheBytesOfKeysOfPlainTypesAlone) {
  const auto tells = [](PgType column, PgType event) {
    catalog::Table keyed = table();
    keyed.columns[0] = {"id", std::string(catalog::row_of(column).name), column};
    return MergeSql(keyed, {{{"id", event}, {"v", PgType::text}}, {0}}, {"stage_1", ""})
        .tells_keys_apart();
  };
  for (const PgType type : {PgType::int4, PgType::int8, PgType::uuid, PgType::text, PgType::date})
    EXPECT_TRUE(tells(type, type));
  for (const PgType type : {PgType::numeric, PgType::float8, PgType::interval, PgType::timetz,
                            PgType::jsonb, PgType::inet})
    EXPECT_FALSE(tells(type, type));
  EXPECT_FALSE(tells(PgType::text, PgType::float8));
  EXPECT_FALSE(tells(PgType::uuid, PgType::text));
}

TEST(MergeSql, RefusesEventsThatDoNotFitTheTable) {
  EXPECT_THROW(sql_for({{"id", PgType::int4}, {"unknown", PgType::text}}), catalog::Error);
  EXPECT_THROW((void)sql_for({{"v", PgType::text}}).pair({Keys::all}), catalog::Error);
}

}  // namespace
}  // namespace metadb::tests
