// Events as Debezium's connectors for MySQL, MariaDB, SQL Server and Oracle write them
// (debezium-format 15), through a worker into tables.
#include "ingest/debezium.h"
#include "ingest/debezium_envelope.h"
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A column as a connector sends it: schema, value, and the value's text here.
struct Sent {
  TestField field;
  std::string value;
  std::string type;  // here, as format_type() prints it
  std::string text;
};

constexpr std::string_view kMysqlSource =
    R"({"version":"3.4.1.Final","connector":"mysql","name":"my","ts_ms":1700000000000,)"
    R"("snapshot":"false","db":"shop","sequence":null,"ts_us":1700000000000000,)"
    R"("ts_ns":1700000000000000000,"table":"t","server_id":223344,"gtid":null,)"
    R"("file":"mysql-bin.000003","pos":POS,"row":0,"thread":7,"query":null})";
constexpr std::string_view kSqlServerSource =
    R"({"version":"3.4.1.Final","connector":"sqlserver","name":"ms","ts_ms":TIME,)"
    R"("snapshot":"false","db":"DATABASE","sequence":null,"ts_us":TIME000,"ts_ns":TIME000000,)"
    R"("schema":"dbo","table":"t","change_lsn":"00000027:00000758:0003",)"
    R"("commit_lsn":"LSN","event_serial_no":1})";
constexpr std::string_view kOracleSource =
    R"({"version":"3.4.1.Final","connector":"oracle","name":"ora","ts_ms":1700000000000,)"
    R"("snapshot":"false","db":"ORCLPDB1","sequence":null,"ts_us":1700000000000000,)"
    R"("ts_ns":1700000000000000000,"schema":"INVENTORY","table":"T","txId":"0a001b00e4030000",)"
    R"("txSeq":1,"scn":"2122185","commit_scn":"2122186","lcr_position":null,"rs_id":"001234.00",)"
    R"("ssn":0,"redo_thread":1,"user_name":"APP","redo_sql":null,"row_id":"AAASgjAAMAAAACnAAA",)"
    R"("commit_ts_ms":1700000000000,"start_scn":"2122180","start_ts_ms":1699999999000})";

std::string with(std::string_view source, const std::string& from, const std::string& to) {
  std::string out(source);
  for (size_t at = out.find(from); at != std::string::npos; at = out.find(from, at + to.size()))
    out.replace(at, from.size(), to);
  return out;
}

class OtherConnectors : public WorkerTest {
 protected:
  static ingest::RecordedMessage event(const std::string& topic, const std::vector<TestField>& row,
                                       const std::string& key, const TestEnvelope& envelope) {
    ingest::RecordedMessage message;
    message.topic = topic;
    message.timestamp_ms = 1'700'000'000'000;
    message.key = key_json({row.front()}, key);
    message.value = change_json(row, envelope);
    return message;
  }

  // Each column by itself is what it was in the source.
  void expect_kept(const std::string& topic, const std::string& table, const std::string& source,
                   std::vector<Sent> columns) {
    std::vector<TestField> row = {{"id", "int32", "", ""}};
    std::string after = R"({"id":1)";
    for (const Sent& column : columns) {
      row.push_back(column.field);
      after += ",\"" + column.field.name + "\":" + column.value;
    }
    RecordedTopics topics;
    topics.add(event(topic, row, R"({"id":1})", {.after = after + "}", .source = source}));
    start(topics);
    ASSERT_TRUE(catches_up(topics));
    ASSERT_THAT(rows("SELECT error FROM metadb.dead_letter"), IsEmpty());
    for (const Sent& column : columns) {
      const std::string name = catalog::quote_identifier(column.field.name);
      EXPECT_THAT(rows("SELECT " + name + " FROM " + table), ElementsAre(column.text)) << name;
      EXPECT_THAT(
          rows("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '" +
               table + "'::regclass AND attname = '" + column.field.name + "'"),
          ElementsAre(column.type))
          << name;
    }
  }
};

TEST_F(OtherConnectors, EveryTypeOfMysqlKeepsItsValue) {
  expect_kept(
      "my.shop.t", "shop.t", with(kMysqlSource, "POS", "154"),
      {
          {{"tiny", "int16", "", ""}, "-128", "smallint", "-128"},
          {{"flag", "boolean", "", ""}, "true", "boolean", "t"},
          {{"small_unsigned", "int32", "", ""}, "65535", "integer", "65535"},
          {{"int_unsigned", "int64", "", ""}, "4294967295", "bigint", "4294967295"},
          {{"big_unsigned", "bytes", "org.apache.kafka.connect.data.Decimal",
            R"({"scale":"0","connect.decimal.precision":"20"})"},
           R"("AP//////////")",
           "numeric",
           "18446744073709551615"},
          {{"made", "int32", "io.debezium.time.Year", ""}, "1999", "integer", "1999"},
          {{"days", "string", "io.debezium.data.EnumSet", R"({"allowed":"mo,tu,we"})"},
           R"("mo,we")",
           "text",
           "mo,we"},
          {{"size", "string", "io.debezium.data.Enum", R"({"allowed":"s,m,l"})"},
           R"("m")",
           "text",
           "m"},
          {{"bits", "bytes", "io.debezium.data.Bits", R"({"length":"12"})"},
           R"("BQE=")",
           "bit varying",
           "000100000101"},
          {{"late", "int64", "io.debezium.time.MicroTime", ""},
           "3020399999999",
           "text",
           "838:59:59.999999"},
          {{"early", "int64", "io.debezium.time.MicroTime", ""}, "-1", "text", "-00:00:00.000001"},
          {{"noon", "int64", "io.debezium.time.MicroTime", ""},
           "43200000000",
           "time without time zone",
           "12:00:00"},
          {{"zero_date", "int32", "io.debezium.time.Date", ""}, "0", "date", "1970-01-01"},
          {{"zero_moment", "int64", "io.debezium.time.Timestamp", ""},
           "null",
           "timestamp without time zone",
           "NULL"},
          {{"moment", "int64", "io.debezium.time.MicroTimestamp", ""},
           "1529507596945104",
           "timestamp without time zone",
           "2018-06-20 15:13:16.945104"},
          {{"instant", "string", "io.debezium.time.ZonedTimestamp", ""},
           R"("2018-06-20T13:37:03Z")",
           "timestamp with time zone",
           "2018-06-20 13:37:03+00"},
          {{"document", "string", "io.debezium.data.Json", ""},
           R"("{\"a\": 1.00}")",
           "json",
           R"({"a": 1.00})"},
          {{"spot", "struct", "io.debezium.data.geometry.Point", ""},
           R"({"x":1.0,"y":2.0,"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":null})",
           "point",
           "(1,2)"},
          {{"embedding", "array", "io.debezium.data.FloatVector", ""},
           "[1.0,2.5]",
           "text",
           "[1,2.5]"},
          {{"nul", "string", "", ""},
           R"("a\u0000b")",
           "text",
           "a\xEF\xBF\xBD"
           "b"},
      });
}

TEST_F(OtherConnectors, EveryTypeOfSqlServerKeepsItsValue) {
  const std::string source =
      with(with(with(kSqlServerSource, "TIME", "1700000000000"), "DATABASE", "shop"), "LSN",
           "00000027:00000758:0005");
  expect_kept("ms.shop.dbo.t", "dbo.t", source,
              {
                  {{"tiny", "int16", "", ""}, "255", "smallint", "255"},
                  {{"money", "bytes", "org.apache.kafka.connect.data.Decimal", R"({"scale":"4"})"},
                   R"("/w==")",
                   "numeric",
                   "-0.0001"},
                  {{"token", "string", "", ""},
                   R"("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")",
                   "text",
                   "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"},
                  {{"moment", "int64", "io.debezium.time.NanoTimestamp", ""},
                   "1529507596945104000",
                   "timestamp without time zone",
                   "2018-06-20 15:13:16.945104"},
                  {{"fine_moment", "int64", "io.debezium.time.NanoTimestamp", ""},
                   "1529507596945104700",
                   "text",
                   "2018-06-20 15:13:16.9451047"},
                  {{"fine_time", "int64", "io.debezium.time.NanoTime", ""},
                   "45678123456700",
                   "text",
                   "12:41:18.1234567"},
                  {{"of_its_zone", "string", "io.debezium.time.ZonedTimestamp", ""},
                   R"("2018-06-20T15:37:03.1234567+02:00")",
                   "text",
                   "2018-06-20 13:37:03.1234567+00"},
                  {{"of_its_zone_3", "string", "io.debezium.time.ZonedTimestamp", ""},
                   R"("2018-06-20T15:37:03.123-07:30")",
                   "timestamp with time zone",
                   "2018-06-20 23:07:03.123+00"},
                  {{"markup", "string", "io.debezium.data.Xml", ""}, R"("<a/>")", "xml", "<a/>"},
                  {{"raw", "bytes", "", ""}, R"("AAEC")", "bytea", "\\x000102"},
              });
}

TEST_F(OtherConnectors, EveryTypeOfOracleKeepsItsValue) {
  expect_kept("ora.INVENTORY.T", "\"INVENTORY\".\"T\"", std::string(kOracleSource),
              {
                  {{"N2", "int8", "", ""}, "-99", "smallint", "-99"},
                  {{"N4", "int16", "", ""}, "9999", "smallint", "9999"},
                  {{"N18", "int64", "", ""}, "999999999999999999", "bigint", "999999999999999999"},
                  {{"ANY_NUMBER", "struct", "io.debezium.data.VariableScaleDecimal", ""},
                   R"({"scale":3,"value":"/w=="})",
                   "numeric",
                   "-0.001"},
                  {{"HUNDREDS", "struct", "io.debezium.data.VariableScaleDecimal", ""},
                   R"({"scale":-2,"value":"ew=="})",
                   "numeric",
                   "12300"},
                  {{"N38", "bytes", "org.apache.kafka.connect.data.Decimal", R"({"scale":"0"})"},
                   R"("CUmw9vACMxPESZBQ3jjzTg==")",
                   "numeric",
                   "12345678901234567890123456789012345678"},
                  {{"SINGLE", "float", "", ""}, R"("NaN")", "real", "NaN"},
                  {{"DOUBLE", "double", "", ""}, "1.0E-130", "double precision", "1e-130"},
                  {{"MADE", "int64", "io.debezium.time.Timestamp", ""},
                   "-62135596800000",
                   "timestamp without time zone",
                   "0001-01-01 00:00:00"},
                  {{"FINE", "int64", "io.debezium.time.NanoTimestamp", ""},
                   "1529507596945104001",
                   "text",
                   "2018-06-20 15:13:16.945104001"},
                  {{"SPAN", "string", "io.debezium.time.Interval", ""},
                   R"("P0Y0M-3DT-2H-33M-4.567S")",
                   "interval",
                   "-3 days -02:33:04.567"},
                  {{"SPAN_US", "int64", "io.debezium.time.MicroDuration", ""},
                   "-110451000000",
                   "interval",
                   "-30:40:51"},
                  {{"RAW", "bytes", "", ""}, R"("/wA=")", "bytea", "\\xff00"},
              });
}

// What the connectors write of their schemas, on a topic of its own.
TEST_F(OtherConnectors, SchemaChangesAreNoRows) {
  RecordedTopics topics;
  ingest::RecordedMessage message;
  message.topic = "my";
  message.key = framed(R"({"type":"struct","fields":[{"type":"string","field":"databaseName"}]})",
                       R"({"databaseName":"shop"})");
  message.value = framed(
      R"({"type":"struct","fields":[{"type":"string","field":"databaseName"},)"
      R"({"type":"string","field":"ddl"}],"name":"io.debezium.connector.mysql.SchemaChangeValue"})",
      R"({"databaseName":"shop","ddl":"DROP TABLE t"})");
  topics.add(message);
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("metadb.dead_letter"), 0);
  EXPECT_EQ(count("metadb.source_table"), 0);
}

// A position of MySQL says nothing of other servers' logs, and which server a log is of the event
// does not tell: what comes again is applied again.
TEST_F(OtherConnectors, NothingOfMysqlIsTakenForADuplicate) {
  RecordedTopics topics;
  const std::vector<TestField> row = {{"id", "int32", "", ""}, {"v", "string", "", ""}};
  for (const char* pos : {"154", "300", "154"}) {
    topics.add(event("my.shop.t", row, R"({"id":1})",
                     {.op = "u",
                      .after = std::string(R"({"id":1,"v":")") + pos + R"("})",
                      .source = with(kMysqlSource, "POS", pos)}));
  }
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(rows("SELECT v FROM shop.t"), ElementsAre("154"));
  EXPECT_EQ(count("shop.t__"), 3);
}

class SqlServerPositions : public OtherConnectors {
 protected:
  void add(const std::string& lsn, const std::string& value, const std::string& time_ms,
           const std::string& db = "shop") {
    const std::vector<TestField> row = {{"id", "int32", "", ""}, {"v", "string", "", ""}};
    topics_.add(event("ms.shop.dbo.t", row, R"({"id":1})",
                      {.op = "u",
                       .after = R"({"id":1,"v":")" + value + R"("})",
                       .source = with(with(with(kSqlServerSource, "TIME", time_ms), "DATABASE", db),
                                      "LSN", lsn)}));
  }
  RecordedTopics topics_;
};

TEST_F(SqlServerPositions, WhatIsBelowOneSeenIsADuplicate) {
  add("00000027:00000758:0005", "a", "1700000000000");
  add("00000027:00000758:0005", "b", "1700000000000");
  add("00000027:00000760:0001", "c", "1700000001000");
  add("00000027:00000758:0005", "a", "1700000000000");  // the connector began again
  add("00000027:00000758:0005", "b", "1700000000000");
  add("00000027:00000760:0001", "c", "1700000001000");
  add("00000028:00000001:0001", "d", "1700000002000");
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  EXPECT_THAT(rows("SELECT v FROM dbo.t__ ORDER BY __id"), ElementsAre("a", "b", "c", "d"));
}

TEST_F(SqlServerPositions, ALowerOneOfALaterTimeIsNew) {
  add("00000027:00000758:0005", "a", "1700000000000");
  add("00000001:00000001:0001", "b", "1700000009000");  // restored elsewhere
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  EXPECT_THAT(rows("SELECT v FROM dbo.t"), ElementsAre("b"));
}

TEST_F(SqlServerPositions, AreOfTheirDatabase) {
  add("00000027:00000758:0005", "a", "1700000000000");
  add("00000001:00000001:0001", "b", "1700000000000", "other");
  start(topics_);
  ASSERT_TRUE(eventually([&] { return !status().stopped_lanes.empty(); }));
  // Not dropped: it has no place beside the first database's table.
  EXPECT_THAT(status().stopped_lanes.begin()->second.reason, testing::HasSubstr("other"));
}

TEST(SqlServerSequence, IsTheCommitsAndNoPlaceOfARow) {
  const auto sequence = [](const std::string& lsn) {
    const std::string payload =
        R"({"source":{"connector":"sqlserver","name":"ms","db":"d","schema":"s","table":"t",)"
        R"("ts_ms":1,"commit_lsn":)" +
        lsn + "}}";
    ingest::JsonParser parser;
    return ingest::SourceBlock(parser.parse_object(payload)).sequence;
  };
  EXPECT_EQ(sequence(R"("00000027:00000758:0005")"), (ingest::Sequence{0x2700000758, 5}));
  for (const char* odd : {"null", R"("")", R"("NULL")", R"("00000027:00000758")",
                          R"("00000027:00000758:00050")", R"("0000002x:00000758:0005")", "7"})
    EXPECT_EQ(sequence(odd), std::nullopt) << odd;
}

}  // namespace
}  // namespace metadb::tests
