#include "ingest/topics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/error.h"

namespace metadb::tests {
namespace {

using ingest::TopicList;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

catalog::Error refusal(const std::string& text) {
  try {
    TopicList::parse(text);
  } catch (const catalog::Error& error) {
    return error;
  }
  ADD_FAILURE() << "accepted: " << text;
  return {"00000", ""};
}

TEST(Topics, SeparatesElementsAtCommas) {
  EXPECT_THAT(TopicList::parse("a.b, c-d_2 ,^x").elements(), ElementsAre("a.b", "c-d_2", "^x"));
}

TEST(Topics, KeepsCommasThatBelongToAnExpression) {
  EXPECT_THAT(TopicList::parse("^a{1,2}b,c").elements(), ElementsAre("^a{1,2}b", "c"));
  EXPECT_THAT(TopicList::parse("^a[,]b,c").elements(), ElementsAre("^a[,]b", "c"));
  EXPECT_THAT(TopicList::parse("^(a,b),c").elements(), ElementsAre("^(a,b)", "c"));
  EXPECT_THAT(TopicList::parse("^a\\,b,c").elements(), ElementsAre("^a\\,b", "c"));
}

TEST(Topics, ReadsBracketExpressionsAsPosixDoes) {
  EXPECT_THAT(TopicList::parse("^[],(]x,c").elements(), ElementsAre("^[],(]x", "c"));
  EXPECT_THAT(TopicList::parse("^[^],]x,c").elements(), ElementsAre("^[^],]x", "c"));
  EXPECT_THAT(TopicList::parse("^[[:digit:],]x,c").elements(), ElementsAre("^[[:digit:],]x", "c"));
  EXPECT_THAT(TopicList::parse("^[\\],c").elements(), ElementsAre("^[\\]", "c"));
}

TEST(Topics, MatchesALiteralAsAWhole) {
  const auto topics = TopicList::parse("a.b");
  EXPECT_TRUE(topics.matches("a.b"));
  EXPECT_FALSE(topics.matches("aab"));
  EXPECT_FALSE(topics.matches("a.bc"));
}

TEST(Topics, MatchesAnExpressionFromTheBeginning) {
  const auto topics = TopicList::parse("x,^metadb_sensor_[0-9]+\\.");
  EXPECT_TRUE(topics.matches("metadb_sensor_1.public.t"));
  EXPECT_FALSE(topics.matches("my_metadb_sensor_1.public.t"));
  EXPECT_TRUE(topics.matches("x"));
  EXPECT_FALSE(topics.matches("xx"));
}

TEST(Topics, RefusesANameThatNoTopicCanHave) {
  const auto error = refusal("ok,my_.*");
  EXPECT_EQ(error.sqlstate, "22023");
  EXPECT_THAT(error.message(), HasSubstr("my_.*"));
  EXPECT_THAT(error.hint, HasSubstr("^"));
  EXPECT_EQ(refusal("").sqlstate, "22023");
  EXPECT_EQ(refusal("a,,b").sqlstate, "22023");
  EXPECT_EQ(refusal("a,").sqlstate, "22023");
  EXPECT_EQ(refusal("..").sqlstate, "22023");
  EXPECT_EQ(refusal(std::string(250, 'a')).sqlstate, "22023");
}

TEST(Topics, NamesTheExpressionThatDoesNotCompile) {
  const auto error = refusal("a,^b(c");
  EXPECT_EQ(error.sqlstate, "2201B");
  EXPECT_THAT(error.message(), HasSubstr("\"^b(c\""));
  EXPECT_EQ(refusal("^[a").sqlstate, "2201B");
  EXPECT_EQ(refusal("^a\\").sqlstate, "2201B");
}

}  // namespace
}  // namespace metadb::tests
