// Every form of every command: what it parses to, however it is written.
#include <gtest/gtest.h>

#include <cctype>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "grammar/classify.h"
#include "grammar/parse.h"
#include "grammar/scan.h"
#include "tests/grammar/describe.h"
#include "tests/grammar/examples.h"

namespace metadb::tests {
namespace {

using grammar::parse;
using grammar::Parsed;
using grammar::PassThrough;
using grammar::Statement;
namespace scan = grammar::scan;

std::string described(const std::string& text) {
  const Statement statement = parse(text);
  if (const auto* parsed = std::get_if<Parsed>(&statement)) return describe(parsed->command);
  if (const auto* error = std::get_if<grammar::SyntaxError>(&statement)) return error->message;
  return "passed through";
}

// The example with `between` in the place of every space outside literals, words changed by `word`.
template <typename Word>
std::string rewritten(std::string_view text, const std::string& between, Word word) {
  std::string result;
  for (scan::Piece piece = scan::next(text, 0); piece.kind != scan::Kind::end;
       piece = scan::next(text, piece.end)) {
    const std::string_view written = text.substr(piece.begin, piece.end - piece.begin);
    if (piece.kind == scan::Kind::space) {
      result += between;
    } else if (piece.kind == scan::Kind::word) {
      for (const char c : written) result.push_back(static_cast<char>(word(c)));
    } else {
      result += written;
    }
  }
  return result;
}

int same(int c) {
  return c;
}

TEST(Commands, ParseAsTheTableSays) {
  for (const Example& example : examples()) {
    const Statement statement = parse(example.text);
    const auto* parsed = std::get_if<Parsed>(&statement);
    ASSERT_NE(parsed, nullptr) << example.text << ": " << described(std::string(example.text));
    EXPECT_EQ(describe(parsed->command), example.description) << example.text;
    EXPECT_EQ(grammar::ast::tag(parsed->command), example.tag) << example.text;
    EXPECT_EQ(parsed->is_shared, example.is_shared) << example.text;
  }
}

TEST(Commands, EveryAlternativeHasAnExample) {
  std::set<size_t> seen;
  for (const Example& example : examples()) {
    seen.insert(std::get<Parsed>(parse(example.text)).command.index());
  }
  EXPECT_EQ(seen.size(), std::variant_size_v<grammar::ast::Command>);
}

TEST(Commands, IgnoreCaseOfKeywordsAndUnquotedNames) {
  for (const Example& example : examples()) {
    EXPECT_EQ(described(rewritten(example.text, " ", [](int c) { return std::toupper(c); })),
              example.description);
  }
}

TEST(Commands, TakeCommentsForWhiteSpace) {
  for (const Example& example : examples()) {
    EXPECT_EQ(described(" -- x\n" + rewritten(example.text, "/* a /* é; */ ' */", same) + "--end"),
              example.description);
    EXPECT_EQ(described(rewritten(example.text, " -- it's\r", same)), example.description);
    EXPECT_EQ(described("/**/" + rewritten(example.text, "\t\f\v\n", same)), example.description);
  }
}

TEST(Commands, MayEndWithASemicolon) {
  for (const Example& example : examples()) {
    EXPECT_EQ(described(std::string(example.text) + ";"), example.description);
    EXPECT_EQ(described(std::string(example.text) + " ; -- done"), example.description);
  }
}

TEST(Commands, AreSeenByTheGate) {
  for (const Example& example : examples()) {
    const std::string text(example.text);
    EXPECT_TRUE(grammar::may_be_ours(text)) << text;
    EXPECT_TRUE(grammar::may_be_ours("select 1;" + text)) << text;
    EXPECT_TRUE(grammar::may_be_ours("select ';'; /* ; */\n" + text)) << text;
    EXPECT_TRUE(grammar::may_be_ours(";;" + text)) << text;
  }
}

TEST(Commands, KeepTypesInCanonicalForm) {
  const auto type_of = [](const std::string& type) {
    const Statement statement = parse("alter table s.t__ add column c " + type);
    const auto* parsed = std::get_if<Parsed>(&statement);
    if (parsed == nullptr) return std::string("passed through");
    return std::get<grammar::ast::AlterTableAddColumn>(parsed->command).type.sql;
  };
  EXPECT_EQ(type_of("Character  VARYING ( 10 )"), "character varying(10)");
  EXPECT_EQ(type_of("char(3)"), "char(3)");
  EXPECT_EQ(type_of("national char varying(4)"), "national char varying(4)");
  EXPECT_EQ(type_of("bit varying(5)[]"), "bit varying(5)[]");
  EXPECT_EQ(type_of("numeric(10 , -2)"), "numeric(10,-2)");
  EXPECT_EQ(type_of("double/* x */precision"), "double precision");
  EXPECT_EQ(type_of("TIMESTAMP(3) WITH TIME ZONE"), "timestamp(3) with time zone");
  EXPECT_EQ(type_of("time without time zone"), "time without time zone");
  EXPECT_EQ(type_of("interval year to month"), "interval year to month");
  EXPECT_EQ(type_of("interval second(3)"), "interval second(3)");
  EXPECT_EQ(type_of("text[ ][3]"), "text[][3]");
  EXPECT_EQ(type_of("text array[4]"), "text array[4]");
  EXPECT_EQ(type_of("Public . \"My \"\"T\"\"\" (1, Point)"), "public.\"My \"\"T\"\"\"(1,point)");
  EXPECT_EQ(type_of("time"), "time");
  EXPECT_EQ(type_of("data"), "data");
  EXPECT_EQ(type_of("text not null"), "passed through");
  EXPECT_EQ(type_of("text collate \"C\""), "passed through");
  EXPECT_EQ(type_of("text; drop table x"), "passed through");
  EXPECT_EQ(type_of(""), "passed through");
}

TEST(Commands, NamesAndTextsKnowTheirPositions) {
  const auto command = std::get<grammar::ast::CreateDataSource>(
      std::get<Parsed>(
          parse("/* é😀 */ create data source s type kafka options (ä 'x', kafka.b E'y')"))
          .command);
  EXPECT_EQ(command.name.position, 29);
  EXPECT_EQ(command.type.position, 36);
  EXPECT_EQ(command.options[0].name.position, 51);
  EXPECT_EQ(command.options[0].value.position, 53);
  EXPECT_EQ(command.options[1].name.position, 58);
  EXPECT_EQ(command.options[1].value.position, 66);
}

TEST(Commands, ParseOnManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::array<int, 4> matches{};
  for (int& count : matches) {
    threads.emplace_back([&count] {
      for (int round = 0; round < 5; ++round) {
        for (const Example& example : examples()) {
          count += described(std::string(example.text)) == example.description ? 1 : 0;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : matches) EXPECT_EQ(count, 5 * static_cast<int>(examples().size()));
}

// Texts near to commands: whatever the parser claims, the gate must have let through, and verbs
// that PostgreSQL has too never become an error of ours.
TEST(Commands, RandomNeighboursNeverSlipPastTheGate) {
  std::mt19937 random(20240501);
  const auto below = [&random](size_t n) { return random() % n; };
  const std::string_view pieces[] = {"'",       "\"",      "$$",   "/*", "--",  "\n",     ";",
                                     "(",       ")",       ",",    ".",  "é",   " data ", " user ",
                                     " table ", "create ", " 'x'", "1",  "e'\\"};
  size_t errors = 0;
  for (int round = 0; round < 6000; ++round) {
    std::string text(examples()[below(examples().size())].text);
    for (size_t edits = 1 + below(3); edits > 0; --edits) {
      const size_t at = below(text.size() + 1);
      if (below(2) == 0)
        text.insert(at, pieces[below(std::size(pieces))]);
      else
        text.erase(at, 1 + below(4));
    }
    const Statement statement = parse(text);
    if (!std::holds_alternative<PassThrough>(statement)) {
      ASSERT_TRUE(grammar::may_be_ours(text)) << text;
      ASSERT_TRUE(grammar::may_be_ours("select 1;" + text)) << text;
    }
    if (const auto* error = std::get_if<grammar::SyntaxError>(&statement)) {
      ++errors;
      ASSERT_EQ(error->sqlstate.size(), 5U) << text;
      ASSERT_FALSE(error->message.empty()) << text;
      ASSERT_GE(error->position, error->sqlstate == "42601" ? 1 : 0) << text;
      ASSERT_LE(error->position, static_cast<int>(text.size()) + 1) << text;
    }
  }
  EXPECT_GT(errors, 1000U);
}

}  // namespace
}  // namespace metadb::tests
