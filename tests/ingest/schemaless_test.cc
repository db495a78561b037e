// Events without schemas (schemas.enable=false).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "ingest/numeric.h"
#include "ingest/schemaless_types.h"
#include "tests/ingest/decoding.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
using ingest::Change;
using ingest::ColumnType;
using ingest::DecodeError;
using ingest::Decoder;
using ingest::JsonParser;
using testing::ElementsAre;

const std::string kBareKey = R"({"id":1})";

std::string numeric_cell(std::string_view number) {
  std::string out;
  ingest::append_numeric_cell(out, number);
  return out;
}

std::vector<std::pair<std::string, PgType>> columns_of(const Change& change) {
  std::vector<std::pair<std::string, PgType>> out;
  for (const auto& column : change.schema->columns) out.emplace_back(column.name, column.type);
  return out;
}

std::string bare(const std::string& after, const std::string& op = "c") {
  return envelope_json({.op = op, .after = after});
}

// A decoder for which the table has these columns.
Decoder decoder_knowing(const std::map<std::string, PgType, std::less<>>& columns) {
  ingest::DecoderOptions options;
  options.known_type = [columns](const ingest::EventTable&,
                                 std::string_view column) -> std::optional<ingest::KnownColumn> {
    const auto found = columns.find(column);
    if (found == columns.end()) return std::nullopt;
    return ingest::KnownColumn{found->second};
  };
  return Decoder(options);
}

TEST(Schemaless, NewColumnsAreTextNumericOrBoolean) {
  const Change change = change_of(
      &kBareKey,
      bare(R"({"id":1,"n":12345678901234567890.50,"t":"a","b":true,"o":{"x": 1},"l":[1, null]})"));
  EXPECT_EQ(columns_of(change),
            (std::vector<std::pair<std::string, PgType>>{{"id", PgType::numeric},
                                                         {"n", PgType::numeric},
                                                         {"t", PgType::text},
                                                         {"b", PgType::boolean},
                                                         {"o", PgType::text},
                                                         {"l", PgType::text}}));
  EXPECT_THAT(change.schema->key, ElementsAre(0));
  EXPECT_EQ(change.row.fields, numeric_cell("1") + numeric_cell("12345678901234567890.50") +
                                   cell("a") + cell("\1") + cell(R"({"x": 1})") +
                                   cell("[1, null]"));
}

TEST(Schemaless, AColumnHasNoTypeBeforeItHasAValue) {
  Decoder decoder;
  const Change first = change_of(decoder, &kBareKey, bare(R"({"id":1,"a":null})"));
  EXPECT_EQ(first.schema->columns.size(), 1U);
  const Change second = change_of(decoder, &kBareKey, bare(R"({"id":1,"a":7})"));
  EXPECT_EQ(second.row.fields, numeric_cell("1") + numeric_cell("7"));
  const Change third = change_of(decoder, &kBareKey, bare(R"({"id":1,"a":null})"));
  EXPECT_EQ(third.schema, second.schema);
  EXPECT_EQ(third.row.fields, numeric_cell("1") + kNull);
  const Change dropped = change_of(decoder, &kBareKey, bare(R"({"id":1})"));
  EXPECT_EQ(dropped.row.fields, third.row.fields);
}

TEST(Schemaless, ARowOfNullsStillHasAColumn) {
  const Change change = change_of(nullptr, bare(R"({"a":null,"b":null})"));
  EXPECT_EQ(columns_of(change), (std::vector<std::pair<std::string, PgType>>{{"a", PgType::text}}));
  EXPECT_EQ(change.row.fields, kNull);
}

TEST(Schemaless, AColumnOfSeveralKindsIsTextWithAllThatWasSent) {
  Decoder decoder;
  change_of(decoder, &kBareKey, bare(R"({"id":1,"a":7,"b":true})"));
  const Change change = change_of(decoder, &kBareKey, bare(R"({"id":1,"a":"x","b":1.50})"));
  EXPECT_EQ(columns_of(change),
            (std::vector<std::pair<std::string, PgType>>{
                {"id", PgType::numeric}, {"a", PgType::text}, {"b", PgType::text}}));
  EXPECT_EQ(change.row.fields, numeric_cell("1") + cell("x") + cell("1.50"));
}

TEST(Schemaless, FloatsThatAreNoNumbersStayWithTheOthers) {
  Decoder decoder;
  change_of(decoder, &kBareKey, bare(R"({"id":1,"a":0.5})"));
  const Change change = change_of(decoder, &kBareKey, bare(R"({"id":1,"a":"NaN"})"));
  EXPECT_EQ(change.schema->columns[1].type, PgType::numeric);
}

TEST(Schemaless, TheKeyIsThatOfTheRecord) {
  const std::string key = R"({"b":"x","a":1})";
  const Change change = change_of(&key, bare(R"({"a":1,"b":"x","c":true})"));
  EXPECT_EQ(columns_of(change),
            (std::vector<std::pair<std::string, PgType>>{
                {"b", PgType::text}, {"a", PgType::numeric}, {"c", PgType::boolean}}));
  EXPECT_THAT(change.schema->key, ElementsAre(0, 1));
  const std::string routed = R"({"id":1,"__dbz__physicalTableIdentifier":"srv.public.t"})";
  EXPECT_THAT(change_of(&routed, bare(R"({"id":1})")).schema->key, ElementsAre(0));
  EXPECT_TRUE(change_of(nullptr, bare(R"({"id":1})")).schema->key.empty());
}

TEST(Schemaless, ADeleteNeedsTheKeyAlone) {
  const std::string before = R"({"id":1,"name":"","n":0})";
  Decoder decoder;
  const Change change = change_of(decoder, &kBareKey, envelope_json({.op = "d", .before = before}));
  EXPECT_EQ(change.op, ingest::Op::remove);
  EXPECT_EQ(columns_of(change),
            (std::vector<std::pair<std::string, PgType>>{{"id", PgType::numeric}}));
  EXPECT_EQ(change.row.fields, numeric_cell("1"));
  EXPECT_FALSE(change.before);
}

TEST(Schemaless, RowsWithoutKeyHaveTheirOldRow) {
  const Change change = change_of(
      nullptr, envelope_json({.op = "u", .before = R"({"a":1})", .after = R"({"a":1,"b":"x"})"}));
  ASSERT_TRUE(change.before);
  EXPECT_EQ(change.before->fields, numeric_cell("1") + kNull);
  EXPECT_EQ(change.row.fields, numeric_cell("1") + cell("x"));
}

TEST(Schemaless, EachSideMayHaveItsOwnFormat) {
  const std::string with_schema = change_json(kRow, {.after = kAnne});
  EXPECT_EQ(change_of(&kBareKey, with_schema).row.fields, kAnneCells);
  EXPECT_EQ(change_of(&kBareKey, change_json(kRow, {.op = "d"})).row.fields,
            int_cell(1) + kNull + kNull + kNull);
  EXPECT_EQ(change_of(&kKey1, bare(R"({"id":1})")).row.fields, numeric_cell("1"));
  EXPECT_EQ(change_of(&kKey1, envelope_json({.op = "d", .before = R"({"id":1})"})).row.fields,
            numeric_cell("1"));
  const std::string null_schema = R"({"schema":null,"payload":)" + bare(R"({"id":1})") + "}";
  EXPECT_EQ(change_of(&kBareKey, null_schema).row.fields, numeric_cell("1"));
}

TEST(Schemaless, UnavailableValuesAreKnown) {
  for (const std::string& marker :
       {kMarker, std::string(R"("X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==")"), "[" + kMarker + "]",
        "{" + kMarker + ":" + kMarker + "}"}) {
    Decoder decoder;
    const Change change =
        change_of(decoder, &kBareKey, bare(R"({"id":1,"a":)" + marker + "}", "u"));
    EXPECT_THAT(change.row.unavailable, ElementsAre(1)) << marker;
    EXPECT_EQ(change.row.fields, numeric_cell("1") + kNull) << marker;
    EXPECT_TRUE(
        change_of(&kBareKey, bare(R"({"id":1,"a":)" + marker + "}")).row.unavailable.empty())
        << marker;
  }
}

TEST(Schemaless, TypesAreThoseOfTheTable) {
  Decoder decoder = decoder_knowing({{"id", PgType::int4},
                                     {"u", PgType::uuid},
                                     {"d", PgType::date},
                                     {"z", PgType::timestamptz},
                                     {"x", PgType::bytea},
                                     {"a", PgType::int4_array}});
  const Change change =
      change_of(decoder, &kBareKey,
                bare(R"({"id":1,"u":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","d":17109,)"
                     R"("z":"2016-11-04T13:51:30.123456Z","x":"AQID","a":[1,null],"new":1})"));
  EXPECT_EQ(columns_of(change),
            (std::vector<std::pair<std::string, PgType>>{{"id", PgType::int4},
                                                         {"u", PgType::uuid},
                                                         {"d", PgType::date},
                                                         {"z", PgType::timestamptz},
                                                         {"x", PgType::bytea},
                                                         {"a", PgType::int4_array},
                                                         {"new", PgType::numeric}}));
  EXPECT_EQ(change.row.fields.substr(0, 8), int_cell(1));
  EXPECT_NE(change.row.fields.find(cell("\1\2\3")), std::string::npos);
}

struct Doubtful {
  PgType known;
  std::string value;
  PgType becomes;
};

class SchemalessDoubt : public testing::TestWithParam<Doubtful> {};

TEST_P(SchemalessDoubt, GivesTheWiderType) {
  Decoder decoder = decoder_knowing({{"a", GetParam().known}});
  const Change change =
      change_of(decoder, &kBareKey, bare(R"({"id":1,"a":)" + GetParam().value + "}"));
  EXPECT_EQ(change.schema->columns[1].type, GetParam().becomes) << GetParam().value;
}

const std::vector<Doubtful> kDoubtful = {
    {PgType::int2, "32768", PgType::numeric},
    {PgType::int4, "1.5", PgType::numeric},
    {PgType::int8, "9223372036854775808", PgType::numeric},
    {PgType::int4, R"("1")", PgType::text},
    {PgType::int8, "9223372036854775807", PgType::int8},
    {PgType::float8, "0.1", PgType::float8},
    {PgType::float8, "0.30000000000000004", PgType::float8},
    {PgType::float8, "1.0E300", PgType::float8},
    {PgType::float8, "0.12345678901234567890", PgType::numeric},
    {PgType::float8, "9007199254740993", PgType::numeric},
    {PgType::float8, R"("-Infinity")", PgType::float8},
    {PgType::float4, "3.3", PgType::float4},
    {PgType::float4, "3.4028235E38", PgType::float4},
    {PgType::float4, "16777217", PgType::numeric},
    {PgType::numeric, R"("1234")", PgType::text},
    {PgType::numeric, R"({"scale":2,"value":"MDk="})", PgType::numeric},
    {PgType::boolean, "1", PgType::text},
    {PgType::timestamp, "1529507596945104", PgType::text},
    {PgType::timestamp, R"("2019-07-09T02:28:57.123456Z")", PgType::timestamp},
    {PgType::time, "14706000000", PgType::text},
    {PgType::time, R"("04:05:11.789Z")", PgType::time},
    {PgType::date, R"("2017-09-15Z")", PgType::date},
    {PgType::date, R"("soon")", PgType::text},
    {PgType::interval, R"("P1Y2M3DT4H5M6.78S")", PgType::interval},
    {PgType::interval, "37091106780000", PgType::interval},
    {PgType::uuid, R"("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")", PgType::text},
    {PgType::bytea, R"("no base64!")", PgType::text},
    {PgType::varbit, R"("AQID")", PgType::text},
    {PgType::float4, "1.2345678e60", PgType::numeric},
    {PgType::float4, "1.2345678e-60", PgType::numeric},
    {PgType::float8, "1.2345678901234567e400", PgType::numeric},
    {PgType::float8, "-1.2345678901234567e-400", PgType::numeric},
    {PgType::json, R"("{\"a\": 1}")", PgType::text},  // which the column takes all the same
    {PgType::json, R"({"a":"1"})", PgType::text},
    {PgType::inet, R"("10.0.0.0/8")", PgType::inet},
    {PgType::inet, R"("nowhere")", PgType::text},
    {PgType::int4range, "\"[1,5)\"", PgType::int4range},
    {PgType::point, R"({"x":1.0,"y":1.5,"wkb":"AQ==","srid":null})", PgType::point},
    {PgType::box, R"({"x":1.0,"y":1.5})", PgType::text},
    {PgType::bytea, R"({"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":4326})", PgType::bytea},
    {PgType::bytea, R"({"a":1})", PgType::text},
    {PgType::jsonb, R"({"a":null})", PgType::jsonb},
    {PgType::jsonb, R"("{\"a\":1}")", PgType::jsonb},
    {PgType::jsonb, R"(" [1, \"\\u00e9\", null] ")", PgType::jsonb},
    {PgType::jsonb, R"("7")", PgType::jsonb},
    {PgType::jsonb, R"("abc")", PgType::text},
    {PgType::jsonb, R"("")", PgType::text},
    {PgType::jsonb, R"("1,\"w\":2")", PgType::text},
    {PgType::jsonb, R"("[\"\\u0000\"]")", PgType::text},
    {PgType::jsonb, R"("{\"\\u0000\":1}")", PgType::text},
    {PgType::jsonb, R"({"a":"\u0000"})", PgType::text},
    {PgType::jsonb, R"("1e999999")", PgType::text},
    {PgType::text_array, R"(["a",null])", PgType::text_array},
    {PgType::int4_array, R"([1,"a"])", PgType::text},
    {PgType::int4_array, R"("x")", PgType::text}};

INSTANTIATE_TEST_SUITE_P(Values, SchemalessDoubt, testing::ValuesIn(kDoubtful));

// Whatever stands in a message: no type refuses it, and what it ends as is a column's type.
TEST(Schemaless, EveryTypeTakesEveryValue) {
  for (const catalog::PgTypeRow& row : catalog::pg_types()) {
    for (const std::string value :
         {"null", "true", "7", "1e400", "1.2345678e60", "1.2345678901234567e-400", R"("x")",
          R"("")", R"("{}")", "[]", "[1,[2]]", "[1.2345678901234567e400]", R"(["a"])", "{}",
          R"({"scale":1})"}) {
      Decoder decoder = decoder_knowing({{"a", row.type}});
      EXPECT_NO_THROW(change_of(decoder, &kBareKey, bare(R"({"id":1,"a":)" + value + "}")))
          << row.name << " " << value;
    }
  }
}

TEST(Schemaless, DamageIsTold) {
  EXPECT_EQ(reason_of(&kBareKey, bare(R"({"id":1,"id":2})")), "column \"id\" appears twice");
  const std::string twice = R"({"id":1,"id":2})";
  EXPECT_EQ(reason_of(&twice, bare(R"({"id":1})")), "field \"id\" appears twice");
  EXPECT_EQ(reason_of(&kBareKey, bare(R"({"id":1,"a\u0000b":2})")),
            "name of a field holds the character U+0000");
}

}  // namespace
}  // namespace metadb::tests
