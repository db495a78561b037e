#include "ingest/rules.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "catalog/error.h"

namespace metadb::tests {
namespace {

using ingest::EventTable;
using ingest::NameRules;
using ingest::Rules;
using ingest::split_expressions;
using ingest::Target;

bool passes(const NameRules& rules, const std::string& schema, const std::string& table = "t") {
  return Rules(rules).passes(EventTable{"srv", "db", schema, table});
}

Target target(const NameRules& rules, const std::string& schema,
              const std::vector<std::string>& origins = {}) {
  return Rules(rules).target(EventTable{"srv", "db", schema, "t"}, origins);
}

TEST(Expressions, AreSplitAtCommasOfTheListOnly) {
  using List = std::vector<std::string>;
  EXPECT_EQ(split_expressions(""), List{});
  EXPECT_EQ(split_expressions(" , ,"), List{});
  EXPECT_EQ(split_expressions("a, b ,c"), (List{"a", "b", "c"}));
  EXPECT_EQ(split_expressions("a{1,2},b"), (List{"a{1,2}", "b"}));
  EXPECT_EQ(split_expressions("[a,b],(c,d|e,f)"), (List{"[a,b]", "(c,d|e,f)"}));
  EXPECT_EQ(split_expressions(R"(a\,b,[(,],c)"), (List{R"(a\,b)", "[(,]", "c"}));
}

TEST(Filters, PassEverythingWhenThereAreNone) {
  EXPECT_TRUE(passes({}, "any"));
}

TEST(Filters, AreUnanchored) {
  EXPECT_FALSE(passes({.schema_stop_filter = "admin"}, "my_admin_schema"));
  EXPECT_TRUE(passes({.schema_stop_filter = "^admin$"}, "my_admin_schema"));
  EXPECT_FALSE(passes({.schema_stop_filter = "x,^admin$"}, "admin"));
}

TEST(Filters, PassOnlyWhatThePassFilterNames) {
  EXPECT_TRUE(passes({.schema_pass_filter = "^a,^b"}, "bb"));
  EXPECT_FALSE(passes({.schema_pass_filter = "^a,^b"}, "cb"));
  EXPECT_FALSE(passes({.schema_pass_filter = "^b", .schema_stop_filter = "bb"}, "bb"));
}

TEST(Filters, MatchTablesWithTheirSchema) {
  const NameRules rules{.table_stop_filter = R"(^s\.t$)"};
  EXPECT_FALSE(passes(rules, "s", "t"));
  EXPECT_TRUE(passes(rules, "s", "tt"));
  EXPECT_TRUE(passes(rules, "st", "t"));
}

TEST(Filters, NameTheExpressionThatDoesNotCompile) {
  try {
    Rules rules({.table_stop_filter = "ok,(broken"});
    ADD_FAILURE() << "compiled";
  } catch (const catalog::Error& error) {
    EXPECT_EQ(error.sqlstate, "2201B");
    EXPECT_NE(error.message().find("\"(broken\""), std::string::npos) << error.message();
  }
}

TEST(Filters, StopMatchingThatTakesTooLong) {
  const Rules rules({.schema_stop_filter = "(a+)+$"});
  const EventTable table{"srv", "db", std::string(60, 'a') + "b", "t"};
  try {
    EXPECT_FALSE(rules.passes(table));
    ADD_FAILURE() << "matched within the limits";
  } catch (const catalog::Error& error) {
    EXPECT_EQ(error.sqlstate, "2201B");
  }
}

TEST(Names, StayWithoutRules) {
  EXPECT_EQ(target({}, "Sales"), (Target{"Sales", "t", ""}));
  EXPECT_EQ(target({}, "public"), (Target{"public", "t", ""}));
}

TEST(Names, MappedPublicGetsNothingElse) {
  const NameRules rules{.trim_schema_prefix = "p",
                        .add_schema_prefix = "x_",
                        .map_public_schema = "a_shop",
                        .module = ""};
  EXPECT_EQ(target(rules, "public", {"a"}), (Target{"a_shop", "t", ""}));
  EXPECT_EQ(target(rules, "publication").schema, "x_ublication");
}

TEST(Names, AreRewrittenInOrder) {
  const NameRules rules{.trim_schema_prefix = "u_", .add_schema_prefix = "x_"};
  EXPECT_EQ(target(rules, "u_mod_users_storage", {"east"}), (Target{"x_users", "t", ""}));
  EXPECT_EQ(target(rules, "u_east_mod_users_storage", {"east"}), (Target{"x_users", "t", "east"}));
  EXPECT_EQ(target(rules, "a_mod_b_mod_c", {"east"}), (Target{"x_a_b_mod_c", "t", ""}));
}

TEST(Names, KeepTheirModuleIfAskedTo) {
  EXPECT_EQ(target({.module = "none"}, "mod_users_storage").schema, "mod_users_storage");
}

TEST(Names, GiveTheLongestOrigin) {
  const std::vector<std::string> origins = {"a", "a_b"};
  EXPECT_EQ(target({}, "a_b_c", origins), (Target{"c", "t", "a_b"}));
  EXPECT_EQ(target({}, "a_x", origins), (Target{"x", "t", "a"}));
  EXPECT_EQ(target({}, "a_", origins), (Target{"a_", "t", ""}));
  EXPECT_EQ(target({}, "ab", origins), (Target{"ab", "t", ""}));
}

TEST(Names, OfSchemasFitPostgres) {
  const std::string name = target({.add_schema_prefix = "prefix_"}, std::string(60, 's')).schema;
  EXPECT_EQ(name.size(), 63U);
  EXPECT_EQ(name.substr(0, 54), "prefix_" + std::string(47, 's'));
}

TEST(Refusal, ProtectsReservedNames) {
  using ingest::refusal;
  for (const char* schema : {"metadb", "information_schema", "pg_catalog", "pg_toast", ""}) {
    EXPECT_TRUE(refusal({schema, "t", ""})) << schema;
  }
  EXPECT_TRUE(refusal({"s", "zzz___t", ""}));
  EXPECT_TRUE(refusal({"s", "", ""}));
  EXPECT_FALSE(refusal({"public", "t", ""}));
  EXPECT_FALSE(refusal({"metadb2", "pg_t", ""}));
}

}  // namespace
}  // namespace metadb::tests
