// Samples of arrays, with a NULL for every type of elements.
#pragma once

#include <string>
#include <vector>

#include "tests/ingest/debezium_value_samples.h"

namespace metadb::tests {

inline Sample array_sample(const std::string& items, const std::string& json,
                           const std::string& text, const std::string& name = "") {
  return {"array", "", name.empty() ? "" : source_type(name), json, text, items};
}
inline std::string items_of(const std::string& type, const std::string& semantic = "",
                            const std::string& parameters = "") {
  return R"({"type":")" + type + R"(","optional":true)" +
         (semantic.empty() ? "" : R"(,"name":")" + semantic + "\"") +
         (parameters.empty() ? "" : R"(,"parameters":)" + parameters) + "}";
}

inline std::vector<Sample> array_samples_of_numbers() {
  return {
      array_sample(items_of("int16"), "[1,-32768,null]", "{1,-32768,NULL}"),
      array_sample(items_of("int32"), "[]", "{}"),
      array_sample(items_of("int32"), "[1,2,null]", "{1,2,NULL}"),
      array_sample(items_of("int64"), "[9007199254740993,null]", "{9007199254740993,NULL}"),
      array_sample(items_of("boolean"), "[true,false,null]", "{t,f,NULL}"),
      array_sample(items_of("float"), R"([3.3,"NaN",null])", "{3.3,NaN,NULL}"),
      array_sample(items_of("double"), R"([0.1,"-Infinity",null])", "{0.1,-Infinity,NULL}"),
      array_sample(items_of("bytes", kDecimal, scale(2)), R"(["MDk=",null])", "{123.45,NULL}"),
      array_sample(items_of("struct", kVariable), R"([{"scale":3,"value":"/w=="},null])",
                   "{-0.001,NULL}"),
      array_sample(items_of("string"), R"(["1.50",null,"NAN","POSITIVE_INFINITY"])",
                   "{1.50,NULL,NaN,Infinity}", "_NUMERIC"),
  };
}

inline std::vector<Sample> array_samples_of_times() {
  const std::string time = "io.debezium.time.";
  return {
      array_sample(items_of("int32", time + "Date"), "[17109,-2147472692,null]",
                   "{2016-11-04,infinity,NULL}"),
      array_sample(items_of("string", time + "IsoDate"), R"(["0000-02-29Z",null])",
                   R"({"0001-02-29 BC",NULL})"),
      array_sample(items_of("struct", time + "StructuredDate"),
                   R"([{"year":2016,"month":11,"day":4,"specialValue":null},null,)"
                   R"({"specialValue":"NEGATIVE_INFINITY"}])",
                   "{2016-11-04,NULL,-infinity}"),
      array_sample(items_of("int64", time + "MicroTime"), "[86400000000,null]", "{24:00:00,NULL}"),
      array_sample(items_of("int64", time + "NanoTime"), "[14711789123000,null]",
                   "{04:05:11.789123,NULL}"),
      array_sample(items_of("string", time + "IsoTime"), R"(["04:05:11.789Z",null])",
                   "{04:05:11.789,NULL}"),
      array_sample(items_of("struct", time + "StructuredTime"), R"([{"hour":24},null])",
                   "{24:00:00,NULL}"),
      array_sample(items_of("string", time + "ZonedTime"), R"(["04:05:06Z",null])",
                   "{04:05:06+00,NULL}"),
      array_sample(items_of("struct", time + "StructuredZonedTime"),
                   R"([{"hour":4,"offsetSeconds":7200},null])", "{04:00:00+02,NULL}"),
      array_sample(items_of("int64", time + "Timestamp"), "[-1,null]",
                   R"({"1969-12-31 23:59:59.999",NULL})"),
      array_sample(items_of("int64", time + "MicroTimestamp"), "[1687559624127410,null]",
                   R"({"2023-06-23 22:33:44.12741",NULL})"),
      array_sample(items_of("int64", time + "NanoTimestamp"),
                   "[1687559624127410000,null,9223372036854775807]",
                   R"({"2023-06-23 22:33:44.12741",NULL,infinity})"),
      array_sample(items_of("string", time + "IsoTimestamp"),
                   R"(["2019-07-09T02:28:57.123456Z",null,"-290308-12-21T19:59:27.6Z"])",
                   R"({"2019-07-09 02:28:57.123456",NULL,-infinity})"),
      array_sample(items_of("struct", time + "StructuredTimestamp"),
                   R"([{"year":2016,"month":11,"day":4,"hour":1},null])",
                   R"({"2016-11-04 01:00:00",NULL})"),
      array_sample(items_of("string", time + "ZonedTimestamp"),
                   R"(["2016-11-04T13:51:30Z",null,"infinity"])",
                   R"({"2016-11-04 13:51:30+00",NULL,infinity})"),
      array_sample(items_of("struct", time + "StructuredZonedTimestamp"),
                   R"([{"year":2016,"month":11,"day":4,"hour":1,"offsetSeconds":7200},null])",
                   R"({"2016-11-03 23:00:00+00",NULL})"),
  };
}

inline std::vector<Sample> array_samples_of_texts() {
  const std::string text = items_of("string");
  return {
      array_sample(text, R"(["a","b c","NULL",null,"\"\\{},",""])",
                   R"({a,"b c","NULL",NULL,"\"\\{},",""})"),
      array_sample(text, R"(["a\u0000",null])", "{a\xEF\xBF\xBD,NULL}"),
      array_sample(text, R"(["a","b"])", "{a,b}", "_VARCHAR"),
      array_sample(items_of("bytes"), R"(["AQID",null])", R"({"\\x010203",NULL})"),
      array_sample(items_of("string", "io.debezium.data.Enum", R"({"allowed":"a,so so"})"),
                   R"(["so so",null,"a"])", R"({"so so",NULL,a})"),
      array_sample(items_of("string", "io.debezium.data.Uuid"),
                   R"(["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",null])",
                   "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}"),
      array_sample(items_of("string", kJson), R"(["{\"b\": 1.00}",null])",
                   R"({"{\"b\": 1.00}",NULL})"),
      array_sample(items_of("string", kJson), R"(["{\"b\":1.00}",null])",
                   R"({"{\"b\": 1.00}",NULL})", "_JSONB"),
      array_sample(text, R"(["10.0.0.1","::1",null])", "{10.0.0.1,::1,NULL}", "_INET"),
      array_sample(text, R"(["10.0.0.0/8",null])", "{10.0.0.0/8,NULL}", "_CIDR"),
      array_sample(text, R"(["08:00:2b:01:02:03",null])", "{08:00:2b:01:02:03,NULL}", "_MACADDR"),
      array_sample(text, R"(["08:00:2b:01:02:03:04:05",null])", "{08:00:2b:01:02:03:04:05,NULL}",
                   "_MACADDR8"),
      array_sample(text, R"x(["[1,5)","empty",null])x", R"x({"[1,5)",empty,NULL})x", "_INT4RANGE"),
      array_sample(text, R"x(["(,5)",null])x", R"x({"(,5)",NULL})x", "_INT8RANGE"),
      array_sample(text, R"x(["[1.50,2]",null])x", R"x({"[1.50,2]",NULL})x", "_NUMRANGE"),
      array_sample(text, R"x(["[2019-01-01,infinity)",null])x",
                   R"x({"[2019-01-01,infinity)",NULL})x", "_DATERANGE"),
      array_sample(text, R"x(["[\"2019-03-31 15:30:00\",infinity]",null])x",
                   R"x({"[\"2019-03-31 15:30:00\",infinity]",NULL})x", "_TSRANGE"),
      array_sample(text, R"x(["[\"2019-03-31 15:30:00+02\",)",null])x",
                   R"x({"[\"2019-03-31 13:30:00+00\",)",NULL})x", "_TSTZRANGE"),
  };
}

inline std::vector<Sample> array_samples() {
  std::vector<Sample> all = {
      array_sample(items_of("map"), R"([{"k":"v"},null,{}])", R"({"{\"k\": \"v\"}",NULL,"{}"})"),
      array_sample(items_of("string", kJson), R"(["{\"k\":null}",null])",
                   R"({"{\"k\": null}",NULL})", "_HSTORE"),
      array_sample(items_of("string", "io.debezium.data.Ltree"), R"(["a.b",null])", "{a.b,NULL}"),
      array_sample(items_of("string"), R"(["aB",null])", "{aB,NULL}", "_CITEXT"),
      array_sample(items_of("struct", "io.debezium.data.geometry.Geometry"),
                   R"([{"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":null},null])",
                   R"({"\\x0101000000000000000000f03f0000000000000040",NULL})"),
      // Not PostgreSQL's arrays.
      {"array", "io.debezium.data.Other", "", "[1.0,2.5]", "[1.0,2.5]", R"({"type":"double"})"},
      array_sample(R"({"type":"struct"})", R"([{"k":"v"}])", R"([{"k":"v"}])"),
  };
  for (const auto& part :
       {array_samples_of_numbers(), array_samples_of_times(), array_samples_of_texts()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace metadb::tests
