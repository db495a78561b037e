// The gate and the cutting of statements.
#include "grammar/classify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>

namespace metadb::tests {
namespace {

using grammar::may_be_ours;
using grammar::split;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(MayBeOurs, SeesCommandsBehindBlanksAndComments) {
  EXPECT_TRUE(may_be_ours("  list status"));
  EXPECT_TRUE(may_be_ours("-- x\n/* a /* b */ */LiSt status"));
  EXPECT_TRUE(may_be_ours("create/**/DATA source"));
  EXPECT_TRUE(may_be_ours("create --\n external /* */ sql x"));
  EXPECT_TRUE(may_be_ours("\f\v\r\n\tpurge\ndead letters"));
}

TEST(MayBeOurs, SeesCommandsBehindASemicolon) {
  EXPECT_TRUE(may_be_ours("select 1; list status"));
  EXPECT_TRUE(may_be_ours("select 1;list"));
  EXPECT_TRUE(may_be_ours("select 1;; ;\n\tDROP DATA source x"));
  EXPECT_TRUE(may_be_ours("select 1; /* */ list"));
  EXPECT_TRUE(may_be_ours("select 1; create /* */ data"));
}

TEST(MayBeOurs, IsCertainAboutOrdinaryScripts) {
  EXPECT_FALSE(may_be_ours("select 1; select 2; select 3;"));
  EXPECT_FALSE(may_be_ours("begin; insert into list values (1); commit"));
  EXPECT_FALSE(may_be_ours("select ';'"));
  EXPECT_FALSE(may_be_ours("create table t (a int); create index on t (a);"));
}

// Every semicolon is tried; none of these may make that quadratic.
TEST(MayBeOurs, StaysLinear) {
  for (const std::string_view unit :
       {";", "; ", ";--", ";/*", "; create ", ";'", ";$$", ";$a", ";\"", "; a", "'' --\n"}) {
    std::string text = "select 1";
    while (text.size() < (1U << 20U)) text += unit;
    const auto begin = std::chrono::steady_clock::now();
    may_be_ours(text);
    split(text);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << unit;
  }
}

TEST(Split, CutsAtTopLevelSemicolons) {
  EXPECT_THAT(split("select 1; select 2"), ElementsAre("select 1", "select 2"));
  EXPECT_THAT(split(" a ;\n b;"), ElementsAre("a", "b"));
  EXPECT_THAT(split("a"), ElementsAre("a"));
}

TEST(Split, DropsEmptyStatements) {
  EXPECT_THAT(split(""), IsEmpty());
  EXPECT_THAT(split(" ;; -- x;\n /* ; */ ; \t"), IsEmpty());
  EXPECT_THAT(split(";a;;b; --"), ElementsAre("a", "b"));
}

TEST(Split, KeepsCommentsOfAStatement) {
  EXPECT_THAT(split("/* x; */ a -- y;\n; b"), ElementsAre("/* x; */ a -- y;", "b"));
}

TEST(Split, KeepsSemicolonsWithinQuotes) {
  EXPECT_THAT(split("a ';' b; c"), ElementsAre("a ';' b", "c"));
  EXPECT_THAT(split("a 'x'';' b; c"), ElementsAre("a 'x'';' b", "c"));
  EXPECT_THAT(split("a '\\'; b"), ElementsAre("a '\\'", "b"));
  EXPECT_THAT(split("a E'\\';'; b"), ElementsAre("a E'\\';'", "b"));
  EXPECT_THAT(split("a E'x'\n'\\';'; b"), ElementsAre("a E'x'\n'\\';'", "b"));
  EXPECT_THAT(split("type'\\'; b"), ElementsAre("type'\\'", "b"));
  EXPECT_THAT(split("a \"x\"\";\"; b"), ElementsAre("a \"x\"\";\"", "b"));
  EXPECT_THAT(split("a U&'\\';b"), ElementsAre("a U&'\\'", "b"));
  EXPECT_THAT(split("a $$;$x$;$$; b"), ElementsAre("a $$;$x$;$$", "b"));
  EXPECT_THAT(split("a $x$;$$;$x$; b"), ElementsAre("a $x$;$$;$x$", "b"));
  EXPECT_THAT(split("a$x$; b$x$; c"), ElementsAre("a$x$", "b$x$", "c"));
  EXPECT_THAT(split("a $1;$1; b"), ElementsAre("a $1", "$1", "b"));
}

TEST(Split, KeepsSemicolonsWithinParenthesesAndComments) {
  EXPECT_THAT(split("create rule r as on insert to t do (a; b); c"),
              ElementsAre("create rule r as on insert to t do (a; b)", "c"));
  EXPECT_THAT(split("a /* ; /* ; */ ; */ b; c -- ;\n d"),
              ElementsAre("a /* ; /* ; */ ; */ b", "c -- ;\n d"));
  EXPECT_THAT(split("a ); b"), ElementsAre("a )", "b"));
}

TEST(Split, KeepsAtomicBodiesTogether) {
  const std::string body =
      "Create or Replace function f(a int) returns int begin atomic select case when a = 1 then 2 "
      "end; "
      "select t.case, 1 as end; select a; end";
  EXPECT_THAT(split(body + "; select 2"), ElementsAre(body, "select 2"));
  EXPECT_THAT(split("create procedure p() BEGIN /**/ ATOMIC a; b; END; c"),
              ElementsAre("create procedure p() BEGIN /**/ ATOMIC a; b; END", "c"));
  EXPECT_THAT(split("create function begin() returns int return 1; atomic; b"),
              ElementsAre("create function begin() returns int return 1", "atomic", "b"));
  EXPECT_THAT(split("begin; atomic; end"), ElementsAre("begin", "atomic", "end"));
  EXPECT_THAT(split("begin atomic; end"), ElementsAre("begin atomic", "end"));
}

TEST(Split, PointsIntoTheText) {
  const std::string text = "a;  list status ;";
  const auto statements = split(text);
  ASSERT_EQ(statements.size(), 2U);
  EXPECT_EQ(statements[1].data() - text.data(), 4);
}

TEST(Split, GivesBackTheStatementsThatATextWasJoinedFrom) {
  const std::string_view pieces[] = {"select",      "'a;b'",     "''';'",
                                     "E'\\';'",     "\";\"\"\"", "$$;'$$",
                                     "$a$;$$;$a$",  "(a;(b;);)", "/* ; /* ' */ */",
                                     "-- ' ; $$\n", "$1",        "1.5",
                                     "x$y$",        "é",         "=",
                                     "<",           "case",      "end",
                                     "begin",       "as",        "e",
                                     "u&\";\"",     "b';'",      "."};
  const std::string_view blanks[] = {" ", "\n", " /* ; */ ", "\t-- ;\r"};
  std::mt19937 random(7);
  const auto pick = [&random](const auto& list) { return list[random() % std::size(list)]; };
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> expected;
    std::string text;
    for (size_t count = random() % 5; count > 0; --count) {
      std::string statement = "x";
      for (size_t length = random() % 8; length > 0; --length) {
        statement.append(pick(blanks)).append(pick(pieces));
      }
      statement += " x";
      text.append(statement).append(";").append(random() % 3 == 0 ? " ;\n" : " ");
      expected.push_back(statement);
    }
    const auto statements = split(text);
    ASSERT_EQ(std::vector<std::string>(statements.begin(), statements.end()), expected) << text;
  }
}

}  // namespace
}  // namespace metadb::tests
