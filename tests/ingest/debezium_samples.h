// Samples of PostgreSQL's own types: intervals, addresses, ranges, points, structured times.
#pragma once

#include <string>
#include <vector>

namespace metadb::tests {

// One value as it arrives, and as PostgreSQL prints it.
struct Sample {
  std::string type;
  std::string semantic;
  std::string parameters;
  std::string json;
  std::string text;
  std::string items = {};
  std::string mode = "bytes";  // binary.handling.mode
};

inline std::string source_type(const std::string& name) {
  return R"({"__debezium.source.column.type":")" + name + R"("})";
}

inline std::vector<Sample> interval_samples() {
  const std::string iso = "io.debezium.time.Interval";
  const std::string micros = "io.debezium.time.MicroDuration";
  const std::string duration = "io.debezium.time.StructuredDuration";
  return {
      {"string", iso, "", R"("P1Y2M3DT4H5M6.78S")", "1 year 2 mons 3 days 04:05:06.78"},
      {"string", iso, "", R"("P-1Y-2M-3DT-4H-5M-6.78S")", "-1 years -2 mons -3 days -04:05:06.78"},
      {"string", iso, "", R"("P0Y0M0DT0H0M-0.000001S")", "-00:00:00.000001"},
      {"string", iso, "", R"("P0Y1M-1DT0H0M0S")", "1 mon -1 days"},
      {"string", iso, "", R"("P178956970Y7M0DT0H0M0S")", "178956970 years 7 mons"},
      {"int64", micros, "", "37091106780000", "10303:05:06.78"},
      {"int64", micros, "", "-1", "-00:00:00.000001"},
      {"struct", duration, "",
       R"({"years":1,"months":2,"days":3,"hours":4,"minutes":5,"seconds":6,"nanos":780000000})",
       "1 year 2 mons 3 days 04:05:06.78"},
      {"struct", duration, "", R"({"days":-3,"seconds":-1,"nanos":-1000})",
       "-3 days -00:00:01.000001"},
  };
}

inline std::vector<Sample> structured_samples() {
  const std::string date = "io.debezium.time.StructuredDate";
  const std::string time = "io.debezium.time.StructuredTime";
  const std::string timestamp = "io.debezium.time.StructuredTimestamp";
  const std::string zoned_time = "io.debezium.time.StructuredZonedTime";
  const std::string zoned = "io.debezium.time.StructuredZonedTimestamp";
  return {
      {"struct", date, "", R"({"year":2016,"month":11,"day":4,"specialValue":null})", "2016-11-04"},
      {"struct", date, "", R"({"year":-4712,"month":1,"day":1})", "4713-01-01 BC"},
      {"struct", date, "", R"({"specialValue":"POSITIVE_INFINITY"})", "infinity"},
      {"struct", date, "", R"({"specialValue":"NEGATIVE_INFINITY"})", "-infinity"},
      {"struct", time, "", R"({"hour":4,"minute":5,"second":6,"nanos":789000})", "04:05:06.000789"},
      {"struct", time, "", R"({"hour":24,"minute":0,"second":0,"nanos":0})", "24:00:00"},
      {"struct", timestamp, "",
       R"({"year":294276,"month":12,"day":31,"hour":23,"minute":59,"second":59,"nanos":999999000})",
       "294276-12-31 23:59:59.999999"},
      {"struct", timestamp, "", R"({"specialValue":"NEGATIVE_INFINITY"})", "-infinity"},
      {"struct", timestamp, "", R"({"specialValue":"POSITIVE_INFINITY"})", "infinity"},
      {"struct", timestamp, "", R"({"year":-4712,"month":1,"day":1,"hour":1})",
       "4713-01-01 01:00:00 BC"},
      {"struct", zoned_time, "", R"({"hour":4,"minute":5,"second":6,"offsetSeconds":7200})",
       "04:05:06+02"},
      {"struct", zoned_time, "", R"({"hour":24,"offsetSeconds":-5400})", "24:00:00-01:30"},
      {"struct", zoned, "",
       R"({"year":2016,"month":11,"day":4,"hour":13,"minute":51,"second":30,"offsetSeconds":7200})",
       "2016-11-04 11:51:30+00"},
      {"struct", zoned, "", R"({"specialValue":"POSITIVE_INFINITY"})", "infinity"},
      {"struct", zoned, "", R"({"specialValue":"NEGATIVE_INFINITY"})", "-infinity"},
      {"struct", zoned, "", R"({"year":-4712,"month":1,"day":1,"hour":1,"offsetSeconds":0})",
       "4713-01-01 01:00:00+00 BC"},
      {"struct", zoned, "", R"({"year":292269055,"month":12,"day":2,"hour":23,"offsetSeconds":0})",
       "-infinity"},
  };
}

// What only the name of the source's type tells from text.
inline std::vector<Sample> named_samples() {
  std::vector<Sample> out;
  const auto add = [&](const std::string& name, const std::string& value, const std::string& text) {
    out.push_back({"string", "", source_type(name), "\"" + value + "\"", text});
  };
  add("INET", "10.0.0.1", "10.0.0.1/32");
  add("INET", "10.1.2.3/8", "10.1.2.3/8");
  add("INET", "fe80::1/64", "fe80::1/64");
  add("CIDR", "10.0.0.0/8", "10.0.0.0/8");
  add("CIDR", "::/0", "::/0");
  add("MACADDR", "08:00:2b:01:02:03", "08:00:2b:01:02:03");
  add("MACADDR", "ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff");
  add("MACADDR8", "08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03:04:05");
  add("MACADDR8", "00:00:00:00:00:00:00:00", "00:00:00:00:00:00:00:00");
  add("INT4RANGE", "[1000,6000)", "[1000,6000)");
  for (const char* name :
       {"INT4RANGE", "INT8RANGE", "NUMRANGE", "DATERANGE", "TSRANGE", "TSTZRANGE"}) {
    add(name, "empty", "empty");
    add(name, "(,)", "(,)");
  }
  add("INT8RANGE", "[-9223372036854775808,9223372036854775807)",
      "[-9223372036854775808,9223372036854775807)");
  add("INT8RANGE", "(,5)", "(,5)");
  add("NUMRANGE", "[1.50,2]", "[1.50,2]");
  add("NUMRANGE", "(-Infinity,NaN]", "(-Infinity,NaN]");
  add("DATERANGE", "[2019-01-01,infinity)", "[2019-01-01,infinity)");
  add("DATERANGE", R"([\"0044-03-15 BC\",2019-01-01))", R"(["0044-03-15 BC",2019-01-01))");
  add("TSRANGE", R"([\"2019-03-31 15:30:00\",infinity])", R"(["2019-03-31 15:30:00",infinity])");
  add("TSRANGE", R"((\"0044-03-15 15:30:00.000001 BC\",))",
      R"(("0044-03-15 15:30:00.000001 BC",))");
  add("TSTZRANGE", R"([\"2019-03-31 15:30:00+05:30\",infinity))",
      R"(["2019-03-31 10:00:00+00",infinity))");
  add("TSTZRANGE", R"([\"2019-03-31 15:30:00-03\",\"2019-03-31 15:30:00-03\"])",
      R"(["2019-03-31 18:30:00+00","2019-03-31 18:30:00+00"])");
  for (const char* name : {"NUMERIC", "DECIMAL", "MONEY"}) {
    add(name, "-123.450", "-123.450");
    add(name, "NAN", "NaN");
    add(name, "POSITIVE_INFINITY", "Infinity");
    add(name, "NEGATIVE_INFINITY", "-Infinity");
  }
  for (const char* name : {"SMALLMONEY", "NUMBER", "FLOAT"}) {
    add(name, "-123.450", "-123.450");
    add(name, "0.00000000000000000001", "0.00000000000000000001");
    add(name, "100000000000000000000000000000000000000", "100000000000000000000000000000000000000");
  }
  out.push_back(
      {"string", "",
       R"({"__debezium.source.column.type":"NUMERIC","__debezium.source.column.scale":"2046"})",
       "\"12300." + std::string(2046, '0') + "\"", "12300"});
  return out;
}

inline std::vector<Sample> geometric_samples() {
  const std::string geometry = "io.debezium.data.geometry.";
  return {
      {"struct", geometry + "Point", "", R"({"x":1.0,"y":1.5,"wkb":null,"srid":null})", "(1,1.5)"},
      {"struct", geometry + "Point", "", R"({"x":"Infinity","y":-0.1,"srid":null})",
       "(Infinity,-0.1)"},
      {"struct", geometry + "Line", "", R"({"a":1.0,"b":-1.0,"c":0.1})", "{1,-1,0.1}"},
      {"struct", geometry + "Line", "", R"({"a":0,"b":1E300,"c":0})", "{0,1e+300,0}"},
      {"struct", geometry + "Circle", "", R"({"center":{"x":1.0,"y":2.0},"radius":0.1})",
       "<(1,2),0.1>"},
      {"struct", geometry + "Circle", "", R"({"center":{"x":0,"y":0},"radius":0})", "<(0,0),0>"},
  };
}

}  // namespace metadb::tests
