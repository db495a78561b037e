#include "ingest/json_rows.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>

#include "ingest/json_pieces.h"
#include "ingest/names.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {
namespace {

using ingest::iso_time;
using ingest::JsonMap;
using ingest::JsonNode;
using ingest::JsonType;
using ingest::snake_case;
using testing::ElementsAre;
using testing::IsEmpty;

JsonMap mapped(const std::vector<std::pair<std::string, std::string>>& paths) {
  std::vector<catalog::JsonMapping> mappings;
  for (const auto& [path, id] : paths) mappings.push_back({"s", "t", "c", path, id});
  return ingest::json_map(mappings).value();
}

// Rows as texts: table[ordinals] field=value ...
class Shown : public ingest::JsonRowSink {
 public:
  void begin(const JsonMap& table, std::span<const ingest::JsonLevel> levels) override {
    row_ = table.id;
    for (const ingest::JsonLevel& level : levels)
      row_ += level.depth == 1
                  ? fmt::format("[{}{}]", level.array->id, level.ordinal)
                  : fmt::format("[{}.{} {}]", level.array->id, level.depth, level.ordinal);
  }
  void member(std::string_view id, std::string_view field, const JsonNode& value) override {
    cells_[fmt::format("{}.{}", id, field)] = shown(value);
  }
  void element(const JsonNode& value) override { cells_["="] = shown(value); }
  void end() override {
    for (const auto& [name, value] : cells_) {
      if (!value.empty()) row_ += fmt::format(" {}={}", name, value);
    }
    rows.push_back(row_);
    cells_.clear();
  }
  std::vector<std::string> rows;

 private:
  static std::string shown(const JsonNode& value) {
    if (value.is_null()) return "null";
    return json_type(value) ? std::string(value.text) : "";
  }
  std::string row_;
  std::map<std::string, std::string> cells_;
};

std::vector<std::string> rows(const JsonMap& map, const std::string& document) {
  ingest::JsonParser parser;
  Shown sink;
  const bool is_json = transform_json_text(parser, map, document, sink);
  return is_json ? sink.rows : std::vector<std::string>{"no JSON"};
}

TEST(JsonRows, AnObjectIsARowOfItsScalars) {
  EXPECT_THAT(rows(mapped({{"$", "t"}}), R"({"a":1.50,"b":"x","c":true,"d":null,"e":{},"f":[1]})"),
              ElementsAre("t .a=1.50 .b=x .c=true .d=null"));
}

TEST(JsonRows, AMappedObjectJoinsTheRowOfTheOneAboveIt) {
  EXPECT_THAT(rows(mapped({{"$", "t"}, {"$.a", "a"}, {"$.a.b", "b"}}),
                   R"({"x":0,"a":{"x":1,"b":{"x":2,"c":{"x":3}}}})"),
              ElementsAre("t .x=0 a.x=1 b.x=2"));
}

TEST(JsonRows, AMappedArrayIsATableWithOrdinals) {
  EXPECT_THAT(rows(mapped({{"$", "t"}, {"$.tags", "tags"}}), R"({"tags":["x",null,[7],"y",{}]})"),
              ElementsAre("t", "tags[tags1] ==x", "tags[tags2] ==null", "tags[tags3][tags.2 1] ==7",
                          "tags[tags4] ==y", "tags[tags5]"));
}

TEST(JsonRows, ArraysInArraysHaveAnOrdinalForEachLevel) {
  EXPECT_THAT(rows(mapped({{"$", "t"}, {"$.a", "a"}, {"$.a.o", "o"}, {"$.a.o.b", "b"}}),
                   R"({"a":[{"v":1,"o":{"w":9,"b":[1,2]}},{"o":{"b":[3]}}]})"),
              ElementsAre("t", "a[a1] .v=1 o.w=9", "b[a1][b1] ==1", "b[a1][b2] ==2", "a[a2]",
                          "b[a2][b1] ==3"));
}

TEST(JsonRows, ArraysDirectlyInArraysAreLevelsOfTheSameTable) {
  const JsonMap map = mapped({{"$", "t"}, {"$.a", "a"}, {"$.a.b", "b"}});
  EXPECT_THAT(rows(map, R"({"a":[[1,[2,[]]],3,[[{"x":4,"b":[5]}],{"b":[[6]]}]]})"),
              ElementsAre("t", "a[a1][a.2 1] ==1", "a[a1][a.2 2][a.3 1] ==2", "a[a2] ==3",
                          "a[a3][a.2 1][a.3 1] .x=4", "b[a3][a.2 1][a.3 1][b1] ==5", "a[a3][a.2 2]",
                          "b[a3][a.2 2][b1][b.2 1] ==6"));
  EXPECT_THAT(rows(map, R"([[{"x":1}],2])"), ElementsAre("t[t1][t.2 1] .x=1", "t[t2] ==2"));
}

TEST(JsonRows, APathMayBeAnObjectHereAndAnArrayThere) {
  const JsonMap map = mapped({{"$", "t"}, {"$.a", "a"}});
  EXPECT_THAT(rows(map, R"({"a":{"x":1}})"), ElementsAre("t a.x=1"));
  EXPECT_THAT(rows(map, R"({"a":[{"x":1}]})"), ElementsAre("t", "a[a1] .x=1"));
  EXPECT_THAT(rows(map, R"({"a":"x"})"), ElementsAre("t .a=x"));
}

TEST(JsonRows, ADocumentMayBeAnArrayAndIsNothingIfItIsAScalar) {
  const JsonMap map = mapped({{"$", "t"}});
  EXPECT_THAT(rows(map, R"([{"x":1},2])"), ElementsAre("t[t1] .x=1", "t[t2] ==2"));
  EXPECT_THAT(rows(map, "7"), IsEmpty());
  EXPECT_THAT(rows(map, "null"), IsEmpty());
}

TEST(JsonRows, OfEqualNamesTheLastCounts) {
  const JsonMap map = mapped({{"$", "t"}, {"$.a", "a"}});
  EXPECT_THAT(rows(map, R"({"x":1,"x":2,"a":[1],"a":[2,3]})"),
              ElementsAre("t .x=2", "a[a1] ==2", "a[a2] ==3"));
  EXPECT_THAT(rows(map, R"({"x":1,"x":{},"a":{"y":1},"a":5})"), ElementsAre("t .a=5"));
}

TEST(JsonRows, PathsCountOnlyBelowMappedOnes) {
  EXPECT_THAT(
      rows(mapped({{"$.a.b", "b"}, {"$", "t"}, {"$.c", "c"}}), R"({"a":{"b":[1]},"c":[2]})"),
      ElementsAre("t", "c[c1] ==2"));
  const std::vector<catalog::JsonMapping> no_root = {{"s", "t", "c", "$.a", "a"}};
  EXPECT_FALSE(ingest::json_map(no_root));
}

TEST(JsonRows, WhatIsNoJsonIsNoDocument) {
  const JsonMap map = mapped({{"$", "t"}});
  for (const char* text : {"", "x", "{", "1,\"b\":2", "1}", "{}}", "{} {}", "1,\"$\":2",
                           "{\"a\":\"\xff\"}", "{'a':1}"}) {
    EXPECT_THAT(rows(map, text), ElementsAre("no JSON")) << text;
  }
}

// PostgreSQL's json takes both.
TEST(JsonRows, HalvesOfCharactersAndDeepNestingSpoilNoDocument) {
  const JsonMap map = mapped({{"$", "t"}});
  EXPECT_THAT(
      rows(map, R"({"a":"x\ud800","b":"\udc00\ud800","\ude00":"\ud83d\ude00","c":"\\ud800"})"),
      ElementsAre("t .a=x\xEF\xBF\xBD .b=\xEF\xBF\xBD\xEF\xBF\xBD .c=\\ud800 "
                  ".\xEF\xBF\xBD=\xF0\x9F\x98\x80"));
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  EXPECT_THAT(rows(map, R"({"a":1,"deep":)" + deep + R"(,"b":{"c":)" + deep + R"(},"d":2})"),
              ElementsAre("t .a=1 .d=2"));
}

// Also where each of the nested ones is as large as a piece.
TEST(JsonRows, LargeDocumentsMayBeNestedAsDeeplyAsTheyLike) {
  const JsonMap map = mapped({{"$", "t"}, {"$.a", "a"}});
  constexpr size_t kLevels = 50'000;
  const std::string deep = std::string(kLevels, '[') + "\"" +
                           std::string(ingest::kJsonPieceBytes, 'x') + "\"" +
                           std::string(kLevels, ']');
  EXPECT_THAT(rows(map, deep), IsEmpty());
  EXPECT_THAT(rows(map, R"({"a":[1,)" + deep + R"(,{"x":2}],"c":3})"),
              ElementsAre("t .c=3", "a[a1] ==1", "a[a3] .x=2"));
}

// The same as those of the tree of the whole.
TEST(JsonRows, OfALargeDocumentAreTakenAPieceAtATime) {
  const JsonMap map =
      mapped({{"$", "t"}, {"$.a", "a"}, {"$.a.b", "b"}, {"$.o", "o"}, {"$.o.c", "c"}});
  const std::string fill(1000, 'x');
  std::string inner;
  for (int i = 0; i < 1500; ++i)
    inner += fmt::format(R"({}[{},"{}",[[]]])", i > 0 ? " ,\n" : "", i, fill);
  std::string elements;
  for (int i = 0; i < 700; ++i) {
    elements += fmt::format(R"({}{{"x":{},"skipped":{{"a":["]{{"]}},"b":[{}],"fill":"\"\\{}"}})",
                            i > 0 ? "," : "", i, i % 300 == 0 ? inner : "1 , 2", fill);
  }
  const std::string document =
      fmt::format(R"( {{"a":[1],"\u0061":[{0}, null ,[{{"x":7}}, true]],)"
                  R"("o":{{"y":1e5,"c":[{1}],"c":[[{1}],2]}},"n":[{1}]}} )",
                  elements, inner);
  ingest::JsonParser parser;
  Shown whole;
  transform_json(map, *ingest::parse_json(parser, document), whole);
  EXPECT_GT(whole.rows.size(), 5000U);
  EXPECT_EQ(rows(map, document), whole.rows);
  for (const char* damage : {"}", ",", "]", "\"", "\\"}) {
    std::string damaged = document;
    damaged.insert(document.rfind("\"n\""), damage);
    EXPECT_THAT(rows(map, damaged), ElementsAre("no JSON")) << damage;
    damaged = document;
    damaged.insert(document.find("\"skipped\"", document.size() / 3), damage);
    EXPECT_THAT(rows(map, damaged), ElementsAre("no JSON")) << damage;
  }
  EXPECT_THAT(rows(map, document.substr(0, document.size() - 3)), ElementsAre("no JSON"));
  EXPECT_THAT(rows(map, document + '\0'), ElementsAre("no JSON"));
}

TEST(JsonNames, AreSnakeCase) {
  EXPECT_EQ(snake_case("createdDate"), "created_date");
  EXPECT_EQ(snake_case("HTMLParser"), "html_parser");
  EXPECT_EQ(snake_case("parseHTML"), "parse_html");
  EXPECT_EQ(snake_case("id2Name"), "id2_name");
  EXPECT_EQ(snake_case("A"), "a");
  EXPECT_EQ(snake_case("aB"), "a_b");
  EXPECT_EQ(snake_case("Already_Snake"), "already_snake");
  EXPECT_EQ(snake_case("#text"), "text");
  EXPECT_EQ(snake_case("@xml:id"), "xml:id");
  EXPECT_EQ(snake_case("größeMax"), "größe_max");
  EXPECT_EQ(snake_case("@"), "");
  EXPECT_EQ(snake_case(""), "");
}

struct Typed {
  const char* json;
  JsonType type;
};

TEST(JsonTypes, AreThoseOfTheValues) {
  const std::vector<Typed> cases = {
      {"true", JsonType::boolean},
      {"-1.50", JsonType::numeric},
      {"1e300", JsonType::numeric},
      {"1e200000", JsonType::text},  // no numeric holds it
      {R"("1")", JsonType::text},
      {R"("2026-01-02T03:04:05Z")", JsonType::timestamptz},
      {R"("2026-01-02T03:04:05.678+0230")", JsonType::timestamptz},
      {R"("2026-01-02 03:04")", JsonType::timestamp},
      {R"("2026-01-02")", JsonType::text},
      {R"("2026-02-30T03:04:05Z")", JsonType::text},
  };
  ingest::JsonParser parser;
  for (const Typed& each : cases)
    EXPECT_EQ(json_type(*ingest::parse_json(parser, each.json)), each.type) << each.json;
  for (const char* none : {"null", "{}", "[]"})
    EXPECT_EQ(json_type(*ingest::parse_json(parser, none)), std::nullopt);
}

TEST(JsonTypes, TimesAreThoseThatPostgresqlReads) {
  TestDatabase database;
  catalog::Connection connection = database.connect();
  connection.exec("SET TimeZone = 'Asia/Tokyo'");
  for (const char* text :
       {"2026-01-02T03:04:05Z", "2026-01-02t03:04:05z", "2026-01-02 03:04:05.123456+00",
        "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999-15:59", "2024-02-29T00:00:00+05:30",
        "1969-12-31T23:59:59.5Z", "2026-01-02T03:04Z", "2026-01-02T03:04:05.1200000000+01"}) {
    const auto time = iso_time(text);
    ASSERT_TRUE(time) << text;
    EXPECT_TRUE(time->has_zone) << text;
    EXPECT_EQ(
        connection.exec("SELECT (extract(epoch FROM $1::timestamptz) * 1000000)::bigint", {text})
            .int64(0, 0),
        time->us)
        << text;
  }
  for (const char* text :
       {"2026-01-02T03:04:05", "2026-01-02 03:04", "1999-12-31T23:59:59.000001"}) {
    const auto time = iso_time(text);
    ASSERT_TRUE(time) << text;
    EXPECT_FALSE(time->has_zone) << text;
    EXPECT_EQ(
        connection.exec("SELECT (extract(epoch FROM $1::timestamp) * 1000000)::bigint", {text})
            .int64(0, 0),
        time->us)
        << text;
  }
}

TEST(JsonTypes, TimesThatWouldBecomeOthersAreTexts) {
  for (const char* text :
       {"", "2026-01-02", "2026-01-02T", "2026-01-02T24:00:00Z", "2026-01-02T03:04:60Z",
        "2026-01-02T03:04:05.1234567Z", "2026-01-02T03:04.5", "2026-01-02T03:04.5Z",
        "2026-01-02T03:04:05.Z", "0000-01-01T00:00:00Z", "2026-13-01T00:00:00Z",
        "2025-02-29T00:00:00Z", "2026-01-02T03:04:05+16:00", "2026-01-02T03:04:05Zx",
        "2026-01-02T03:04:05 UTC", "20260102T030405Z", "-2026-01-02T03:04:05Z",
        "2026-01-02T3:04:05Z"}) {
    EXPECT_FALSE(iso_time(text)) << text;
  }
}

TEST(JsonTypes, TextsHaveNoNul) {
  ingest::JsonParser parser;
  std::string out;
  append_json_cell(out, *ingest::parse_json(parser, R"("a\u0000b")"), JsonType::text);
  EXPECT_EQ(out.substr(4),
            "a\xEF\xBF\xBD"
            "b");
}

}  // namespace
}  // namespace metadb::tests
