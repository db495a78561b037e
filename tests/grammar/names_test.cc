// Names and strings follow PostgreSQL's rules.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "grammar/parse.h"
#include "grammar/scan.h"

namespace metadb::tests {
namespace {

using grammar::parse;
using grammar::Parsed;

std::string name_of(const std::string& written) {
  const auto statement = parse("drop data source " + written);
  const auto* parsed = std::get_if<Parsed>(&statement);
  if (parsed == nullptr) return "no match";
  return std::get<grammar::ast::DropDataSource>(parsed->command).name.text;
}

std::string value_of(const std::string& literal) {
  const auto statement =
      parse("create data mapping for json from table s.t column c path " + literal + " to 'x'");
  const auto* parsed = std::get_if<Parsed>(&statement);
  if (parsed == nullptr) return "no match";
  return std::get<grammar::ast::CreateDataMapping>(parsed->command).path.text;
}

TEST(Names, FoldOnlyAsciiAndOnlyUnquoted) {
  EXPECT_EQ(name_of("FooBar_1$"), "foobar_1$");
  EXPECT_EQ(name_of("ÄÖx"), "ÄÖx");
  EXPECT_EQ(name_of("ABCé"), "abcé");
  EXPECT_EQ(name_of("\"FooBar\""), "FooBar");
  EXPECT_EQ(name_of("\"a b.c;'--/*\""), "a b.c;'--/*");
  EXPECT_EQ(name_of("\"a\"\"b\"\"\"\"\""), "a\"b\"\"");
  EXPECT_EQ(name_of("\"list\""), "list");
}

TEST(Names, AreCutAfter63BytesAtACharacter) {
  EXPECT_EQ(name_of(std::string(70, 'a')), std::string(63, 'a'));
  EXPECT_EQ(name_of("\"" + std::string(62, 'a') + "éé\""), std::string(62, 'a'));
}

// The lexer grammar is read for its words, so that a new keyword can't be forgotten in `keyword`.
TEST(Names, EveryKeywordIsAName) {
  std::ifstream grammar_file(METADB_SOURCE_DIR "/grammar/MetadbLexer.g4");
  ASSERT_TRUE(grammar_file.is_open());
  int keywords = 0;
  for (std::string line; std::getline(grammar_file, line);) {
    std::istringstream words(line);
    std::string token;
    std::string colon;
    words >> token >> colon;
    std::string spelled;
    for (std::string letter; words >> letter && letter != ";";) spelled += letter;
    if (colon != ":" || spelled != token) continue;
    ++keywords;
    std::string lower;
    for (const char c : token) lower.push_back(static_cast<char>(std::tolower(c)));
    EXPECT_EQ(name_of(token), lower);
    for (const std::string& text :
         {"create data source " + token + " type " + token + " options (" + token + " 'v', " +
              token + "." + token + " 'v')",
          "alter data source " + token + " options (" + token + " 'v', drop " + token + ")",
          "endsync data source " + token + " force sweep table " + token + "." + token,
          "create data mapping for json from table " + token + "." + token + " column " + token +
              " path '$' to 'a'",
          "create user " + token + " with password 'p'", "create schema for user " + token,
          "grant access on function " + token + "." + token + "(" + token + ") to " + token,
          "alter table " + token + "." + token + " add column " + token + " text",
          "alter table " + token + "." + token + " alter column " + token + " type text",
          "alter system set " + token + " to 'v'", "list " + token, "run external sql for " + token,
          "create external sql " + token + " from 'u' ref 'r' path 'p' schema 's'",
          "retry dead letters for data source " + token}) {
      EXPECT_TRUE(std::holds_alternative<Parsed>(parse(text))) << text;
    }
  }
  EXPECT_GT(keywords, 60);
}

TEST(Strings, KeepBackslashesUnlessTheyAreEscapes) {
  EXPECT_EQ(value_of("'it''s \\n'"), "it's \\n");
  EXPECT_EQ(value_of("''"), "");
  EXPECT_EQ(value_of("''''"), "'");
}

TEST(Strings, DecodeEveryEscape) {
  EXPECT_EQ(value_of("E'a\\b\\f\\n\\r\\t\\\\\\'\\q'"), "a\b\f\n\r\t\\'q");
  EXPECT_EQ(value_of("e'it''s'"), "it's");
  EXPECT_EQ(value_of("E'\\101\\1012\\x41\\x4a\\x4G\\xg'"), "AA2AJ\x04Gxg");
  EXPECT_EQ(value_of("E'\\xc3\\xa9\\303\\251\\u00e9\\U0001F600\\uD83D\\uDE00'"), "ééé😀😀");
}

TEST(Strings, TakeDollarQuotesAsTheyStand) {
  EXPECT_EQ(value_of("$$a'b\\n$x$ $$"), "a'b\\n$x$ ");
  EXPECT_EQ(value_of("$té_1$ $$ $te$ $té_1$"), " $$ $te$ ");
  EXPECT_EQ(value_of("$$$$"), "");
}

TEST(Strings, ContinueOnTheNextLine) {
  EXPECT_EQ(value_of("'a'\n  'b'"), "ab");
  EXPECT_EQ(value_of("'a' -- it's\n 'b''c'\r'd'"), "ab'cd");
  EXPECT_EQ(value_of("E'a\\n'\n'\\'b'"), "a\n'b");
  EXPECT_EQ(value_of("'a' 'b'"), "no match");
  EXPECT_EQ(value_of("'a' /* \n */ 'b'"), "no match");
}

}  // namespace
}  // namespace metadb::tests
