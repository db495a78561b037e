#include "ingest/debezium_types.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "catalog/postgres.h"
#include "ingest/debezium.h"
#include "tests/fakes/test_database.h"
#include "tests/ingest/debezium_array_samples.h"
#include "tests/ingest/debezium_message.h"
#include "tests/ingest/debezium_value_samples.h"

namespace metadb::tests {
namespace {

using ingest::Change;
using ingest::DecodeError;
using ingest::Decoder;

Change decoded(const Sample& sample) {
  const std::string value =
      change_json({{"c", sample.type, sample.semantic, sample.parameters, sample.items}},
                  {.op = "c", .before = "null", .after = R"({"c":)" + sample.json + "}"});
  Decoder decoder({.binary_mode = ingest::binary_mode_named(sample.mode)});
  return std::get<Change>(decoder.decode(message(nullptr, &value)));
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

const std::string kGeometry = "io.debezium.data.geometry.Geometry";

const ingest::TypeRow& row_for(const Sample& sample) {
  const auto is_of = [&](std::string_view name) {
    return sample.parameters.find("\"" + std::string(name) + "\"") != std::string::npos;
  };
  const std::string& type = sample.mode == "bytes" ? sample.type : sample.mode;
  for (const ingest::TypeRow& row : ingest::decode_table()) {
    const bool fits = (row.type.empty() || row.type == type) &&
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

// What a type has beside values that are one as any other. Not every encoding can say all of it.
std::vector<std::string> special_texts(const ingest::TypeRow& row) {
  using enum catalog::PgType;
  constexpr std::array<std::string_view, 3> kWithWords = {"NUMERIC", "DECIMAL", "MONEY"};
  switch (row.pg_type) {
    case boolean:
      return {"true", "false"};
    case float4:
    case float8:
      return {"NaN", "Infinity", "-Infinity"};
    case numeric:
      if (std::ranges::find(kWithWords, row.source_type) == kWithWords.end()) return {};
      return {"NaN", "Infinity", "-Infinity"};
    case date:
    case timestamptz:
      return {"infinity", "-infinity", "* BC"};
    case timestamp:
      if (row.semantic == "io.debezium.time.NanoTimestamp") return {"infinity", "-infinity"};
      return {"infinity", "-infinity", "* BC"};
    case time:
      return {"24:00:00"};
    case timetz:
      return {"24:00:00*"};
    case interval:
      return {"-*"};
    case int4range:
    case int8range:
    case numrange:
    case daterange:
    case tsrange:
    case tstzrange:
      return {"empty", "(,)"};
    case bytea:
      if (row.type == "struct") return {};
      return {"\\x"};
    default:
      return {};
  }
}

// A star stands for anything, at one end.
bool is_like(const std::string& text, const std::string& pattern) {
  if (pattern.starts_with('*')) return text.ends_with(pattern.substr(1));
  if (pattern.ends_with('*')) return text.starts_with(pattern.substr(0, pattern.size() - 1));
  return text == pattern;
}

TEST(DecodeTable, HasSamplesOfSpecialValues) {
  for (const ingest::TypeRow& row : ingest::decode_table()) {
    for (const std::string& special : special_texts(row)) {
      EXPECT_TRUE(std::ranges::any_of(samples(),
                                      [&](const Sample& sample) {
                                        return &row_for(sample) == &row &&
                                               is_like(sample.text, special);
                                      }))
          << row.type << " " << row.semantic << " " << row.source_type << ": " << special;
    }
  }
}

TEST(DecodeTable, HasSamplesOfArraysWithNullOfEachElement) {
  std::set<catalog::PgType> with_null;
  for (const Sample& sample : array_samples()) {
    if (sample.text.find(",NULL") != std::string::npos)
      with_null.insert(decoded(sample).schema->columns.at(0).type);
  }
  for (const catalog::PgTypeRow& row : catalog::pg_types()) {
    if (!row.element) continue;
    EXPECT_TRUE(with_null.contains(row.type)) << row.name;
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
      {{"map", "", "", R"("k")", ""}, "expected a map"},
      {{"struct", kGeometry, "", R"({"srid":4326})", ""}, "without wkb"},
      {{"struct", kGeometry, "", R"({"wkb":"AQEA","srid":4326})", ""}, "cut short"},
      {{"struct", kGeometry, "", R"({"wkb":"","srid":null})", ""}, "cut short"},
      {{"array", "io.debezium.data.DoubleVector", "", "[null]", ""}, "NULL in it"},
      {{"array", "io.debezium.data.DoubleVector", "", "7", ""}, "expected a vector"},
      {{"struct", "io.debezium.data.SparseVector", "", "{}", ""}, "without dimensions"},
      {{"struct", "io.debezium.data.SparseVector", "", R"({"dimensions":1,"vector":[[1]]})", ""},
       "without index or number"},
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
  // No box has two corners.
  const std::string lame =
      R"({"wkb":"AQIAAAABAAAAAAAAAAAA8D8AAAAAAAAAQA==","extensions":{"type":"box"}})";
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
      // Of a domain over text that has the name of a type of Oracle's.
      {{"string", "", source_type("NUMBER"), R"("007")", "007"}, R"("7")"},
      {{"string", "", source_type("NUMBER"), R"("NAN")", "NAN"}, R"("7.0")"},
      {{"string", "", source_type("SMALLMONEY"), R"("1E+5")", "1E+5"}, R"("-7")"},
      {{"struct", "io.debezium.data.geometry.Point", "", srid, srid}, R"({"x":1,"y":2})"},
      {{"struct", "io.debezium.time.StructuredTime", "", R"({"nanos":1})", R"({"nanos":1})"},
       R"({"hour":1})"},
      {{"struct", kGeometry, source_type("BOX"), lame, lame},
       R"({"wkb":"AQMAAAABAAAABQAAAAAAAAAAAPA/AAAAAAAAAEAAAAAAAADwPwAAAAAAABBAAAA)"
       R"(AAAAACEAAAAAAAAAQQAA)"
       R"(AAAAAAAhAAAAAAAAAAEAAAAAAAADwPwAAAAAAAABA","extensions":{"type":"box"}})"},
      {{"array", "io.debezium.data.DoubleVector", "", "[0.1234567890123]", "[0.1234567890123]",
        R"({"type":"double"})"},
       "[0.1]"},
  };
  Cells cells;
  for (const Wide& each : wide) {
    SCOPED_TRACE(each.sample.semantic + " " + each.sample.json);
    Sample ordinary = each.sample;
    ordinary.json = each.ordinary;
    const auto type = decoded(ordinary).schema->columns.at(0);
    EXPECT_TRUE(type.type != catalog::PgType::text || type.stands_for) << "is text anyway";
    const Change change = decoded(each.sample);
    EXPECT_EQ(change.schema->columns.at(0).type, catalog::PgType::text);
    EXPECT_FALSE(change.schema->columns.at(0).stands_for);
    EXPECT_EQ(cells.text(change), each.sample.text);
  }
}

// Without the source's type: one column has values of one shape.
TEST(DecodeTable, KeepsShapesWithoutTheirTypeAsTheyPrint) {
  Cells cells;
  for (Sample sample : shape_samples()) {
    if (sample.json.find("extensions") == std::string::npos) continue;
    sample.parameters = "";
    SCOPED_TRACE(sample.json);
    const Change change = decoded(sample);
    EXPECT_EQ(change.schema->columns.at(0).type, catalog::PgType::text);
    EXPECT_EQ(cells.text(change), sample.text);
  }
}

TEST(DecodeTable, KeepsBytesThatAreNoText) {
  for (const std::string json : {R"("/w==")", R"("AAAAAA==")"}) {
    const Change change = decoded({"bytes", "", source_type("VECTOR"), json, ""});
    EXPECT_EQ(change.schema->columns.at(0).type, catalog::PgType::bytea);
    EXPECT_FALSE(change.schema->columns.at(0).stands_for);
  }
}

// MySQL's POLYGON, with the name of its type.
TEST(DecodeTable, TakesPolygonsOfOtherDatabasesForGeometries) {
  const Change change = decoded(
      {"struct", kGeometry, source_type("POLYGON"), R"({"wkb":"AQMAAAAAAAAA","srid":null})", ""});
  EXPECT_EQ(change.schema->columns.at(0).type, catalog::PgType::bytea);
  EXPECT_EQ(change.schema->columns.at(0).stands_for, catalog::CarriedType::geometry);
}

// A field, a value that makes its column text, and values that did not.
struct Widening {
  TestField field;
  std::string wide;
  std::vector<std::string> fitting;
};

std::vector<Widening> widenings_of_times() {
  const std::string time = "io.debezium.time.";
  return {
      {{"c", "int32", time + "Time", ""}, "-1", {"0", "1", "43200000", "86400000"}},
      {{"c", "int64", time + "MicroTime", ""},
       "-1",
       {"0", "1", "14711789100", "86399999999", "86400000000"}},
      {{"c", "int64", time + "NanoTime", ""}, "1", {"0", "14711789100000", "86400000000000"}},
      {{"c", "int64", time + "NanoTimestamp", ""},
       "1",
       {"0", "1687559624127410000", "-1000", "9223372036854775807", "-9223372036854775808"}},
      {{"c", "string", time + "IsoTime", ""}, R"("00:00:00.0000001Z")", {R"("24:00:00Z")"}},
      {{"c", "string", time + "IsoTimestamp", ""},
       R"("2019-07-09T02:28:57.0000001Z")",
       {R"("-4712-01-01T00:00:00Z")", R"("+294247-01-10T04:00:25.2Z")"}},
      {{"c", "string", time + "ZonedTimestamp", ""},
       R"("2016-11-04T13:51:30.1234567Z")",
       {R"("2016-11-04T13:51:30.12-11:00")", R"("-infinity")"}},
      {{"c", "struct", time + "StructuredTime", ""},
       R"({"hour":-1})",
       {R"({"hour":12,"minute":0,"second":0,"nanos":0,"precision":6})", R"({"hour":24})",
        R"({"second":1,"nanos":120000000})"}},
      {{"c", "struct", time + "StructuredTimestamp", ""},
       R"({"year":2019,"month":1,"day":1,"nanos":1})",
       {R"({"year":2019,"month":1,"day":1})", R"({"specialValue":"NEGATIVE_INFINITY"})",
        R"({"year":-99,"month":12,"day":31,"hour":23,"nanos":1000})"}},
      {{"c", "struct", time + "StructuredZonedTime", ""},
       R"({"nanos":1})",
       {R"({"hour":1,"offsetSeconds":0})", R"({"hour":1,"offsetSeconds":19800})",
        R"({"minute":1,"nanos":5000,"offsetSeconds":-3615})"}},
      {{"c", "struct", time + "StructuredZonedTimestamp", ""},
       R"({"year":2019,"month":1,"day":1,"nanos":1})",
       {R"({"year":2019,"month":1,"day":1,"hour":1,"offsetSeconds":7200})",
        R"({"specialValue":"POSITIVE_INFINITY"})"}},
      {{"c", "struct", time + "StructuredDuration", ""},
       R"({"nanos":1})",
       {"{}", R"({"years":1,"months":2,"days":-3,"hours":4,"minutes":5,"nanos":789000000})",
        R"({"months":-1,"days":1})", R"({"days":-1,"seconds":1})", R"({"hours":-100})"}},
      {{"c", "string", time + "Interval", ""},
       R"("P3000000000Y0M0DT0H0M0S")",
       {R"("P1Y2M3DT4H5M6.78S")", R"("P-1Y-2M-3DT-4H-5M-6.78S")", R"("P0Y0M0DT0H0M0S")",
        R"("P-1Y0M1DT1H0M0S")", R"("P0Y-13M0DT0H0M-0.000001S")", R"("P0Y0M1DT0H0M0S")"}},
  };
}

std::vector<Widening> widenings_of_others() {
  return {
      {{"c", "string", "", source_type("TSTZRANGE")},
       R"x("[x,)")x",
       {R"x("[\"2019-03-31 15:30:00+02\",infinity)")x", R"x("empty")x", R"x("(,)")x"}},
      {{"c", "string", "", source_type("TSRANGE")},
       R"x("[x,)")x",
       {R"("(\"2019-03-31 15:30:00\",\"2019-03-31 15:30:00.5\"]")"}},
      {{"c", "string", "", source_type("DATERANGE")},
       R"x("[x,)")x",
       {R"x("[2019-01-01,infinity)")x"}},
      {{"c", "string", "", source_type("NUMRANGE")},
       R"x("[x,)")x",
       {R"x("[1.50,2]")x", R"x("(,1.0)")x"}},
      {{"c", "string", "", source_type("INT4RANGE")}, R"x("[x,)")x", {R"x("[1,6000)")x"}},
      {{"c", "string", "", source_type("INET")}, R"("x")", {R"("10.1.2.3/8")", R"("fe80::1/64")"}},
      {{"c", "string", "", source_type("NUMERIC")},
       R"("one")",
       {R"("NAN")", R"("POSITIVE_INFINITY")", R"("NEGATIVE_INFINITY")", R"("-123.450")",
        R"("0.00")", R"("-0.00")", R"("1E+5")", R"("00012.5")", R"("10000")",
        R"("100000000.00010")", R"("0.00000012")"}},
      {{"c", "string", "", source_type("NUMBER")},
       R"("007")",
       {R"("-123.450")", R"("0.00")", R"("10000")", R"("0")"}},
      {{"c", "struct", "io.debezium.data.geometry.Point", ""},
       R"({"x":1.0,"y":2.0,"srid":4326})",
       {R"({"x":1.0,"y":1.5})", R"({"x":-0.0,"y":1e300})", R"({"x":1e-7,"y":123456789.25})"}},
      {{"c", "struct", kGeometry, ""},
       R"({"wkb":"AQIAAAACAAAAAAAAAAAA8D8AAAAAAAAAQAAAAAAAAAhAAAAAAAAAEEA=","extensions":)"
       R"({"type":"lseg"}})",
       {R"({"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":3857})"}},
      {{"c", "array", "io.debezium.data.DoubleVector", "", R"({"type":"double"})"},
       "[0.1234567890123]",
       {"[1.0,2.50]"}},
      {{"c", "struct", "io.debezium.data.SparseDoubleVector", ""},
       R"({"dimensions":5,"vector":[[1,0.1234567890123]]})",
       {R"({"dimensions":5,"vector":[[3,2.0],[1,0.5]]})"}},
  };
}

std::vector<Widening> widenings_of_arrays() {
  const auto array = [](const std::string& items) {
    return TestField{"c", "array", "", "", items};
  };
  return {
      {array(items_of("int64", "io.debezium.time.MicroTime")), "[-1]", {"[0,null,1]", "[]"}},
      {array(items_of("int32", "io.debezium.time.Date")),
       "[2147483647]",
       {"[17109,null,-2147472692]", "[-800000]"}},
      {array(items_of("int64", "io.debezium.time.Timestamp")), "[-210866803200001]", {"[0,-1]"}},
      {array(items_of("int64", "io.debezium.time.MicroTimestamp")),
       "[-210866803200000001]",
       {"[1687559624127410,-210831897600000001]"}},
      {array(items_of("string", "io.debezium.time.ZonedTimestamp")),
       R"(["2016-11-04T13:51:30.1234567Z"])",
       {R"(["2016-11-04T13:51:30-11:00",null,"infinity"])"}},
      {array(items_of("string", "", source_type("NUMERIC"))),
       R"(["one"])",
       {R"(["NAN","1.50",null,"POSITIVE_INFINITY"])"}},
      {array(items_of("string", "", source_type("TSTZRANGE"))),
       R"(["x"])",
       {R"x(["[\"2019-03-31 15:30:00+02\",)","empty"])x"}},
      {array(items_of("string", "", source_type("INET"))),
       R"(["x"])",
       {R"(["10.0.0.1","fe80::1/64",null])"}},
  };
}

// What fits the former type is printed as PostgreSQL prints it: a column that has
// become text, or a decoder that has forgotten so, makes no other value of it.
TEST(DecodeTable, PrintsWhatStillFitsAsPostgresDoes) {
  std::vector<Widening> all = widenings_of_times();
  for (const auto& more : {widenings_of_others(), widenings_of_arrays()})
    all.insert(all.end(), more.begin(), more.end());
  Cells cells;
  for (const Widening& each : all) {
    for (const std::string& json : each.fitting) {
      SCOPED_TRACE(each.field.semantic + each.field.parameters + each.field.items + " " + json);
      Decoder decoder;
      const auto decode = [&](const std::string& value) {
        const std::string text =
            change_json({each.field}, {.op = "c", .after = R"({"c":)" + value + "}"});
        return std::get<Change>(decoder.decode(message(nullptr, &text)));
      };
      const Change before = decode(json);
      const auto column = before.schema->columns.at(0);
      EXPECT_TRUE(column.type != catalog::PgType::text || column.stands_for) << "is text anyway";
      decode(each.wide);
      const Change after = decode(json);
      EXPECT_EQ(after.schema->columns.at(0).type, catalog::PgType::text);
      EXPECT_FALSE(after.schema->columns.at(0).stands_for);
      EXPECT_EQ(cells.text(after), cells.text(before));
    }
  }
}

// What 13 does not know makes the column text, in an array as well.
TEST(DecodeTable, KeepsInfinitiesAsTextWhereNumericHasNone) {
  Cells cells;
  const TestField plain = {"c", "string", "", source_type("NUMERIC")};
  const TestField array = {"c", "array", "", "", items_of("string", "", source_type("NUMERIC"))};
  struct Infinite {
    TestField field;
    std::string json;
    catalog::PgType type;
    std::string text;
  };
  for (const Infinite& each : std::vector<Infinite>{
           {plain, R"("POSITIVE_INFINITY")", catalog::PgType::text, "Infinity"},
           {plain, R"("NEGATIVE_INFINITY")", catalog::PgType::text, "-Infinity"},
           {plain, R"("NAN")", catalog::PgType::numeric, "NaN"},
           {plain, R"("-1.50")", catalog::PgType::numeric, "-1.50"},
           {array, R"([null,"1.5","NEGATIVE_INFINITY"])", catalog::PgType::text,
            "{NULL,1.5,-Infinity}"},
           {array, R"([null,"1.5","NAN"])", catalog::PgType::numeric_array, "{NULL,1.5,NaN}"}}) {
    SCOPED_TRACE(each.json);
    const std::string value =
        change_json({each.field}, {.op = "c", .after = R"({"c":)" + each.json + "}"});
    Decoder decoder({.has_numeric_infinity = false});
    const Change change = std::get<Change>(decoder.decode(message(nullptr, &value)));
    EXPECT_EQ(change.schema->columns.at(0).type, each.type);
    EXPECT_EQ(cells.text(change), each.text);
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
