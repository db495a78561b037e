// Samples for every row of the decode table.
#pragma once

#include <string>
#include <vector>

#include "tests/ingest/debezium_carried_samples.h"
#include "tests/ingest/debezium_samples.h"
#include "tests/ingest/debezium_time_samples.h"

namespace metadb::tests {

inline const std::string kDecimal = "org.apache.kafka.connect.data.Decimal";
inline const std::string kVariable = "io.debezium.data.VariableScaleDecimal";
inline const std::string kBits = "io.debezium.data.Bits";
inline const std::string kJson = "io.debezium.data.Json";

inline std::string scale(int digits) {
  return R"({"scale":")" + std::to_string(digits) + R"("})";
}
inline std::string length(const std::string& bits) {
  return R"({"length":")" + bits + R"("})";
}

inline std::string bit_one_of_64() {
  std::string bits(64, '0');
  bits[0] = '1';
  return bits;
}

inline std::vector<Sample> numeric_samples() {
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

inline std::vector<Sample> number_samples() {
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
      {"float", "", "", R"("Infinity")", "Infinity"},
      {"float", "", "", R"("-Infinity")", "-Infinity"},
      {"double", "", "", "4.44", "4.44"},
      {"double", "", "", "1.7976931348623157E308", "1.7976931348623157e+308"},
      {"double", "", "", "4.9E-324", "5e-324"},
      {"double", "", "", R"("Infinity")", "Infinity"},
      {"double", "", "", R"("-Infinity")", "-Infinity"},
      {"double", "", "", R"("NaN")", "NaN"},
  };
}

inline std::vector<Sample> text_samples() {
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
      {"struct", "io.debezium.data.vector.Other", "", R"({"wkb":"AQ==","x":1})",
       R"({"wkb":"AQ==","x":1})"},
  };
}

inline std::vector<Sample> binary_mode_samples() {
  const std::string bytea = source_type("BYTEA");
  return {
      {"string", "", bytea, R"("+/++")", "\\xfbffbe", "", "base64"},
      {"string", "", bytea, R"("AA==")", "\\x00", "", "base64"},
      {"string", "", bytea, R"("")", "\\x", "", "base64"},
      {"string", "", bytea, R"("-_--")", "\\xfbffbe", "", "base64-url-safe"},
      {"string", "", bytea, R"("AA==")", "\\x00", "", "base64-url-safe"},
      {"string", "", bytea, R"("")", "\\x", "", "base64-url-safe"},
      {"string", "", bytea, R"("00ffbE")", "\\x00ffbe", "", "hex"},
      {"string", "", bytea, R"("")", "\\x", "", "hex"},
  };
}

inline const std::vector<Sample>& samples() {
  static const std::vector<Sample> kAll = [] {
    std::vector<Sample> all;
    for (const auto& part :
         {numeric_samples(), number_samples(), text_samples(), binary_mode_samples(),
          date_samples(), time_samples(), timestamp_samples(), interval_samples(),
          structured_samples(), named_samples(), geometric_samples(), shape_samples(),
          hstore_samples(), vector_samples(), text_type_samples(), unknown_type_samples(),
          unknown_extension_samples()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return kAll;
}

}  // namespace metadb::tests
