// Samples of dates, times and timestamps, in every precision.
#pragma once

#include <vector>

#include "tests/ingest/debezium_samples.h"

namespace metadb::tests {

inline std::vector<Sample> date_samples() {
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
  // As Debezium 3.7 sends them from the stream, the snapshot and in arrays.
  samples.push_back({"string", iso, "", R"("+5877611-06-21Z")", "infinity"});
  samples.push_back({"string", iso, "", R"("+292278994-08-16Z")", "infinity"});
  samples.push_back({"string", iso, "", R"("+292269055-12-02Z")", "-infinity"});
  samples.push_back({"string", iso, "", R"("+5874897-12-31Z")", "5874897-12-31"});
  return samples;
}

inline std::vector<Sample> time_samples() {
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

inline std::vector<Sample> timestamp_samples() {
  std::vector<Sample> samples;
  for (const char* semantic :
       {"io.debezium.time.Timestamp", "org.apache.kafka.connect.data.Timestamp"}) {
    samples.push_back({"int64", semantic, "", "1529507596945", "2018-06-20 15:13:16.945"});
    samples.push_back({"int64", semantic, "", "-1", "1969-12-31 23:59:59.999"});
    samples.push_back({"int64", semantic, "", "-62167219200001", "0002-12-31 23:59:59.999 BC"});
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
  samples.push_back({"string", iso, "", R"("-4712-01-01T00:00:00Z")", "4713-01-01 00:00:00 BC"});
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
  samples.push_back({"string", zoned, "", R"("+292269055-12-02T23:00:00.000000Z")", "-infinity"});
  samples.push_back({"string", zoned, "", R"("+292269055-12-02T23:00:00Z")", "-infinity"});
  return samples;
}

}  // namespace metadb::tests
