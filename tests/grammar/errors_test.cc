// Errors in PostgreSQL's words, at the token PostgreSQL would name.
#include <gtest/gtest.h>

#include <string>

#include "grammar/parse.h"

namespace metadb::tests {
namespace {

using grammar::parse;
using grammar::PassThrough;
using grammar::SyntaxError;

struct Case {
  std::string_view text;
  std::string_view message;
  int position;
};

void expect_errors(std::initializer_list<Case> cases, std::string_view sqlstate = "42601") {
  for (const Case& c : cases) {
    const auto statement = parse(c.text);
    const auto* error = std::get_if<SyntaxError>(&statement);
    ASSERT_NE(error, nullptr) << c.text;
    EXPECT_EQ(error->message, c.message) << c.text;
    EXPECT_EQ(error->position, c.position) << c.text;
    EXPECT_EQ(error->sqlstate, sqlstate) << c.text;
  }
}

TEST(SyntaxErrors, NameTheFirstTokenThatDoesNotFit) {
  expect_errors({
      {"create data", "syntax error at end of input", 12},
      {"create data  ", "syntax error at end of input", 14},
      {"create data;", "syntax error at or near \";\"", 12},
      {"create data Foo x", "syntax error at or near \"Foo\"", 13},
      {"create data source s type kafka", "syntax error at end of input", 32},
      {"create data source s TYP kafka", "syntax error at or near \"TYP\"", 22},
      {"create data source s type kafka options ()", "syntax error at or near \")\"", 42},
      {"create data source s type kafka options (a = 'b')", "syntax error at or near \"=\"", 44},
      {"create data source s type kafka options (a => 'b')", "syntax error at or near \"=>\"", 44},
      {"create data source s type kafka options (a 'b',)", "syntax error at or near \")\"", 48},
      {"create data source s type kafka options (a 'b' c 'd')", "syntax error at or near \"c\"",
       48},
      {"create data source s type kafka options (a 'b') x", "syntax error at or near \"x\"", 49},
      {"create data source 'It''s'", "syntax error at or near \"'It''s'\"", 20},
      {"create data source 12", "syntax error at or near \"12\"", 20},
      {"create data source $1", "syntax error at or near \"$1\"", 20},
      {"alter data source s options (drop y 'v')", "syntax error at or near \"'v'\"", 37},
      {"alter data source s options (set y)", "syntax error at or near \")\"", 35},
      {"create data mapping for xml from", "syntax error at or near \"xml\"", 25},
      {"create data mapping for json from table t__ column c", "syntax error at or near \"column\"",
       45},
      {"drop data origin x", "syntax error at or near \"origin\"", 11},
      {"pause data sink x", "syntax error at or near \"sink\"", 12},
      {"endsync data source s sweep a.b", "syntax error at or near \"a\"", 29},
      {"purge data drop table a.b c", "syntax error at or near \"c\"", 27},
      {"purge data drop table a", "syntax error at end of input", 24},
      {"purge dead letter", "syntax error at or near \"letter\"", 12},
      {"retry dead letters for s", "syntax error at or near \"s\"", 24},
      {"register role x", "syntax error at or near \"role\"", 10},
      {"deregister", "syntax error at end of input", 11},
      {"list", "syntax error at end of input", 5},
      {"list status now", "syntax error at or near \"now\"", 13},
      {"list status; list config", "syntax error at or near \"list\"", 14},
      {"refresh inferred types", "syntax error at or near \"types\"", 18},
      {"verify consistency of s", "syntax error at or near \"of\"", 20},
      {"create external sql n from x", "syntax error at or near \"x\"", 28},
      {"run external sql n", "syntax error at or near \"n\"", 18},
      {"drop external sql", "syntax error at end of input", 18},
  });
}

TEST(SyntaxErrors, CountCharactersNotBytes) {
  expect_errors({
      {"/* é */ create data source é type kafka é options", "syntax error at or near \"é\"", 41},
      {"list \"😀\" x", "syntax error at or near \"x\"", 10},
      {"list 'ünï'", "syntax error at or near \"'ünï'\"", 6},
      {"list ü\xC2\xA0x €", "syntax error at or near \"€\"", 10},
      {"create data source s type kafka options (ä 'ö",
       "unterminated quoted string at or near \"'ö\"", 44},
  });
}

TEST(SyntaxErrors, SayWhatIsUnterminated) {
  expect_errors({
      {"list 'a", "unterminated quoted string at or near \"'a\"", 6},
      {"list 'a''", "unterminated quoted string at or near \"'a''\"", 6},
      {"list e'a\\'", "unterminated quoted string at or near \"e'a\\'\"", 6},
      {"list \"a", "unterminated quoted identifier at or near \"\"a\"", 6},
      {"list $x$ a $y$", "unterminated dollar-quoted string at or near \"$x$ a $y$\"", 6},
      {"list /* a /* b */", "unterminated /* comment at or near \"/* a /* b */\"", 6},
      {"list \"\"", "zero-length delimited identifier at or near \"\"\"\"", 6},
  });
}

SyntaxError error_of_value(const std::string& literal) {
  return std::get<SyntaxError>(parse("create data source é type t options (a " + literal + ")"));
}

TEST(SyntaxErrors, RefuseTheEscapesThatPostgresRefuses) {
  const int start = 40;  // of the literal
  const auto expect = [&](const std::string& literal, std::string_view sqlstate,
                          std::string_view message, int offset) {
    const SyntaxError error = error_of_value(literal);
    EXPECT_EQ(error.sqlstate, sqlstate) << literal;
    EXPECT_EQ(error.message, message) << literal;
    EXPECT_EQ(error.position, sqlstate == "22021" ? 0 : start + offset) << literal;
  };
  expect("E'é\\u12'", "22025", "invalid Unicode escape", 3);
  expect("E'\\U0001F60'", "22025", "invalid Unicode escape", 2);
  expect("E'\\u0000'", "42601", "invalid Unicode escape value at or near \"\\u0000\"", 2);
  expect("E'\\U00110000'", "42601", "invalid Unicode escape value at or near \"\\U00110000\"", 2);
  expect("E'\\uDE00'", "42601", "invalid Unicode surrogate pair at or near \"\\uDE00\"", 2);
  expect("E'\\uD83Dé'", "42601", "invalid Unicode surrogate pair at or near \"é\"", 8);
  expect("E'\\uD83D'", "42601", "invalid Unicode surrogate pair at or near \"'\"", 8);
  expect("E'a\\xff'", "22021", "invalid byte sequence for encoding \"UTF8\": 0xff", 0);
  expect("E'\\xc3('", "22021", "invalid byte sequence for encoding \"UTF8\": 0xc3 0x28", 0);
  expect("E'\\0'", "22021", "invalid byte sequence for encoding \"UTF8\": 0x00", 0);
  EXPECT_FALSE(error_of_value("E'\\u12'").hint.empty());
}

TEST(SyntaxErrors, RefuseUnicodeQuotesClearly) {
  expect_errors({{"list U&\"a\"", "U& literals are not supported in Metadb commands", 6},
                 {"list u&'a'", "U& literals are not supported in Metadb commands", 6}},
                "0A000");
}

TEST(SyntaxErrors, LimitTheLengthOfCommands) {
  const std::string blank(1 << 20, ' ');
  EXPECT_EQ(std::get<SyntaxError>(parse("list status" + blank)).sqlstate, "54000");
  EXPECT_TRUE(std::holds_alternative<PassThrough>(parse("drop user x" + blank)));
}

TEST(SyntaxErrors, StayQuickOnLongAndNestedText) {
  const std::string half(1 << 18, '(');
  EXPECT_EQ(std::get<SyntaxError>(parse("list status" + half)).position, 12);
  std::string nested = "list status ";
  for (int i = 0; i < 1 << 18; ++i) nested += "/*";
  EXPECT_EQ(std::get<SyntaxError>(parse(nested)).position, 13);
  std::string letters = "list ";
  for (int i = 0; i < 1 << 18; ++i) letters += "é";
  EXPECT_TRUE(std::holds_alternative<grammar::Parsed>(parse(letters)));
}

TEST(SyntaxErrors, LeaveInvalidUtf8ToPostgres) {
  for (const std::string bad :
       {"\xFF", "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80"}) {
    EXPECT_TRUE(std::holds_alternative<PassThrough>(parse("list status '" + bad + "'"))) << bad;
  }
}

}  // namespace
}  // namespace metadb::tests
