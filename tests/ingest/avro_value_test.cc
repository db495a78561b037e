// Values in Avro's binary encoding as trees.
#include "ingest/avro_value.h"

#include <gtest/gtest.h>

#include "ingest/debezium_error.h"
#include "ingest/json_text.h"
#include "tests/ingest/avro_encoder.h"

namespace metadb::tests {
namespace {

using ingest::AvroReader;
using ingest::AvroSchema;
using ingest::DecodeError;

std::string bytes_of(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}

std::string read(const std::string& schema, const std::string& bytes) {
  AvroReader reader;
  std::string out;
  try {
    append_json(out, reader.read(std::make_shared<AvroSchema>(schema), bytes));
  } catch (const DecodeError& error) {
    EXPECT_EQ(error.sqlstate.substr(0, 2), "22");
    return error.what();
  }
  return out;
}

TEST(AvroValue, ReadsNumbers) {
  EXPECT_EQ(read(R"("long")", bytes_of({0})), "0");
  EXPECT_EQ(read(R"("long")", bytes_of({1})), "-1");
  EXPECT_EQ(read(R"("long")", bytes_of({0x80, 1})), "64");
  const std::string most = bytes_of({0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1});
  const std::string least = bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1});
  EXPECT_EQ(read(R"("long")", most), "9223372036854775807");
  EXPECT_EQ(read(R"("long")", least), "-9223372036854775808");
  EXPECT_EQ(read(R"("int")", bytes_of({0xff, 0xff, 0xff, 0xff, 0xf})), "-2147483648");
  EXPECT_EQ(read(R"("int")", bytes_of({0x80, 0x80, 0x80, 0x80, 0x10})),
            "not valid Avro: an int of more than 32 bits");
  EXPECT_EQ(read(R"("long")", std::string(9, '\xff') + '\2'),
            "not valid Avro: a number of more than 64 bits");
  EXPECT_EQ(read(R"("long")", std::string(20, '\x80')),
            "not valid Avro: a number of more than 64 bits");
}

TEST(AvroValue, WritesFloatsAsJavaDoes) {
  const auto shown = [](auto number) {
    char text[ingest::kFloatingMax];
    return std::string(text, ingest::write_floating(text, number));
  };
  EXPECT_EQ(shown(0.0), "0.0");
  EXPECT_EQ(shown(-0.0), "-0.0");
  EXPECT_EQ(shown(1.0), "1.0");
  EXPECT_EQ(shown(0.001), "0.001");
  EXPECT_EQ(shown(0.00012), "1.2E-4");
  EXPECT_EQ(shown(123456.5), "123456.5");
  EXPECT_EQ(shown(9999999.0), "9999999.0");
  EXPECT_EQ(shown(1e7), "1.0E7");
  EXPECT_EQ(shown(-1.5e300), "-1.5E300");
  EXPECT_EQ(shown(-1.7976931348623157e308), "-1.7976931348623157E308");
  EXPECT_EQ(shown(2.2250738585072014e-308), "2.2250738585072014E-308");
  EXPECT_EQ(shown(3.3F), "3.3");
  EXPECT_EQ(shown(3.4028235e38F), "3.4028235E38");
  EXPECT_EQ(read(R"("float")", bytes_of({0, 0, 0xc0, 0x7f})), R"("NaN")");
  EXPECT_EQ(read(R"("double")", bytes_of({0, 0, 0, 0, 0, 0, 0xf0, 0xff})), R"("-Infinity")");
}

TEST(AvroValue, ReadsTextsAndBytes) {
  EXPECT_EQ(read(R"("string")", bytes_of({4, 'a', '"'})), R"("a\"")");
  EXPECT_EQ(read(R"("bytes")", bytes_of({6, 1, 2, 3})), R"("AQID")");
  EXPECT_EQ(read(R"({"type":"fixed","name":"F","size":3})", bytes_of({1, 2, 3})), R"("AQID")");
  EXPECT_EQ(read(R"({"type":"enum","name":"E","symbols":["a","b"]})", bytes_of({2})), R"("b")");
  EXPECT_EQ(read(R"("boolean")", bytes_of({1})), "true");
  EXPECT_EQ(read(R"("null")", ""), "null");
  EXPECT_EQ(read(R"("string")", bytes_of({2, 0xff})), "not valid UTF-8");
  EXPECT_EQ(read(R"("string")", bytes_of({4, 'a'})), "not valid Avro: ends within a text");
  EXPECT_EQ(read(R"("string")", bytes_of({1})), "not valid Avro: a negative length");
  EXPECT_EQ(read(R"("boolean")", bytes_of({2})),
            "not valid Avro: a boolean that is neither 0 nor 1");
  EXPECT_EQ(read(R"({"type":"enum","name":"E","symbols":["a"]})", bytes_of({2})),
            "not valid Avro: an enum that is none of its symbols");
}

TEST(AvroValue, ReadsWhatIsMadeOfOthers) {
  const std::string list = R"({"type":"array","items":["null","int"]})";
  EXPECT_EQ(read(list, bytes_of({0})), "[]");
  EXPECT_EQ(read(list, bytes_of({4, 2, 2, 0, 3, 6, 2, 4, 2, 6, 0})), "[1,null,2,3]");
  EXPECT_EQ(read(R"({"type":"map","values":"int"})", bytes_of({2, 2, 'k', 4, 0})), R"({"k":2})");
  EXPECT_EQ(read(R"({"type":"array","items":{"type":"record","name":"MapEntry","fields":[)"
                 R"({"name":"key","type":"int"},{"name":"value","type":"int"}]}})",
                 bytes_of({2, 2, 4, 0})),
            "[[1,2]]");
  EXPECT_EQ(read(R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},)"
                 R"({"name":"b","type":["null","string","int"]}]})",
                 bytes_of({2, 4, 6})),
            R"({"a":1,"b":{"int":3}})");
  EXPECT_EQ(read(R"(["null","int"])", bytes_of({4, 2})),
            "not valid Avro: a union that is none of its branches");
  EXPECT_EQ(read(list, bytes_of({0, 0})), "not valid Avro: 1 bytes after the end of the value");
}

TEST(AvroValue, IsNoLargerThanItsBytesLet) {
  std::string many;
  append_long(many, int64_t{1} << 60);
  EXPECT_EQ(read(R"({"type":"array","items":"null"})", many),
            "not valid Avro: more values than bytes");
  EXPECT_EQ(read(R"({"type":"array","items":"int"})", many),
            "not valid Avro: ends within a number");
  std::string least;
  append_long(least, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(read(R"({"type":"array","items":"int"})", least),
            "not valid Avro: a block of too many items");
  std::string sized;
  append_long(sized, -1);
  append_long(sized, 100);
  EXPECT_EQ(read(R"({"type":"array","items":"int"})", sized),
            "not valid Avro: ends within a block");
}

TEST(AvroValue, KeepsItsViewsWhileManyAreRead) {
  std::string bytes;
  append_long(bytes, 100'000);
  for (int i = 0; i < 100'000; ++i) append_long(bytes, i);
  append_long(bytes, 0);
  AvroReader reader;
  const auto schema = std::make_shared<AvroSchema>(R"({"type":"array","items":"int"})");
  for (int turn = 0; turn < 2; ++turn) {
    const JsonNode& list = reader.read(schema, bytes);
    ASSERT_EQ(list.size, 100'001U);
    int expected = 0;
    for (const JsonNode* item = list.begin(); item != list.end(); item = item->next()) {
      ASSERT_EQ(item->text, std::to_string(expected++));
    }
  }
}

}  // namespace
}  // namespace metadb::tests
