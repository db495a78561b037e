#include "ingest/debezium_structured.h"

#include <charconv>
#include <limits>

#include "ingest/debezium_cell.h"
#include "ingest/debezium_interval.h"
#include "ingest/debezium_time.h"
#include "ingest/json_text.h"

namespace metadb::ingest {
namespace {

constexpr int64_t kNanosInMicro = 1000;
constexpr int64_t kNanosInSecond = kMicrosPerSecond * kNanosInMicro;

// 0 if the member is absent or null: every member is optional.
int64_t member(const JsonNode& value, std::string_view name) {
  if (value.kind != JsonKind::object) {
    throw DecodeError("expected a struct, got " + excerpt(json_text(value)));
  }
  const JsonNode* found = value.member(name);
  if (found == nullptr || found->is_null()) return 0;
  int64_t number = 0;
  const char* end = found->text.data() + found->text.size();
  const auto [stop, error] = std::from_chars(found->text.data(), end, number);
  if (found->kind != JsonKind::number || error != std::errc() || stop != end) {
    throw DecodeError(std::string(name) + " is no integer: " + excerpt(json_text(*found)));
  }
  return number;
}

// -1, 0 or 1.
int infinity(const JsonNode& value) {
  const JsonNode* special = value.member("specialValue");
  if (special == nullptr || special->is_null()) return 0;
  if (special->text == "POSITIVE_INFINITY") return 1;
  if (special->text == "NEGATIVE_INFINITY") return -1;
  throw DecodeError("unknown specialValue " + excerpt(json_text(*special)));
}

CivilDate date_of(const JsonNode& value) {
  return {member(value, "year"), member(value, "month"), member(value, "day")};
}

int64_t nanos_of(const JsonNode& value) {
  const int64_t hour = member(value, "hour");
  const int64_t minute = member(value, "minute");
  const int64_t second = member(value, "second");
  const int64_t nanos = member(value, "nanos");
  const bool is_time = hour >= 0 && hour <= 24 && minute >= 0 && minute < 60 && second >= 0 &&
                       second < 60 && nanos >= 0 && nanos < kNanosInSecond;
  if (!is_time) throw DecodeError("not a time: " + excerpt(json_text(value)), "22008");
  return ((hour * 60 + minute) * 60 + second) * kNanosInSecond + nanos;
}

int64_t timestamp_of(const JsonNode& value) {
  if (const int sign = infinity(value); sign != 0) return timestamp_infinity(sign);
  return pg_timestamp_of(date_of(value), nanos_of(value), member(value, "offsetSeconds"));
}

int64_t micros_of_duration(const JsonNode& value) {
  __extension__ using WideSpan = __int128;
  const WideSpan minutes = WideSpan{member(value, "hours")} * 60 + member(value, "minutes");
  const int64_t nanos = member(value, "nanos");
  const WideSpan micros =
      (minutes * 60 + member(value, "seconds")) * kMicrosPerSecond + nanos / kNanosInMicro;
  const bool fits = micros >= std::numeric_limits<int64_t>::min() &&
                    micros <= std::numeric_limits<int64_t>::max() && nanos % kNanosInMicro == 0;
  if (!fits) throw DecodeError("not an interval: " + excerpt(json_text(value)), "22008");
  return static_cast<int64_t>(micros);
}

int32_t narrow(int64_t number) {
  if (number != static_cast<int32_t>(number)) throw DecodeError("interval out of range", "22008");
  return static_cast<int32_t>(number);
}

}  // namespace

void append_structured_date(std::string& out, const JsonNode& value) {
  const int sign = value.kind == JsonKind::object ? infinity(value) : 0;
  append_int_cell(out, sign != 0 ? date_infinity(sign) : pg_date_of(date_of(value)));
}

void append_structured_time(std::string& out, const JsonNode& value) {
  append_int_cell(out, pg_time_from_nanos(nanos_of(value)));
}

void append_structured_timestamp(std::string& out, const JsonNode& value) {
  append_int_cell(out, timestamp_of(value));
}

void append_structured_zoned_time(std::string& out, const JsonNode& value) {
  const int64_t micros = pg_time_from_nanos(nanos_of(value));
  const int64_t east = member(value, "offsetSeconds");
  constexpr int64_t kDay = 86400;
  if (east <= -kDay || east >= kDay) throw DecodeError("time zone offset out of range", "22008");
  const size_t begin = begin_cell(out);
  append_big_endian(out, micros);
  append_big_endian(out, static_cast<int32_t>(-east));
  end_cell(out, begin);
}

void append_structured_zoned_timestamp(std::string& out, const JsonNode& value) {
  append_int_cell(out, timestamp_of(value));
}

void append_structured_duration(std::string& out, const JsonNode& value) {
  constexpr int64_t kMonthsPerYear = 12;
  const int64_t years = narrow(member(value, "years"));
  Interval interval;
  interval.months = narrow(years * kMonthsPerYear + narrow(member(value, "months")));
  interval.days = narrow(member(value, "days"));
  interval.micros = micros_of_duration(value);
  append_interval_cell(out, interval);
}

}  // namespace metadb::ingest
