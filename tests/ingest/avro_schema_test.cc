// The Kafka Connect schemas that Avro schemas stand for.
#include "ingest/avro_schema.h"

#include <gtest/gtest.h>

#include "ingest/debezium_error.h"

namespace metadb::tests {
namespace {

using ingest::AvroSchema;
using ingest::DecodeError;

std::string connect(const std::string& text, const std::vector<std::string>& referenced = {}) {
  return AvroSchema(text, referenced).connect_schema();
}

std::string reason(const std::string& text) {
  try {
    return connect(text);
  } catch (const DecodeError& error) {
    EXPECT_EQ(error.sqlstate.substr(0, 2), "22");
    return error.what();
  }
}

TEST(AvroSchema, NamesTypesAsConnectDoes) {
  EXPECT_EQ(connect(R"("boolean")"), R"({"type":"boolean","optional":false})");
  EXPECT_EQ(connect(R"({"type":"int"})"), R"({"type":"int32","optional":false})");
  EXPECT_EQ(connect(R"({"type":"int","connect.type":"int8"})"),
            R"({"type":"int8","optional":false})");
  EXPECT_EQ(connect(R"({"type":"int","connect.type":"int16"})"),
            R"({"type":"int16","optional":false})");
  EXPECT_EQ(connect(R"("long")"), R"({"type":"int64","optional":false})");
  EXPECT_EQ(connect(R"("float")"), R"({"type":"float","optional":false})");
  EXPECT_EQ(connect(R"("double")"), R"({"type":"double","optional":false})");
  EXPECT_EQ(connect(R"("bytes")"), R"({"type":"bytes","optional":false})");
  EXPECT_EQ(connect(R"({"type":"fixed","name":"F","size":3})"),
            R"({"type":"bytes","optional":false,"name":"F"})");
  EXPECT_EQ(connect(R"({"type":"enum","name":"E","symbols":["a"]})"),
            R"({"type":"string","optional":false,"name":"E"})");
  EXPECT_EQ(connect(R"({"type":"array","items":"int"})"),
            R"({"type":"array","items":{"type":"int32","optional":false},"optional":false})");
  EXPECT_EQ(connect(R"({"type":"map","values":["null","string"]})"),
            R"({"type":"map","keys":{"type":"string","optional":false},)"
            R"("values":{"type":"string","optional":true},"optional":false})");
}

TEST(AvroSchema, KeepsTheNotesOfTheConverter) {
  EXPECT_EQ(
      connect(
          R"(["null",{"type":"string","connect.version":1,"connect.parameters":{"allowed":"a,b"},)"
          R"("connect.name":"io.debezium.data.Enum"}])"),
      R"({"type":"string","optional":true,"name":"io.debezium.data.Enum",)"
      R"("parameters":{"allowed":"a,b"}})");
  EXPECT_EQ(connect(R"([{"type":"int","connect.name":"io.debezium.time.Date"},"null"])"),
            R"({"type":"int32","optional":true,"name":"io.debezium.time.Date"})");
}

// What is said of the column in which a type first occurs is not said of those that name it later.
TEST(AvroSchema, GivesTheSourcesTypeToItsColumnAlone) {
  const std::string named =
      R"({"type":"record","name":"G","fields":[{"name":"x","type":"int"}],"connect.parameters":)"
      R"({"__debezium.source.column.type":"BOX","scale":"1","__debezium.source.column.name":"a"}})";
  const std::string fields =
      R"({"type":"struct","fields":[{"type":"int32","optional":false,"field":"x"}],)";
  EXPECT_EQ(connect(R"({"type":"record","name":"R","fields":[{"name":"a","type":)" + named +
                    R"(},{"name":"b","type":["null","G"]}]})"),
            R"({"type":"struct","fields":[)" + fields +
                R"("optional":false,"name":"G","parameters":{"__debezium.source.column.type":)"
                R"("BOX","scale":"1","__debezium.source.column.name":"a"},"field":"a"},)" +
                fields +
                R"("optional":true,"name":"G","parameters":{"scale":"1"},"field":"b"}],)"
                R"("optional":false,"name":"R"})");
}

TEST(AvroSchema, KnowsConnectsLogicalTypes) {
  const std::string decimal = R"("name":"org.apache.kafka.connect.data.Decimal")";
  EXPECT_EQ(connect(R"({"type":"bytes","logicalType":"decimal","precision":5,"scale":2})"),
            R"({"type":"bytes","optional":false,)" + decimal + R"(,"parameters":{"scale":"2"}})");
  EXPECT_EQ(connect(R"({"type":"bytes","logicalType":"decimal","precision":5})"),
            R"({"type":"bytes","optional":false,)" + decimal + R"(,"parameters":{"scale":"0"}})");
  EXPECT_EQ(
      connect(
          R"({"type":"bytes","scale":2,"connect.parameters":{"x":"1"},"logicalType":"decimal"})"),
      R"({"type":"bytes","optional":false,)" + decimal + R"(,"parameters":{"scale":"2","x":"1"}})");
  EXPECT_EQ(
      connect(
          R"({"type":"bytes","scale":2,"connect.parameters":{"scale":"3"},"logicalType":"decimal"})"),
      R"({"type":"bytes","optional":false,)" + decimal + R"(,"parameters":{"scale":"3"}})");
  const std::string data = "org.apache.kafka.connect.data.";
  EXPECT_EQ(connect(R"({"type":"int","logicalType":"date"})"),
            R"({"type":"int32","optional":false,"name":")" + data + R"(Date"})");
  EXPECT_EQ(connect(R"({"type":"int","logicalType":"time-millis"})"),
            R"({"type":"int32","optional":false,"name":")" + data + R"(Time"})");
  EXPECT_EQ(connect(R"({"type":"long","logicalType":"timestamp-millis"})"),
            R"({"type":"int64","optional":false,"name":")" + data + R"(Timestamp"})");
  EXPECT_EQ(connect(R"({"type":"string","logicalType":"date"})"),
            R"({"type":"string","optional":false})");
}

TEST(AvroSchema, WritesStructsOut) {
  const std::string row =
      R"({"type":"record","name":"Value","namespace":"srv.t","fields":[{"name":"id","type":"int"}],)"
      R"("connect.name":"srv.public.t.Value"})";
  const std::string fields =
      R"("fields":[{"type":"int32","optional":false,"field":"id"}],"optional":true,)"
      R"("name":"srv.public.t.Value")";
  EXPECT_EQ(connect(R"({"type":"record","name":"Envelope","namespace":"srv.t","fields":[)"
                    R"({"name":"before","type":["null",)" +
                    row + R"(],"default":null},{"name":"after","type":["null","Value"]}]})"),
            R"({"type":"struct","fields":[{"type":"struct",)" + fields + R"(,"field":"before"},)" +
                R"({"type":"struct",)" + fields +
                R"(,"field":"after"}],"optional":false,"name":"srv.t.Envelope"})");
}

TEST(AvroSchema, FindsNamesInTheirNamespace) {
  const std::string outer = R"({"type":"record","name":"a.b.R","fields":[)";
  const std::string in_b = R"({"name":"x","type":{"type":"enum","name":"E","symbols":["s"]}},)";
  EXPECT_NO_THROW(connect(outer + in_b + R"({"name":"y","type":"E"}]})"));
  EXPECT_NO_THROW(connect(outer + in_b + R"({"name":"y","type":"a.b.E"}]})"));
  EXPECT_EQ(reason(outer + in_b + R"({"name":"y","type":"b.E"}]})"),
            "Avro schema: unknown type \"b.E\"");
  EXPECT_EQ(connect(R"({"type":"record","name":"R","fields":[{"name":"x","type":"o.T"}]})",
                    {R"({"type":"fixed","name":"o.T","size":1})"}),
            R"({"type":"struct","fields":[{"type":"bytes","optional":false,"name":"o.T",)"
            R"("field":"x"}],"optional":false,"name":"R"})");
}

TEST(AvroSchema, TakesArraysOfEntriesForMaps) {
  const std::string entry =
      R"([{"name":"key","type":"int"},{"name":"value","type":["null","double"]}])";
  const std::string map = R"({"type":"map","keys":{"type":"int32","optional":false},)"
                          R"("values":{"type":"double","optional":true},"optional":false})";
  EXPECT_EQ(connect(R"({"type":"array","items":{"type":"record","name":"MapEntry",)"
                    R"("namespace":"io.confluent.connect.avro","fields":)" +
                    entry + "}}"),
            map);
  EXPECT_EQ(connect(R"({"type":"array","items":{"type":"record","name":"M",)"
                    R"("connect.internal.type":"MapEntry","fields":)" +
                    entry + "}}"),
            map);
}

TEST(AvroSchema, RefusesWhatIsNoSchema) {
  EXPECT_EQ(reason(R"({"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]}]})"),
            "Avro schema: recursive, or nested too deeply");
  EXPECT_EQ(reason("{}"), "Avro schema: an object without \"type\"");
  EXPECT_EQ(reason("5"), "Avro schema: neither object, array nor name");
  EXPECT_EQ(reason(R"("int","payload":1)"), "Avro schema: not one JSON value");
  EXPECT_EQ(reason(R"({"type":"record","name":"R"})"), "Avro schema: \"fields\" is missing");
  EXPECT_EQ(reason(R"({"type":"fixed","name":"F","size":-1})"),
            "Avro schema: a fixed of less than no bytes");
  EXPECT_EQ(reason(R"({"type":"fixed","name":"F","size":"x"})"),
            "Avro schema: \"size\" is no number");
  EXPECT_EQ(reason(R"({"type":"array"})"), "Avro schema: an array without \"items\"");
  EXPECT_EQ(reason("<html>").substr(0, 15), "not valid JSON:");
}

// Each record holds the one before it twice.
TEST(AvroSchema, RefusesWhatGrowsWithoutEnd) {
  std::vector<std::string> referenced = {R"({"type":"record","name":"R0","fields":[]})"};
  for (int i = 1; i < 30; ++i) {
    const std::string before = R"("type":"R)" + std::to_string(i - 1) + "\"";
    referenced.push_back(R"({"type":"record","name":"R)" + std::to_string(i) +
                         R"(","fields":[{"name":"a",)" + before + R"(},{"name":"b",)" + before +
                         "}]}");
  }
  const std::string last = referenced.back();
  EXPECT_THROW(AvroSchema(last, referenced), DecodeError);
}

}  // namespace
}  // namespace metadb::tests
