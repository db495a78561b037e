#include "ingest/merge_sql.h"

#include <gmock/gmock.h>

#include "tests/ingest/changes.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
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
       {sql.pair(), sql.pair_by_image(false), sql.pair_by_image(true), sql.fill({1}),
        sql.end_current(), sql.insert_history(), sql.insert_current(), sql.insert_all(),
        MergeSql::end_all(table(), "", 0)})
    EXPECT_THAT(statement, Not(HasSubstr("\"t__\""))) << statement;
}

TEST(MergeSql, OriginIsAlwaysALiteral) {
  const MergeSql sql = sql_for({{"id", PgType::int4}, {"v", PgType::text}}, "o'; DROP");
  for (const std::string& statement :
       {sql.pair(), sql.fill({1}), sql.insert_history(), sql.insert_current(), sql.insert_all(),
        MergeSql::end_all(table(), "o'; DROP", 0)}) {
    EXPECT_THAT(statement, HasSubstr("'o''; DROP'"));
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

TEST(MergeSql, RefusesEventsThatDoNotFitTheTable) {
  EXPECT_THROW(sql_for({{"id", PgType::int4}, {"unknown", PgType::text}}), catalog::Error);
  EXPECT_THROW((void)sql_for({{"v", PgType::text}}).pair(), catalog::Error);
}

}  // namespace
}  // namespace metadb::tests
