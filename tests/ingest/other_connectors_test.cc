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
           "bit(12)",
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

// decimal.handling.mode=string.
TEST_F(OtherConnectors, DecimalsOfMysqlAreKnownByTheirType) {
  expect_kept(
      "my.shop.t", "shop.t", with(kMysqlSource, "POS", "154"),
      {
          {{"plain", "string", "", R"({"__debezium.source.column.type":"DECIMAL"})"},
           R"("-12.50")",
           "numeric",
           "-12.50"},
          {{"price", "string", "", R"({"__debezium.source.column.type":"DECIMAL UNSIGNED"})"},
           R"("12.50")",
           "numeric",
           "12.50"},
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
                  {{"cents", "string", "", R"({"__debezium.source.column.type":"SMALLMONEY"})"},
                   R"("-0.0100")",
                   "numeric",
                   "-0.0100"},
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
                  {{"N40", "string", "", R"({"__debezium.source.column.type":"NUMBER"})"},
                   R"("0.00000001")",
                   "numeric",
                   "0.00000001"},
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

// A connector, and the row `t` of its database `shop`.
struct OtherConnector {
  const char* name;
  const char* topic;
  const char* table;  // here
  bool has_truncates;
  // source of the nth change
  std::string (*source)(int n);
};

std::string numbered(int n) {
  return std::to_string(1000 + n);
}
std::string mysql_source(int n) {
  return with(kMysqlSource, "POS", numbered(n));
}
std::string mariadb_source(int n) {
  return with(mysql_source(n), R"("connector":"mysql")", R"("connector":"mariadb")");
}
std::string sql_server_source(int n) {
  const std::string source =
      with(with(kSqlServerSource, "TIME", "170000000" + numbered(n)), "DATABASE", "shop");
  return with(source, "LSN", "00000027:00000" + numbered(n).substr(1) + ":0005");
}
// Without a database in the topic's name, and without microseconds.
std::string old_sql_server_source(int n) {
  std::string source = with(sql_server_source(n), "3.4.1.Final", "1.9.7.Final");
  const size_t times = source.find(R"("ts_us")");
  return source.erase(times, source.find(R"("schema")") - times);
}
std::string oracle_source(int n) {
  return with(with(kOracleSource, "2122185", "212" + numbered(n)), "2122186", "213" + numbered(n));
}

const std::vector<OtherConnector> kOtherConnectors = {
    {"mysql", "my.shop.t", "shop.t", true, mysql_source},
    {"mariadb", "maria.shop.t", "shop.t", true, mariadb_source},
    {"sqlserver", "ms.shop.dbo.t", "dbo.t", false, sql_server_source},
    {"sqlserver19", "ms.dbo.t", "dbo.t", false, old_sql_server_source},
    {"oracle", "ora.INVENTORY.T", "\"INVENTORY\".\"T\"", true, oracle_source},
};

class OfEachConnector : public OtherConnectors, public testing::WithParamInterface<OtherConnector> {
 protected:
  // `images`: of before and after; "null" where there is none.
  void add(const std::string& op, const std::string& key, const std::string& before,
           const std::string& after, const std::string& snapshot = "false") {
    const std::string source = with(GetParam().source(++changes_), R"("snapshot":"false")",
                                    R"("snapshot":")" + snapshot + "\"");
    topics_.add(event(GetParam().topic, columns_, key,
                      {.op = op, .before = before, .after = after, .source = source}));
  }
  void add_tombstone(const std::string& key) {
    ingest::RecordedMessage message =
        event(GetParam().topic, columns_, key, {.source = GetParam().source(changes_)});
    message.value.reset();
    topics_.add(message);
  }
  void add_truncate() {
    ingest::RecordedMessage message = event(GetParam().topic, columns_, "null",
                                            {.op = "t", .source = GetParam().source(++changes_)});
    message.key.reset();
    topics_.add(message);
  }
  void apply() {
    if (!worker_) start(topics_);
    ASSERT_TRUE(catches_up(topics_));
    ASSERT_THAT(rows("SELECT error FROM metadb.dead_letter"), IsEmpty());
  }
  // The main table.
  static std::string ended_and_current() {
    const std::string table = GetParam().table;
    return table.ends_with('"') ? table.substr(0, table.size() - 1) + "__\"" : table + "__";
  }
  std::vector<std::string> current(const std::string& what) {
    return rows("SELECT " + what + " FROM " + GetParam().table + " ORDER BY 1");
  }

  std::vector<TestField> columns_ = {{"id", "int32", "", ""}, {"v", "string", "", ""}};
  RecordedTopics topics_;
  int changes_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Connectors, OfEachConnector, testing::ValuesIn(kOtherConnectors),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(OfEachConnector, RowsComeFromTheSnapshotChangeAndGo) {
  add("r", R"({"id":1})", "null", R"({"id":1,"v":"a"})", "first");
  add("r", R"({"id":2})", "null", R"({"id":2,"v":"b"})", "true");
  add("r", R"({"id":3})", "null", R"({"id":3,"v":"c"})", "last");
  apply();
  EXPECT_THAT(current("id, v"), ElementsAre("1,a", "2,b", "3,c"));
  add("u", R"({"id":1})", R"({"id":1,"v":"a"})", R"({"id":1,"v":"A"})");
  add("d", R"({"id":2})", R"({"id":2,"v":"b"})", "null");
  add_tombstone(R"({"id":2})");
  add("c", R"({"id":4})", "null", R"({"id":4,"v":"d"})");
  apply();
  EXPECT_THAT(current("id, v"), ElementsAre("1,A", "3,c", "4,d"));
  add("c", R"({"id":2})", "null", R"({"id":2,"v":"again"})");
  apply();
  EXPECT_THAT(
      rows("SELECT v, __current FROM " + ended_and_current() + " WHERE id = 2 ORDER BY __id"),
      ElementsAre("b,f", "again,t"));
}

TEST_P(OfEachConnector, TruncatesEndEveryRow) {
  if (!GetParam().has_truncates) return;
  add("c", R"({"id":1})", "null", R"({"id":1,"v":"a"})");
  add("c", R"({"id":2})", "null", R"({"id":2,"v":"b"})");
  apply();
  add_truncate();
  add("c", R"({"id":2})", "null", R"({"id":2,"v":"after"})");
  apply();
  EXPECT_THAT(current("id, v"), ElementsAre("2,after"));
  EXPECT_EQ(count(ended_and_current()), 3);
}

// What the connectors for SQL Server (from 3.6 on) and Oracle leave out of an update.
TEST_P(OfEachConnector, UnchangedLargeValuesStay) {
  columns_ = {{"id", "int32", "", ""},
              {"v", "string", "", ""},
              {"raw", "bytes", "", ""},
              {"n", "int32", "", ""}};
  const std::string raw = R"("X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==")";
  const std::string text = R"("__debezium_unavailable_value")";
  const auto row = [](const std::string& v, const std::string& bytes, const std::string& n) {
    return R"({"id":1,"v":)" + v + R"(,"raw":)" + bytes + R"(,"n":)" + n + "}";
  };
  add("r", R"({"id":1})", "null", row(R"("long")", R"("AQID")", "1"), "last");
  apply();
  add("u", R"({"id":1})", row(text, raw, "1"), row(text, raw, "2"));
  apply();
  add("u", R"({"id":1})", row(text, raw, "2"), row(R"("new")", raw, "3"));
  add("u", R"({"id":1})", row(text, raw, "3"), row(text, raw, "4"));
  apply();
  EXPECT_THAT(
      rows("SELECT n, v, raw FROM " + ended_and_current() + " ORDER BY __id"),
      ElementsAre("1,long,\\x010203", "2,long,\\x010203", "3,new,\\x010203", "4,new,\\x010203"));
  EXPECT_EQ(count("metadb.unresolved"), 0);
}

// A key of a type of its own: two values, of which the second may need a wider type.
struct OddKey {
  TestField field;
  std::string first;
  std::string second;
  std::string text;  // of the first
};

std::vector<OddKey> odd_keys() {
  const std::string decimal = "org.apache.kafka.connect.data.Decimal";
  return {
      {{"k", "int64", "io.debezium.time.MicroTime", ""}, "43200000000", "-1", "12:00:00"},
      {{"k", "int64", "io.debezium.time.NanoTimestamp", ""},
       "1529507596945104000",
       "1529507596945104700",
       "2018-06-20 15:13:16.945104"},
      {{"k", "int64", "io.debezium.time.NanoTime", ""}, "1000", "1", "00:00:00.000001"},
      {{"k", "string", "io.debezium.time.ZonedTimestamp", ""},
       R"("2018-06-20T15:37:03+02:00")",
       R"("2018-06-20T15:37:03.1234567+02:00")",
       "2018-06-20 13:37:03+00"},
      {{"k", "bytes", decimal, R"({"scale":"0"})"},
       R"("AP//////////")",
       R"("AQ==")",
       "18446744073709551615"},
      {{"k", "struct", "io.debezium.data.VariableScaleDecimal", ""},
       R"({"scale":3,"value":"/w=="})",
       R"({"scale":-2,"value":"ew=="})",
       "-0.001"},
      {{"k", "bytes", "io.debezium.data.Bits", R"({"length":"12"})"},
       R"("BQE=")",
       R"("")",
       "000100000101"},
      {{"k", "bytes", "", ""}, R"("/wA=")", R"("")", "\\xff00"},
      {{"k", "string", "", ""},
       R"("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")",
       R"("a\u0000b")",
       "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"},
      {{"k", "int64", "io.debezium.time.Timestamp", ""},
       "-62135596800000",
       "0",
       "0001-01-01 00:00:00"},
      {{"k", "string", "io.debezium.time.Interval", ""},
       R"("P0Y0M-3DT-2H-33M-4.567S")",
       R"("P1Y0M0DT0H0M0S")",
       "-3 days -02:33:04.567"},
      {{"k", "boolean", "", ""}, "true", "false", "true"},
      {{"k", "double", "", ""}, "1.0E-130", R"("NaN")", "1e-130"},
  };
}

TEST_P(OfEachConnector, RowsAreFoundByKeysOfAnyType) {
  const std::vector<OddKey> keys = odd_keys();
  std::vector<std::string> tables;
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::string name = "k" + std::to_string(i);
    const std::vector<TestField> row = {keys[i].field, {"v", "string", "", ""}};
    const auto change = [&](const std::string& op, const std::string& key, const std::string& v) {
      std::string source = GetParam().source(++changes_);
      for (const char* table : {R"("table":"t")", R"("table":"T")"})
        source = with(source, table, R"("table":")" + name + "\"");
      const std::string image = R"({"k":)" + key + R"(,"v":")" + v + "\"}";
      TestEnvelope envelope{.op = op, .source = source};
      (op == "d" ? envelope.before : envelope.after) = image;
      topics_.add(
          event(std::string(GetParam().topic) + name, row, R"({"k":)" + key + "}", envelope));
    };
    change("c", keys[i].first, "a");
    change("c", keys[i].second, "b");
    change("u", keys[i].first, "A");
    change("u", keys[i].second, "B");
    change("d", keys[i].second, "B");
    tables.push_back(name);
  }
  apply();
  const std::string schema =
      std::string(GetParam().table).substr(0, std::string(GetParam().table).find('.') + 1);
  for (size_t i = 0; i < keys.size(); ++i) {
    EXPECT_THAT(rows("SELECT k::text, v FROM " + schema + tables[i]),
                ElementsAre(keys[i].text + ",A"))
        << keys[i].field.semantic;
    EXPECT_THAT(rows("SELECT v FROM " + schema + tables[i] + "__ ORDER BY __id"),
                testing::UnorderedElementsAre("a", "b", "A", "B"))
        << keys[i].field.semantic;
  }
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
