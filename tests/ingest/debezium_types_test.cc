#include "ingest/debezium_types.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "catalog/postgres.h"
#include "ingest/debezium.h"
#include "tests/fakes/test_database.h"
#include "tests/ingest/debezium_message.h"
#include "tests/ingest/debezium_samples.h"

namespace metadb::tests {
namespace {

using ingest::Change;
using ingest::DecodeError;
using ingest::Decoder;

const std::string kDecimal = "org.apache.kafka.connect.data.Decimal";
const std::string kVariable = "io.debezium.data.VariableScaleDecimal";
const std::string kBits = "io.debezium.data.Bits";
const std::string kJson = "io.debezium.data.Json";

std::string scale(int digits) {
  return R"({"scale":")" + std::to_string(digits) + R"("})";
}
std::string length(const std::string& bits) {
  return R"({"length":")" + bits + R"("})";
}

std::string bit_one_of_64() {
  std::string bits(64, '0');
  bits[0] = '1';
  return bits;
}

std::vector<Sample> numeric_samples() {
  return {
      {"bytes", kDecimal, scale(2), R"("MDk=")", "123.45"},
      {"bytes", kDecimal, scale(2), R"("z8c=")", "-123.45"},
      {"bytes", kDecimal, scale(0), R"("AIA=")", "128"},
      {"bytes", kDecimal, scale(0), R"("AA==")", "0"},
      {"bytes", kDecimal, scale(4), R"("AA==")", "0.0000"},
      {"bytes", kDecimal, scale(0), R"("/w==")", "-1"},
      {"bytes", kDecimal, scale(-2), R"("Aw==")", "300"},
      {"bytes", kDecimal, scale(9), R"("AQ==")", "0.000000001"},
      {"bytes", kDecimal, scale(1001), R"("AA==")", "0"},
      {"bytes", kDecimal, scale(2046), "12300." + std::string(2046, '0'), "12300"},
      {"bytes", kDecimal, scale(2046), "-0.5", "-0.5"},
      {"bytes", kDecimal, scale(0), R"("f////////////////////w==")",
       "170141183460469231731687303715884105727"},
      {"bytes", kDecimal, scale(0), R"("gAAAAAAAAAAAAAAAAAAAAA==")",
       "-170141183460469231731687303715884105728"},
      {"bytes", kDecimal, scale(1), R"("AQAAAAAAAAAAAAAAAAAAAAA=")",
       "34028236692093846346337460743176821145.6"},
      {"bytes", kDecimal, scale(1), R"("/wAAAAAAAAAAAAAAAAAAAAA=")",
       "-34028236692093846346337460743176821145.6"},
      {"bytes", kDecimal, scale(2), "12345678901234567890.10", "12345678901234567890.10"},
      {"bytes", kDecimal, scale(2), "-1.5E+3", "-1500"},
      {"bytes", kDecimal, scale(2), "25e-4", "0.0025"},
      {"struct", kVariable, "", R"({"scale":3,"value":"/w=="})", "-0.001"},
      {"struct", kVariable, "", R"({"scale":0,"value":"AA=="})", "0"},
      {"struct", kVariable, "", R"({"scale":30,"value":"AQ=="})",
       "0.000000000000000000000000000001"},
  };
}

std::vector<Sample> number_samples() {
  return {
      {"boolean", "", "", "true", "true"},
      {"boolean", "", "", "false", "false"},
      {"int8", "", "", "-128", "-128"},
      {"int8", "", "", "127", "127"},
      {"int16", "", "", "-32768", "-32768"},
      {"int16", "", "", "32767", "32767"},
      {"int32", "", "", "-2147483648", "-2147483648"},
      {"int32", "", "", "2147483647", "2147483647"},
      {"int32", "io.debezium.time.Year", "", "2026", "2026"},
      {"int64", "", "", "9007199254740993", "9007199254740993"},
      {"int64", "", "", "9223372036854775807", "9223372036854775807"},
      {"int64", "", "", "-9223372036854775808", "-9223372036854775808"},
      {"float", "", "", "3.3", "3.3"},
      {"float", "", "", "3.4028235E38", "3.4028235e+38"},
      {"float", "", "", "1.4E-45", "1e-45"},
      {"float", "", "", R"("NaN")", "NaN"},
      {"float", "", "", R"("-Infinity")", "-Infinity"},
      {"double", "", "", "4.44", "4.44"},
      {"double", "", "", "1.7976931348623157E308", "1.7976931348623157e+308"},
      {"double", "", "", "4.9E-324", "5e-324"},
      {"double", "", "", R"("Infinity")", "Infinity"},
      {"double", "", "", R"("NaN")", "NaN"},
  };
}

std::vector<Sample> text_samples() {
  const std::string jsonb = R"({"__debezium.source.column.type":"JSONB"})";
  return {
      {"string", "", "", R"("")", ""},
      {"string", "", "", R"("caf\u00e9 \uD83D\uDE00 \"q\" \\ \n")",
       "caf\xc3\xa9 \xf0\x9f\x98\x80 \"q\" \\ \n"},
      {"string", "", "", R"("NAN")", "NAN"},
      {"string", "", "", R"("\u0000a\u0000\u0000b\u0000")",
       "\xef\xbf\xbd"
       "a\xef\xbf\xbd\xef\xbf\xbd"
       "b\xef\xbf\xbd"},
      {"string", kJson, "", R"("\"a\u0000\"")", "\"a\xef\xbf\xbd\""},
      {"string", "io.debezium.data.Xml", "", R"("<a/>")", "<a/>"},
      {"string", "io.debezium.data.Enum", R"({"allowed":"a,b"})", R"("b")", "b"},
      {"string", kJson, "", R"("{\"b\": 1.00, \"a\":[]}")", "{\"b\": 1.00, \"a\":[]}"},
      {"string", kJson, "", R"("null")", "null"},
      {"string", kJson, jsonb, R"("{\"b\":1.00,\"a\":[]}")", "{\"a\": [], \"b\": 1.00}"},
      {"string", kJson, jsonb, R"("\"x\"")", "\"x\""},
      {"string", "io.debezium.data.Uuid", "", R"("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")",
       "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
      {"string", "io.debezium.data.Uuid", "", R"("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF")",
       "ffffffff-ffff-ffff-ffff-ffffffffffff"},
      {"bytes", "", "", R"("AQID")", "\\x010203"},
      {"bytes", "", "", R"("AA==")", "\\x00"},
      {"bytes", "", "", R"("")", "\\x"},
      {"bytes", kBits, length("24"), R"("AQID")", "000000110000001000000001"},
      {"bytes", kBits, length("2"), R"("")", "00"},
      {"bytes", kBits, length("7"), R"("QA==")", "1000000"},
      {"bytes", kBits, length("64"), R"("AAAAAAAAAIA=")", bit_one_of_64()},
      {"bytes", kBits, length("2147483647"), R"("BQ==")", "101"},
      {"array", "", "", "[1,2,null]", "[1,2,null]"},
      {"map", "", "", R"({"k":"v","n":null})", R"({"k":"v","n":null})"},
      {"struct", "io.debezium.data.geometry.Geometry", "", R"({"wkb":"AQ==","srid":4326})",
       R"({"wkb":"AQ==","srid":4326})"},
      {"map", "", "", "[[1,0.5],[3,2.0]]", "[[1,0.5],[3,2.0]]"},
  };
}

std::vector<Sample> array_samples() {
  const auto array = [](const std::string& items, const std::string& json, const std::string& text,
                        const std::string& name = "") {
    return Sample{"array", "", name.empty() ? "" : source_type(name), json, text, items};
  };
  const std::string text = R"({"type":"string","optional":true})";
  return {
      array(R"({"type":"int16","optional":true})", "[1,-32768,null]", "{1,-32768,NULL}"),
      array(R"({"type":"int32","optional":true})", "[]", "{}"),
      array(R"({"type":"int32","optional":true})", "[1,2,null]", "{1,2,NULL}"),
      array(R"({"type":"int64","optional":true})", "[9007199254740993]", "{9007199254740993}"),
      array(R"({"type":"boolean","optional":true})", "[true,false]", "{t,f}"),
      array(R"({"type":"float","optional":true})", R"([3.3,"NaN"])", "{3.3,NaN}"),
      array(R"({"type":"double","optional":true})", R"([0.1,"-Infinity"])", "{0.1,-Infinity}"),
      array(text, R"(["a","b c","NULL",null,"\"\\{},",""])",
            R"({a,"b c","NULL",NULL,"\"\\{},",""})"),
      array(R"({"type":"bytes","optional":true})", R"(["AQID",null])", R"({"\\x010203",NULL})"),
      array(R"({"type":"bytes","name":")" + kDecimal + R"(","parameters":{"scale":"2"}})",
            R"(["MDk=",null])", "{123.45,NULL}"),
      array(R"({"type":"struct","name":")" + kVariable + R"("})", R"([{"scale":3,"value":"/w=="}])",
            "{-0.001}"),
      array(R"({"type":"int32","name":"io.debezium.time.Date"})", "[17109,-2147472692]",
            "{2016-11-04,infinity}"),
      array(R"({"type":"int64","name":"io.debezium.time.MicroTime"})", "[86400000000]",
            "{24:00:00}"),
      array(R"({"type":"string","name":"io.debezium.time.ZonedTime"})", R"(["04:05:06Z"])",
            "{04:05:06+00}"),
      array(R"({"type":"int64","name":"io.debezium.time.MicroTimestamp"})", "[1687559624127410]",
            R"({"2023-06-23 22:33:44.12741"})"),
      array(R"({"type":"string","name":"io.debezium.time.ZonedTimestamp"})",
            R"(["2016-11-04T13:51:30Z"])", R"({"2016-11-04 13:51:30+00"})"),
      array(R"({"type":"string","name":"io.debezium.data.Uuid"})",
            R"(["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"])",
            "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"),
      array(R"({"type":"string","name":"io.debezium.data.Json"})", R"(["{\"b\": 1.00}"])",
            R"({"{\"b\": 1.00}"})"),
      array(R"({"type":"string","name":"io.debezium.data.Json"})", R"(["{\"b\":1.00}"])",
            R"({"{\"b\": 1.00}"})", "_JSONB"),
      array(text, R"(["10.0.0.1","::1"])", "{10.0.0.1,::1}", "_INET"),
      array(text, R"(["10.0.0.0/8"])", "{10.0.0.0/8}", "_CIDR"),
      array(text, R"(["08:00:2b:01:02:03"])", "{08:00:2b:01:02:03}", "_MACADDR"),
      array(text, R"x(["[1,5)","empty"])x", R"x({"[1,5)",empty})x", "_INT4RANGE"),
      array(text, R"(["a","b"])", "{a,b}", "_VARCHAR"),
      // Not PostgreSQL's arrays.
      {"array", "io.debezium.data.DoubleVector", "", "[1.0,2.5]", "[1.0,2.5]",
       R"({"type":"double"})"},
      array(R"({"type":"map"})", R"([{"k":"v"}])", R"([{"k":"v"}])"),
  };
}

std::vector<Sample> date_samples() {
  std::vector<Sample> samples;
  for (const char* semantic : {"io.debezium.time.Date", "org.apache.kafka.connect.data.Date"}) {
    samples.push_back({"int32", semantic, "", "17109", "2016-11-04"});
    samples.push_back({"int32", semantic, "", "0", "1970-01-01"});
    samples.push_back({"int32", semantic, "", "-2147472692", "infinity"});
    samples.push_back({"int32", semantic, "", "-2147472691", "-infinity"});
    samples.push_back({"int32", semantic, "", "-622191234", "infinity"});
    samples.push_back({"int32", semantic, "", "2146033979", "infinity"});
    samples.push_back({"int32", semantic, "", "-625821272", "-infinity"});
    samples.push_back({"int32", semantic, "", "-2440588", "4714-11-24 BC"});
    samples.push_back({"int32", semantic, "", "2145042905", "5874897-12-31"});
  }
  const char* iso = "io.debezium.time.IsoDate";
  samples.push_back({"string", iso, "", R"("2017-09-15Z")", "2017-09-15"});
  samples.push_back({"string", iso, "", R"("2000-02-29Z")", "2000-02-29"});
  samples.push_back({"string", iso, "", R"("-4712-01-01Z")", "4713-01-01 BC"});
  samples.push_back({"string", iso, "", R"("0000-02-29Z")", "0001-02-29 BC"});
  samples.push_back({"string", iso, "", R"("-5877611-06-21Z")", "infinity"});
  samples.push_back({"string", iso, "", R"("-5877611-06-22Z")", "-infinity"});
  return samples;
}

std::vector<Sample> time_samples() {
  std::vector<Sample> samples;
  for (const char* semantic : {"io.debezium.time.Time", "org.apache.kafka.connect.data.Time"}) {
    samples.push_back({"int32", semantic, "", "14711789", "04:05:11.789"});
    samples.push_back({"int32", semantic, "", "86400000", "24:00:00"});
  }
  const char* zoned = "io.debezium.time.ZonedTime";
  samples.push_back({"int64", "io.debezium.time.MicroTime", "", "14711789123", "04:05:11.789123"});
  samples.push_back({"int64", "io.debezium.time.MicroTime", "", "86400000000", "24:00:00"});
  samples.push_back(
      {"int64", "io.debezium.time.NanoTime", "", "14711789123000", "04:05:11.789123"});
  samples.push_back({"int64", "io.debezium.time.NanoTime", "", "86400000000000", "24:00:00"});
  samples.push_back(
      {"string", "io.debezium.time.IsoTime", "", R"("04:05:11.789Z")", "04:05:11.789"});
  samples.push_back({"string", "io.debezium.time.IsoTime", "", R"("24:00:00Z")", "24:00:00"});
  samples.push_back({"string", zoned, "", R"("04:05:11.789Z")", "04:05:11.789+00"});
  samples.push_back({"string", zoned, "", R"("24:00:00Z")", "24:00:00+00"});
  samples.push_back({"string", zoned, "", R"("04:05+02:30")", "04:05:00+02:30"});
  samples.push_back(
      {"string", zoned, "", R"("23:59:59.999999-15:59:59")", "23:59:59.999999-15:59:59"});
  return samples;
}

std::vector<Sample> timestamp_samples() {
  std::vector<Sample> samples;
  for (const char* semantic :
       {"io.debezium.time.Timestamp", "org.apache.kafka.connect.data.Timestamp"}) {
    samples.push_back({"int64", semantic, "", "1529507596945", "2018-06-20 15:13:16.945"});
    samples.push_back({"int64", semantic, "", "-1", "1969-12-31 23:59:59.999"});
    samples.push_back({"int64", semantic, "", "9223372036825200", "infinity"});
    samples.push_back({"int64", semantic, "", "-9223372036832400", "-infinity"});
    samples.push_back({"int64", semantic, "", "9223372036825200000", "infinity"});
    samples.push_back({"int64", semantic, "", "-9223372036832400000", "-infinity"});
  }
  const char* micro = "io.debezium.time.MicroTimestamp";
  samples.push_back({"int64", micro, "", "1687559624127410", "2023-06-23 22:33:44.12741"});
  samples.push_back({"int64", micro, "", "-210831897600000001", "4713-12-31 23:59:59.999999 BC"});
  samples.push_back({"int64", micro, "", "9223371331199999999", "294247-01-01 23:59:59.999999"});
  samples.push_back({"int64", micro, "", "9223372036825200000", "infinity"});
  samples.push_back({"int64", micro, "", "-9223372036832400000", "-infinity"});
  samples.push_back({"int64", micro, "", "9223372036854775807", "infinity"});
  samples.push_back({"int64", micro, "", "-9223372036854775808", "-infinity"});
  const char* nano = "io.debezium.time.NanoTimestamp";
  samples.push_back({"int64", nano, "", "1687559624127410000", "2023-06-23 22:33:44.12741"});
  samples.push_back({"int64", nano, "", "-1000", "1969-12-31 23:59:59.999999"});
  samples.push_back({"int64", nano, "", "9223372036854775807", "infinity"});
  samples.push_back({"int64", nano, "", "-9223372036854775808", "-infinity"});
  const char* iso = "io.debezium.time.IsoTimestamp";
  samples.push_back(
      {"string", iso, "", R"("2019-07-09T02:28:57.123456Z")", "2019-07-09 02:28:57.123456"});
  samples.push_back({"string", iso, "", R"("+294247-01-10T04:00:25.2Z")", "infinity"});
  samples.push_back({"string", iso, "", R"("-290308-12-21T19:59:27.6Z")", "-infinity"});
  samples.push_back({"string", iso, "", R"("+292278994-08-16T23:00:00Z")", "infinity"});
  samples.push_back({"string", iso, "", R"("-292275055-05-16T23:00:00Z")", "-infinity"});
  samples.push_back(
      {"string", iso, "", R"("+294276-12-31T23:59:59.999999Z")", "294276-12-31 23:59:59.999999"});
  const char* zoned = "io.debezium.time.ZonedTimestamp";
  samples.push_back(
      {"string", zoned, "", R"("2016-11-04T13:51:30.000000Z")", "2016-11-04 13:51:30+00"});
  samples.push_back({"string", zoned, "", R"("2016-11-04T13:51:30Z")", "2016-11-04 13:51:30+00"});
  samples.push_back(
      {"string", zoned, "", R"("2016-11-04T13:51:30.5+02:00")", "2016-11-04 11:51:30.5+00"});
  samples.push_back({"string", zoned, "", R"("+21016-11-04T06:51:30.123456Z")",
                     "21016-11-04 06:51:30.123456+00"});
  samples.push_back({"string", zoned, "", R"("-4713-12-31T23:59:59.999999Z")",
                     "4714-12-31 23:59:59.999999+00 BC"});
  samples.push_back({"string", zoned, "", R"("infinity")", "infinity"});
  samples.push_back({"string", zoned, "", R"("-infinity")", "-infinity"});
  return samples;
}

const std::vector<Sample>& samples() {
  static const std::vector<Sample> kAll = [] {
    std::vector<Sample> all;
    for (const auto& part : {numeric_samples(), number_samples(), text_samples(), date_samples(),
                             time_samples(), timestamp_samples(), interval_samples(),
                             structured_samples(), named_samples(), geometric_samples()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return kAll;
}

Change decoded(const Sample& sample) {
  const std::string value =
      change_json({{"c", sample.type, sample.semantic, sample.parameters, sample.items}},
                  {.op = "c", .before = "null", .after = R"({"c":)" + sample.json + "}"});
  return std::get<Change>(Decoder().decode(message(nullptr, &value)));
}

// The decoded cell as PostgreSQL reads and prints it.
class Cells {
 public:
  Cells() : connection_(database_.connect()) {
    connection_.exec("SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET bytea_output = 'hex'");
  }
  std::optional<std::string> text(const Change& change) {
    const std::string type(catalog::row_of(change.schema->columns.at(0).type).sql);
    connection_.exec("DROP TABLE IF EXISTS cell; CREATE TEMP TABLE cell (c " + type + ")");
    const std::string tuple = std::string("\0\1", 2) + change.row.fields;
    const std::string_view chunk = tuple;
    EXPECT_EQ(connection_.copy_binary("COPY cell FROM STDIN (FORMAT binary)", {&chunk, 1}), 1);
    return connection_.exec("SELECT c::text FROM cell").optional_text(0, 0);
  }

 private:
  TestDatabase database_;
  catalog::Connection connection_;
};

const ingest::TypeRow& row_for(const Sample& sample) {
  const auto is_of = [&](std::string_view name) {
    return sample.parameters.find("\"" + std::string(name) + "\"") != std::string::npos;
  };
  for (const ingest::TypeRow& row : ingest::decode_table()) {
    const bool fits = (row.type.empty() || row.type == sample.type) &&
                      (row.semantic.empty() || row.semantic == sample.semantic) &&
                      (row.source_type.empty() || is_of(row.source_type));
    if (fits) return row;
  }
  throw std::logic_error("the last row of the table fits everything");
}

TEST(DecodeTable, HasAnOrdinaryAndAnExtremeSampleForEachRow) {
  for (const ingest::TypeRow& row : ingest::decode_table()) {
    const auto count = std::count_if(samples().begin(), samples().end(), [&](const Sample& sample) {
      return &row_for(sample) == &row;
    });
    EXPECT_GE(count, 2) << row.type << " " << row.semantic << " " << row.source_type;
  }
}

TEST(DecodeTable, GivesTheTypeOfItsRow) {
  for (const Sample& sample : samples()) {
    EXPECT_EQ(decoded(sample).schema->columns.at(0).type, row_for(sample).pg_type)
        << sample.type << " " << sample.semantic;
  }
}

TEST(DecodeTable, ReachesPostgresExactly) {
  Cells cells;
  for (const Sample& sample : samples()) {
    SCOPED_TRACE(sample.type + " " + sample.semantic + " " + sample.json);
    EXPECT_EQ(cells.text(decoded(sample)), sample.text);
  }
}

TEST(DecodeTable, MakesArraysOfItsElements) {
  Cells cells;
  for (Sample sample : array_samples()) {
    SCOPED_TRACE(sample.items + " " + sample.json);
    const Change change = decoded(sample);
    EXPECT_EQ(cells.text(change), sample.text);
    const bool is_array = catalog::row_of(change.schema->columns.at(0).type).element.has_value();
    EXPECT_EQ(is_array, sample.text.starts_with("{"));
    sample.json = "null";
    EXPECT_EQ(cells.text(decoded(sample)), std::nullopt);
  }
}

TEST(DecodeTable, KeepsNullInEveryType) {
  Cells cells;
  for (Sample sample : samples()) {
    sample.json = "null";
    EXPECT_EQ(cells.text(decoded(sample)), std::nullopt) << sample.type << " " << sample.semantic;
  }
}

struct Refused {
  Sample sample;
  std::string reason;
};

std::vector<Refused> refused() {
  return {
      {{"int16", "", "", "32768", ""}, "integer out of range"},
      {{"int8", "", "", "200", ""}, "integer out of range"},
      {{"int64", "", "", "9223372036854775808", ""}, "integer out of range"},
      {{"int32", "", "", "1.0", ""}, "expected an integer"},
      {{"int32", "", "", R"("1")", ""}, "expected an integer"},
      {{"float", "", "", "1e39", ""}, "float out of range"},
      {{"float", "", "", R"("nan")", ""}, "expected a number"},
      {{"boolean", "", "", "1", ""}, "expected a boolean"},
      {{"string", "", "", "1", ""}, "expected a string"},
      {{"string", "", "", R"("\ud800x")", ""}, ""},
      {{"bytes", "", "", R"("AQI")", ""}, "not base64"},
      {{"bytes", "", "", R"("AQ-D")", ""}, "not base64"},
      {{"bytes", "", "", R"("A===")", ""}, "not base64"},
      {{"bytes", "", "", R"("AA==AA==")", ""}, "not base64"},
      {{"bytes", kDecimal, scale(2), R"("")", ""}, "decimal without bytes"},
      {{"bytes", kDecimal, scale(20000), R"("AQ==")", ""}, "numeric value out of range"},
      {{"bytes", kDecimal, scale(-140000), R"("AQ==")", ""}, "numeric value out of range"},
      {{"bytes", kDecimal, scale(2), "1e999999", ""}, "numeric value out of range"},
      {{"struct", kVariable, "", R"({"scale":2})", ""}, "without scale or value"},
      {{"struct", kVariable, "", "[]", ""}, "expected a VariableScaleDecimal"},
      {{"bytes", kBits, length("2"), R"("BQ==")", ""}, "more bits than the type has"},
      {{"string", "io.debezium.data.Uuid", "", R"("a0eebc99")", ""}, "not a uuid"},
      {{"string", "io.debezium.data.Uuid", "", R"("g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")", ""},
       "not a uuid"},
      {{"int32", "io.debezium.time.Date", "", "-2440589", ""}, "date out of"},
      {{"int32", "io.debezium.time.Date", "", "2145042906", ""}, "date out of"},
      {{"string", "io.debezium.time.IsoDate", "", R"("2017-02-29Z")", ""}, "not a date"},
      {{"int64", "io.debezium.time.MicroTimestamp", "", "-210866803200000001", ""},
       "timestamp out of"},
      {{"int64", "io.debezium.time.Timestamp", "", "9223372036854775807", ""}, "timestamp out of"},
      {{"string", "io.debezium.time.ZonedTimestamp", "", R"("2016-13-04T00:00:00Z")", ""},
       "not a timestamp"},
      {{"string", "io.debezium.time.ZonedTimestamp", "", R"("2016-11-04T00:00:00")", ""},
       "not a timestamp"},
      {{"string", "io.debezium.time.ZonedTimestamp", "", R"("+9999999999-11-04T00:00:00Z")", ""},
       "out of"},
      {{"string", "io.debezium.time.ZonedTime", "", R"("24:00:01Z")", ""}, "not a time"},
      {{"string", "io.debezium.time.ZonedTime", "", R"("04:05:06+16:00")", ""}, "offset out of"},
  };
}

TEST(DecodeTable, RefusesWhatPostgresCannotHoldAndNamesTheColumn) {
  for (const Refused& refused : refused()) {
    SCOPED_TRACE(refused.sample.type + " " + refused.sample.semantic + " " + refused.sample.json);
    try {
      decoded(refused.sample);
      ADD_FAILURE() << "was decoded";
    } catch (const DecodeError& error) {
      const std::string reason = error.what();
      EXPECT_NE(reason.find(refused.reason), std::string::npos) << reason;
      if (!refused.reason.empty()) {
        EXPECT_EQ(reason.find("column \"c\": "), 0U) << reason;
      }
      EXPECT_EQ(error.sqlstate.substr(0, 2), "22");
    }
  }
}

// MySQL's; the table's column becomes text.
TEST(Time, OutsideADayMakesTheColumnText) {
  struct Long {
    const char* type;
    const char* semantic;
    const char* json;
    const char* text;
  };
  const std::vector<Long> times = {
      {"int32", "io.debezium.time.Time", "-1", "-00:00:00.001"},
      {"int64", "io.debezium.time.MicroTime", "86400000001", "24:00:00.000001"},
      {"int64", "io.debezium.time.MicroTime", "-3020399000000", "-838:59:59"},
      {"int64", "io.debezium.time.MicroTime", "-9223372036854775808", "-2562047788:00:54.775808"},
      {"int64", "io.debezium.time.NanoTime", "-1500500999", "-00:00:01.500500999"},
      {"int64", "io.debezium.time.NanoTime", "9223372036854775807", "2562047:47:16.854775807"},
  };
  Cells cells;
  for (const Long& time : times) {
    SCOPED_TRACE(time.json);
    EXPECT_EQ(decoded({time.type, time.semantic, "", "0", ""}).schema->columns.at(0).type,
              catalog::PgType::time);
    const Change change = decoded({time.type, time.semantic, "", time.json, ""});
    EXPECT_EQ(change.schema->columns.at(0).type, catalog::PgType::text);
    EXPECT_EQ(cells.text(change), time.text);
  }
}

// SQL Server's and Oracle's, and what claims a type and is none of its values.
TEST(DecodeTable, KeepsWhatItsTypeCannotHoldAsText) {
  struct Wide {
    Sample sample;
    std::string ordinary;  // a value that the type holds
  };
  const std::string srid = R"({"x":1.0,"y":2.0,"srid":4326})";
  const std::vector<Wide> wide = {
      {{"int64", "io.debezium.time.NanoTime", "", "14711789123400", "04:05:11.7891234"}, "0"},
      {{"int64", "io.debezium.time.NanoTimestamp", "", "1687559624127410100",
        "2023-06-23 22:33:44.1274101"},
       "0"},
      {{"int64", "io.debezium.time.NanoTimestamp", "", "-1", "1969-12-31 23:59:59.999999999"}, "0"},
      {{"string", "io.debezium.time.IsoTime", "", R"("04:05:11.7891234Z")", "04:05:11.7891234"},
       R"("24:00:00Z")"},
      {{"string", "io.debezium.time.IsoTimestamp", "", R"("-4712-01-01T00:00:00.0000001Z")",
        "4713-01-01 00:00:00.0000001 BC"},
       R"("2019-07-09T02:28:57Z")"},
      {{"string", "io.debezium.time.ZonedTimestamp", "", R"("2016-11-04T13:51:30.1234567-11:00")",
        "2016-11-05 00:51:30.1234567+00"},
       R"("2016-11-04T13:51:30Z")"},
      {{"string", "io.debezium.time.Interval", "", R"("P3000000000Y0M0DT0H0M0S")",
        "P3000000000Y0M0DT0H0M0S"},
       R"("P1Y0M0DT0H0M0S")"},
      {{"string", "", source_type("INET"), R"("example.org")", "example.org"}, R"("10.0.0.1")"},
      {{"string", "", source_type("MACADDR"), R"("08002b010203")", "08002b010203"},
       R"("08:00:2b:01:02:03")"},
      {{"string", "", source_type("TSRANGE"), R"x("[yesterday,)")x", "[yesterday,)"}, R"("empty")"},
      {{"string", "", source_type("INT4RANGE"), R"("[1,2")", "[1,2"}, R"("empty")"},
      {{"string", "", source_type("NUMERIC"), R"("one")", "one"}, R"("1")"},
      {{"struct", "io.debezium.data.geometry.Point", "", srid, srid}, R"({"x":1,"y":2})"},
      {{"struct", "io.debezium.time.StructuredTime", "", R"({"nanos":1})", R"({"nanos":1})"},
       R"({"hour":1})"},
  };
  Cells cells;
  for (const Wide& each : wide) {
    SCOPED_TRACE(each.sample.semantic + " " + each.sample.json);
    Sample ordinary = each.sample;
    ordinary.json = each.ordinary;
    EXPECT_NE(decoded(ordinary).schema->columns.at(0).type, catalog::PgType::text);
    const Change change = decoded(each.sample);
    EXPECT_EQ(change.schema->columns.at(0).type, catalog::PgType::text);
    EXPECT_EQ(cells.text(change), each.sample.text);
  }
}

// An event after it prints as the same time of the table's own column does when that is made text.
TEST(Time, InsideADayIsTheSameTextFromThenOn) {
  const std::vector<TestField> fields = {{"c", "int64", "io.debezium.time.MicroTime", ""}};
  Cells cells;
  for (const std::string json : {"0", "1", "14711789100", "86399999999", "86400000000"}) {
    Decoder decoder;
    const auto decode = [&](const std::string& time) {
      const std::string value = change_json(fields, {.op = "c", .after = R"({"c":)" + time + "}"});
      return std::get<Change>(decoder.decode(message(nullptr, &value)));
    };
    const Change before = decode(json);
    decode("-1");
    const Change after = decode(json);
    EXPECT_EQ(before.schema->columns.at(0).type, catalog::PgType::time);
    EXPECT_EQ(after.schema->columns.at(0).type, catalog::PgType::text);
    EXPECT_EQ(cells.text(after), cells.text(before));
  }
}

// 131072 digits before and 16383 after the point are the most that PostgreSQL takes.
TEST(Decimal, ReachesPostgresLimits) {
  Cells cells;
  const std::string longest = std::string(131072, '9') + "." + std::string(16383, '7');
  EXPECT_EQ(cells.text(decoded({"bytes", kDecimal, scale(2), longest, ""})), longest);
  EXPECT_THROW(decoded({"bytes", kDecimal, scale(2), "1" + longest, ""}), DecodeError);
  EXPECT_THROW(decoded({"bytes", kDecimal, scale(2), longest + "1", ""}), DecodeError);
}

}  // namespace
}  // namespace metadb::tests
