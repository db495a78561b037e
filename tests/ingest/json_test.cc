#include "ingest/json.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ingest/debezium_error.h"

namespace metadb::tests {
namespace {

using ingest::DecodeError;
using ingest::JsonKind;
using ingest::JsonNode;
using ingest::JsonParser;

TEST(Json, KeepsTokensAndRawText) {
  JsonParser parser;
  const JsonNode& root = parser.parse_object(
      R"( {"int":9007199254740993,"num":-1.50E+3 , "t":true,"n":null,"s":"a\"b\u00e9","o":{"x" : [1, {}]},"a":[ ]} )");
  EXPECT_EQ(root.kind, JsonKind::object);
  EXPECT_EQ(root.member("int")->text, "9007199254740993");
  EXPECT_EQ(root.member("num")->text, "-1.50E+3");
  EXPECT_EQ(root.member("t")->kind, JsonKind::boolean);
  EXPECT_EQ(root.member("t")->text, "true");
  EXPECT_TRUE(root.member("n")->is_null());
  EXPECT_EQ(root.member("s")->text, "a\"b\xc3\xa9");
  EXPECT_EQ(root.member("o")->text, R"({"x" : [1, {}]})");
  EXPECT_EQ(root.member("o")->member("x")->begin()->text, "1");
  EXPECT_EQ(root.member("a")->text, "[ ]");
  EXPECT_EQ(root.member("a")->begin(), root.member("a")->end());
  EXPECT_EQ(root.member("missing"), nullptr);
  EXPECT_EQ(root.size, 11U);
}

TEST(Json, KeepsNumbersThatNoDoubleHolds) {
  JsonParser parser;
  const std::string digits(400, '7');
  EXPECT_EQ(parser.parse_object(R"({"n":)" + digits + "}").member("n")->text, digits);
  EXPECT_EQ(parser.parse_object(R"({"n":1e9999})").member("n")->text, "1e9999");
}

TEST(Json, RefusesWhatIsNotOneObject) {
  JsonParser parser;
  for (const std::string text : {"",
                                 " ",
                                 "null",
                                 "[]",
                                 "1",
                                 "{",
                                 "}",
                                 "{}}",
                                 "{} {}",
                                 "{}x",
                                 R"({"a"})",
                                 R"({"a":})",
                                 R"({"a":1,})",
                                 R"({"a":01})",
                                 R"({"a":1.})",
                                 R"({"a":+1})",
                                 R"({"a":.5})",
                                 R"({"a":1e})",
                                 R"({"a":12abc})",
                                 R"({"a":nul})",
                                 R"({"a":nullx})",
                                 R"({"a":truex})",
                                 R"({"a":tru})",
                                 R"({"a":"x)",
                                 R"({"a":"\x"})",
                                 R"({"a":"\u12"})",
                                 R"({"a":"\ud800"})",
                                 R"({"a":"\udc00"})",
                                 R"({"\ud800":1})",
                                 R"({"a":[1,]})",
                                 R"({"a":[1 2]})",
                                 R"({"a":[1})",
                                 R"({"a":[1]]})",
                                 R"({a:1})",
                                 R"({"a":1 "b":2})",
                                 "{\"a\":\"\n\"}",
                                 "{\"a\":\"\xc0\x80\"}",
                                 "{\"a\":\"\xff\"}",
                                 R"({"a":NaN})"}) {
    EXPECT_THROW(parser.parse_object(text), DecodeError) << text;
  }
  EXPECT_EQ(parser.parse_object("{}").size, 1U);
}

TEST(Json, LimitsNesting) {
  JsonParser parser;
  const auto nested = [](size_t depth) {
    return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_EQ(parser.parse_object(nested(JsonParser::kDepthMax - 1)).kind, JsonKind::object);
  EXPECT_THROW(parser.parse_object(nested(JsonParser::kDepthMax)), DecodeError);
  EXPECT_THROW(parser.parse_object(nested(50000)), DecodeError);
}

TEST(Json, ReadsLongDocumentsAfterShortOnes) {
  JsonParser parser;
  const std::string text(9 << 20, 'x');
  for (int round = 0; round < 2; round++) {
    EXPECT_EQ(parser.parse_object(R"({"a":"short"})").member("a")->text, "short");
    EXPECT_EQ(parser.parse_object(R"({"a":")" + text + R"("})").member("a")->text, text);
  }
}

TEST(Json, FindsThePayloadBehindAKnownSchema) {
  using ingest::payload_after_known_schema;
  EXPECT_EQ(payload_after_known_schema(R"({"schema":{"s":1},"payload":{"p":2}})", R"({"s":1})"),
            R"({"p":2})");
  EXPECT_EQ(payload_after_known_schema(R"({"schema":{"s":2},"payload":{"p":2}})", R"({"s":1})"),
            "");
  EXPECT_EQ(payload_after_known_schema(R"({"schema":{"s":1}, "payload":{"p":2}})", R"({"s":1})"),
            "");
  EXPECT_EQ(payload_after_known_schema(R"({"schema":{"s":1},"payload":{"p":2})", R"({"s":1})"),
            R"({"p":2)");
  EXPECT_EQ(payload_after_known_schema(R"({"schema":{"s":1},"payload":)", R"({"s":1})"), "");
  EXPECT_EQ(payload_after_known_schema("", R"({"s":1})"), "");
}

}  // namespace
}  // namespace metadb::tests
