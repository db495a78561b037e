#include "server/external_sql_file.h"

#include <gmock/gmock.h>

#include "catalog/error.h"

namespace metadb::tests {
namespace {

using server::ExternalFile;
using server::parse_external_file;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> statements(std::string_view text) {
  std::vector<std::string> out;
  for (const auto& statement : parse_external_file(text).statements) {
    out.push_back(std::to_string(statement.line) + ": " + statement.sql);
  }
  return out;
}

std::string refusal(std::string_view text) {
  try {
    parse_external_file(text);
  } catch (const catalog::Error& error) {
    EXPECT_EQ(error.sqlstate, "42601");
    return error.message() + " " + error.hint;
  }
  return "taken";
}

TEST(ExternalSqlFile, HasEmptyLinesBetweenStatements) {
  EXPECT_THAT(statements("select 1;\n\nselect 2;\nselect 3;\n \t\n\n\nselect 4"),
              ElementsAre("1: select 1;", "3: select 2;\nselect 3;", "8: select 4"));
  EXPECT_THAT(statements("select 1;\r\n\r\nselect 2;\r\n"),
              ElementsAre("1: select 1;", "3: select 2;\r\n"));
  EXPECT_THAT(statements(""), IsEmpty());
  EXPECT_THAT(statements("\n\n\n"), IsEmpty());
}

TEST(ExternalSqlFile, CountsTheLineOfTheFirstWord) {
  EXPECT_THAT(statements("\n-- why\n\n/* a\n\nb */\n-- c\nselect 1;\n\n-- end\n"),
              ElementsAre("8: select 1;"));
}

TEST(ExternalSqlFile, KeepsEmptyLinesWithinLiteralsAndComments) {
  EXPECT_THAT(statements("select 'a\n\nb', $$c\n\nd$$ /*\n\n*/, 1;\n\nselect \"e\n\nf\""),
              ElementsAre("1: select 'a\n\nb', $$c\n\nd$$ /*\n\n*/, 1;", "9: select \"e\n\nf\""));
  EXPECT_THAT(statements("select 'open\n\nto the end"),
              ElementsAre("1: select 'open\n\nto the end"));
}

TEST(ExternalSqlFile, SaysWhichTableItMakes) {
  EXPECT_EQ(parse_external_file("--metadb:table Patrons\n\nselect 1").table, "patrons");
  EXPECT_EQ(parse_external_file("-- first\n\n  --metadb:table t_1  \nselect 1").table, "t_1");
  EXPECT_EQ(parse_external_file("select 1 --metadb:table t").table, std::nullopt);
  EXPECT_EQ(parse_external_file("select '\n--metadb:table t\n'").table, std::nullopt);
  for (const char* wrong : {"--metadb:table", "--metadb:table a.b", "--metadb:table a b",
                            "--metadb:table __id", "--metadb:table \"a\"", "--metadb:table 1a"}) {
    EXPECT_THAT(refusal(wrong), HasSubstr("line 1: a directive does not parse Expected is "
                                          "--metadb:table NAME"))
        << wrong;
  }
}

TEST(ExternalSqlFile, SaysWhatItRequires) {
  const ExternalFile file = parse_external_file(
      "--metadb:table t\n--metadb:require s.item__t.id uuid\n"
      "--metadb:require S.loan__.Due timestamp with time zone\n\nselect 1");
  ASSERT_EQ(file.required.size(), 2U);
  EXPECT_EQ(file.required[0].schema, "s");
  EXPECT_EQ(file.required[0].table, "item__t");
  EXPECT_EQ(file.required[0].column, "id");
  EXPECT_EQ(file.required[0].type, "uuid");
  EXPECT_EQ(file.required[0].line, 2);
  EXPECT_EQ(file.required[1].schema, "s");
  EXPECT_EQ(file.required[1].table, "loan");
  EXPECT_EQ(file.required[1].column, "due");
  EXPECT_EQ(file.required[1].type, "timestamp with time zone");
  EXPECT_EQ(file.required[1].line, 3);
  for (const char* wrong :
       {"--metadb:require", "--metadb:require s.t.c", "--metadb:require t.c text",
        "--metadb:require a.s.t.c text", "--metadb:require .t.c text", "--metadb:require s..c text",
        "--metadb:require s.t. text", "--metadb:require s.t_.c text",
        "--metadb:require s.zzz___t___.c text"}) {
    EXPECT_THAT(refusal(std::string("\n") + wrong),
                HasSubstr("line 2: a directive does not parse Expected is --metadb:require"))
        << wrong;
  }
}

TEST(ExternalSqlFile, PassesOverDirectivesItDoesNotKnow) {
  EXPECT_THAT(parse_external_file("--metadb:later x\n\nselect 1").unknown_directives,
              ElementsAre("--metadb:later x"));
}

}  // namespace
}  // namespace metadb::tests
