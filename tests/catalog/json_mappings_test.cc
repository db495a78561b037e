#include "catalog/json_mappings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/error.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using catalog::json_path_text;
using catalog::JsonPath;
using catalog::parse_json_path;
using testing::HasSubstr;

std::string refusal(const std::string& path) {
  try {
    parse_json_path(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.sqlstate, "22023") << path;
    return error.message();
  }
  ADD_FAILURE() << "read: " << path;
  return "";
}

TEST(JsonPaths, NameFieldsFromTheOutermostIn) {
  EXPECT_EQ(parse_json_path("$"), JsonPath());
  EXPECT_EQ(parse_json_path("$.a"), (JsonPath{"a"}));
  EXPECT_EQ(parse_json_path("$.tags.tagList"), (JsonPath{"tags", "tagList"}));
  EXPECT_EQ(parse_json_path("$.#a.@b-c.é"), (JsonPath{"#a", "@b-c", "é"}));
}

TEST(JsonPaths, QuotedNamesHoldAnything) {
  EXPECT_EQ(parse_json_path(R"($."a.b".c)"), (JsonPath{"a.b", "c"}));
  EXPECT_EQ(parse_json_path(R"($."say \"hi\"\\")"), (JsonPath{R"(say "hi"\)"}));
  EXPECT_EQ(parse_json_path(R"($."a[0] *$")"), (JsonPath{"a[0] *$"}));
}

TEST(JsonPaths, HaveOneText) {
  for (const std::string path : {"$", "$.a.b", R"($."a.b".c)", R"($."say \"hi\"\\")", R"($."a b")"})
    EXPECT_EQ(json_path_text(parse_json_path(path)), path);
  EXPECT_EQ(json_path_text(parse_json_path(R"($."plain")")), "$.plain");
}

TEST(JsonPaths, ThatAreNoneAreRefusedWithTheReason) {
  EXPECT_THAT(refusal(""), HasSubstr("does not begin with \"$\""));
  EXPECT_THAT(refusal("a.b"), HasSubstr("does not begin with \"$\""));
  EXPECT_THAT(refusal("$a"), HasSubstr("\".\" is expected"));
  EXPECT_THAT(refusal("$.a b"), HasSubstr("\".\" is expected"));
  EXPECT_THAT(refusal("$."), HasSubstr("a name is empty"));
  EXPECT_THAT(refusal("$..a"), HasSubstr("a name is empty"));
  EXPECT_THAT(refusal(R"($."")"), HasSubstr("a name is empty"));
  EXPECT_THAT(refusal(R"($."a)"), HasSubstr("has no end"));
  EXPECT_THAT(refusal(R"($."a\n")"), HasSubstr("stands before"));
  EXPECT_THAT(refusal("$.a[0]"), HasSubstr("an array needs no step"));
  EXPECT_THAT(refusal("$[*].a"), HasSubstr("an array needs no step"));
}

TEST(MappingIds, AreShortLowerCaseNames) {
  for (const std::string good : {"t", "a1_b", "abcdefghijklmnop"}) catalog::check_mapping_id(good);
  for (const std::string bad : {"", "1a", "_a", "A", "tagList", "a-b", "é", "abcdefghijklmnopq"}) {
    try {
      catalog::check_mapping_id(bad);
      ADD_FAILURE() << "accepted: " << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.sqlstate, "42602");
      EXPECT_THAT(error.message(), HasSubstr("\"" + bad + "\""));
    }
  }
}

}  // namespace
}  // namespace metadb::tests
