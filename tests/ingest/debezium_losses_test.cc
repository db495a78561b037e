#include "ingest/debezium_losses.h"

#include <gtest/gtest.h>

#include "ingest/debezium_schema.h"
#include "tests/ingest/decoding.h"
#include "tests/ingest/heard_log.h"

namespace metadb::tests {
namespace {

using ingest::Decoder;
using ingest::FieldSchema;
using ingest::Loss;
using Losses = std::vector<Loss>;

Losses losses(FieldSchema field) {
  return ingest::losses_of(field);
}

TEST(Losses, AreToldBySchemaAlone) {
  EXPECT_EQ(losses({.type = "int32"}), Losses{});
  EXPECT_EQ(losses({.type = "int32", .is_optional = true}), Losses{});
  EXPECT_EQ(losses({.type = "int32", .has_default = true}), Losses{});
  EXPECT_EQ(losses({.type = "int32", .is_optional = true, .has_default = true}),
            Losses{Loss::null_as_default});
  EXPECT_EQ(losses({.type = "double", .source_type = "FLOAT8"}), Losses{});
  for (const char* type : {"NUMERIC", "MONEY", "DECIMAL UNSIGNED", "DECIMAL UNSIGNED ZEROFILL",
                           "NUMERIC() IDENTITY", "NUMBER", "NUMBER(10,2)", "SMALLMONEY"}) {
    EXPECT_EQ(losses({.type = "double", .source_type = type}), Losses{Loss::rounded_decimal})
        << type;
  }
  for (const char* type : {"DOUBLE", "FLOAT UNSIGNED", "NUMBER_LIKE", "MONEYS"})
    EXPECT_EQ(losses({.type = "double", .source_type = type}), Losses{}) << type;
  EXPECT_EQ(losses({.type = "int64", .semantic = "io.debezium.time.MicroDuration"}),
            Losses{Loss::interval_in_micros});
  EXPECT_EQ(losses({.type = "string", .source_type = "BYTEA"}), Losses{Loss::bytes_as_text});
  EXPECT_EQ(losses({.type = "hex", .source_type = "BYTEA"}), Losses{});
  EXPECT_EQ(losses({.type = "base64", .source_type = "BYTEA"}), Losses{Loss::null_as_unchanged});
  for (const char* type : {"TSQUERY", "XID8", "INT4MULTIRANGE"})
    EXPECT_EQ(losses({.type = "string", .source_type = type}), Losses{Loss::bytes_as_text}) << type;
  for (const char* type : {"TEXT", "ISBN", "INET", "MOOD"})
    EXPECT_EQ(losses({.type = "string", .source_type = type}), Losses{}) << type;
  EXPECT_EQ(
      losses(
          {.type = "string", .semantic = "io.debezium.data.Tsvector", .source_type = "TSVECTOR"}),
      Losses{});
  EXPECT_EQ(losses({.type = "int64", .semantic = "org.apache.kafka.connect.data.Timestamp"}),
            Losses{Loss::time_in_millis});
}

TEST(Losses, OfTimesAndBitsAreToldBySchemaAlone) {
  EXPECT_EQ(losses({.type = "int64", .semantic = "io.debezium.time.NanoTimestamp"}),
            Losses{Loss::nanosecond_range});
  EXPECT_EQ(losses({.type = "int64", .semantic = "io.debezium.time.MicroTimestamp"}), Losses{});
  EXPECT_EQ(losses({.type = "string", .semantic = "io.debezium.time.ZonedTime"}),
            Losses{Loss::zone_dropped});
  EXPECT_EQ(losses({.type = "struct", .semantic = "io.debezium.time.StructuredZonedTime"}),
            Losses{});
  FieldSchema bits{.type = "bytes", .semantic = "io.debezium.data.Bits", .length = 24};
  EXPECT_EQ(losses(bits), Losses{});
  bits.source_type = "VARBIT";
  EXPECT_EQ(losses(bits), Losses{Loss::leading_zeros});
  bits.source_type = "BIT";  // MySQL's are called so as well
  EXPECT_EQ(losses(bits), Losses{});
  bits.source_type = "MASK";
  EXPECT_EQ(losses(bits), Losses{Loss::filled_up});
}

TEST(Losses, OfUnchangedValuesAreToldOfTypesWithoutPlaceholder) {
  const auto array_of = [](const std::string& type, const std::string& semantic = "") {
    return FieldSchema{.type = "array",
                       .items = std::make_shared<const FieldSchema>(
                           FieldSchema{.type = type, .semantic = semantic})};
  };
  const Losses unchanged{Loss::null_as_unchanged};
  EXPECT_EQ(losses({.type = "struct", .semantic = "io.debezium.data.geometry.Geometry"}),
            unchanged);
  EXPECT_EQ(losses({.type = "struct", .semantic = "io.debezium.data.geometry.Point"}), Losses{});
  EXPECT_EQ(losses({.type = "array", .semantic = "io.debezium.data.DoubleVector"}), unchanged);
  EXPECT_EQ(losses(array_of("double")), unchanged);
  EXPECT_EQ(losses(array_of("bytes", "org.apache.kafka.connect.data.Decimal")), unchanged);
  EXPECT_EQ(losses(array_of("int32")), Losses{});
  EXPECT_EQ(losses(array_of("int32", "io.debezium.time.Date")), Losses{});
  EXPECT_EQ(losses(array_of("string", "io.debezium.data.Uuid")), Losses{});
  EXPECT_EQ(losses(array_of("string", "io.debezium.data.Enum")), unchanged);
  EXPECT_EQ(losses(array_of("int16")), unchanged);
  EXPECT_EQ(losses({.type = "struct", .semantic = "io.debezium.data.SparseVector"}), unchanged);
  EXPECT_EQ(losses({.type = "struct", .semantic = "io.debezium.data.VariableScaleDecimal"}),
            unchanged);
  EXPECT_EQ(losses({.type = "bytes", .semantic = "org.apache.kafka.connect.data.Decimal"}),
            Losses{});
  for (const int64_t length : {0LL, 16'001LL, 2'147'483'647LL}) {
    EXPECT_EQ(losses({.type = "bytes", .semantic = "io.debezium.data.Bits", .length = length}),
              unchanged);
  }
}

TEST(Losses, OfUnchangedArraysOfStringsAreToldByTheSourcesType) {
  const auto array_of = [](const std::string& array_type, const std::string& item_type) {
    return FieldSchema{.type = "array",
                       .source_type = array_type,
                       .items = std::make_shared<const FieldSchema>(
                           FieldSchema{.type = "string", .source_type = item_type})};
  };
  EXPECT_EQ(losses(array_of("", "")), Losses{});
  for (const char* type : {"_TEXT", "_VARCHAR", "_BPCHAR"})
    EXPECT_EQ(losses(array_of(type, "")), Losses{}) << type;
  EXPECT_EQ(losses(array_of("", "TEXT")), Losses{});
  for (const char* type : {"_INET", "_CIDR", "_MACADDR", "_CITEXT", "_INT4RANGE", "_NUMERIC"})
    EXPECT_EQ(losses(array_of(type, "")), Losses{Loss::null_as_unchanged}) << type;
  EXPECT_EQ(losses(array_of("", "INET")), Losses{Loss::null_as_unchanged});
}

TEST(Losses, AreToldOnceForATableWithItsColumnsAndTheSetting) {
  const std::vector<TestField> fields = {
      {"id", "int32", "", ""},
      {"price", "double", "", R"({"__debezium.source.column.type":"NUMERIC"})"},
      {"total", "double", "", R"({"__debezium.source.column.type":"NUMERIC"})"},
      {"span", "int64", "io.debezium.time.MicroDuration", ""}};
  const std::string row = R"({"id":1,"price":1.5,"total":2.5,"span":1})";
  const HeardLog log;
  Decoder decoder;
  for (int i = 0; i < 3; ++i) change_of(decoder, &kKey1, change_json(fields, {.after = row}));
  EXPECT_EQ(log.text(),
            "warning table shop.public.t: price, total arrives rounded to a double; set "
            "decimal.handling.mode=precise in the connector\n"
            "warning table shop.public.t: an interval in span arrives as microseconds, its months "
            "as 30.4375 days each; set interval.handling.mode=string in the connector\n");
}

TEST(Losses, OfReplacedCharactersAreToldOfArraysToo) {
  const std::string text = R"({"type":"string","optional":true})";
  const std::vector<TestField> fields = {{"id", "int32", "", ""},
                                         {"name", "string", "", ""},
                                         {"tags", "array", "", "", text},
                                         {"whole", "array", "", "", text},
                                         {"other", "array", "", ""}};
  const std::string row =
      R"({"id":1,"name":"a\u0000","tags":["a",null,"\u0000"],"whole":["a"],"other":["\u0000"]})";
  const HeardLog log;
  Decoder decoder;
  for (int i = 0; i < 2; ++i) change_of(decoder, &kKey1, change_json(fields, {.after = row}));
  EXPECT_EQ(log.text(),
            "warning column shop.public.t.name: a text holds U+0000, which is stored as U+FFFD\n"
            "warning column shop.public.t.tags: a text holds U+0000, which is stored as U+FFFD\n");
}

TEST(Losses, OfUnchangedValuesAreThoseOfPostgresql) {
  const std::vector<TestField> fields = {{"id", "int32", "", ""},
                                         {"g", "struct", "io.debezium.data.geometry.Geometry", ""}};
  std::string value = change_json(fields, {.after = R"({"id":1,"g":null})"});
  const HeardLog log;
  Decoder decoder;
  change_of(decoder, &kKey1, value);
  EXPECT_EQ(
      log.text(),
      "warning table shop.public.t: a large value of g arrives as NULL from updates that leave "
      "it as it is, unless the table in the source has REPLICA IDENTITY FULL\n");
  const std::string name = "connector.postgresql.Source";
  value.replace(value.find(name), name.size(), "connector.mysql.Source");
  const HeardLog other;
  Decoder another;
  change_of(another, &kKey1, value);
  EXPECT_EQ(other.text(), "");
}

TEST(Losses, OfEventsWithoutSchemasAreToldOnceForATable) {
  const std::string key = R"({"id":1})";
  const HeardLog log;
  Decoder decoder;
  for (int i = 0; i < 3; ++i)
    change_of(decoder, &key, envelope_json({.after = R"({"id":1,"made":17109})"}));
  EXPECT_EQ(log.text(),
            "warning table shop.public.t: its events come without schemas: columns that are new "
            "here become text, numeric or boolean, with dates and times as the connector's "
            "numbers, bytea and decimals in base64; set value.converter.schemas.enable=true and "
            "key.converter.schemas.enable=true in the connector\n");
}

// The converter to Avro puts defaults in place of NULL as well.
TEST(Losses, OfDefaultsAreToldOfAvroToo) {
  const std::string avro =
      R"({"type":"record","name":"Envelope","namespace":"srv.public.t","fields":[)"
      R"({"name":"before","type":["null",{"type":"record","name":"Value","fields":[)"
      R"({"name":"id","type":{"type":"int","connect.default":0},"default":0},)"
      R"({"name":"plain","type":["null","string"],"default":null},)"
      R"({"name":"given","type":[{"type":"string","connect.default":"a\"b"},"null"],)"
      R"("default":"a\"b"}]}],"default":null},)"
      R"({"name":"after","type":["null","Value"],"default":null},)"
      R"({"name":"source","type":"null"},{"name":"op","type":"string"}]})";
  ingest::JsonParser parser;
  const std::string schema(ingest::AvroSchema(avro).connect_schema());
  const ingest::ValuePlan plan(parser.parse_object(schema),
                               std::make_shared<const ingest::UnavailableMarker>());
  ASSERT_EQ(plan.row().columns.size(), 3U);
  ASSERT_EQ(plan.row().losses.size(), 1U);
  EXPECT_EQ(plan.row().losses.at(Loss::null_as_default), std::vector<std::string>{"given"});
}

}  // namespace
}  // namespace metadb::tests
