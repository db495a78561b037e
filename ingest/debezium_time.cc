#include "ingest/debezium_time.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>

#include "ingest/debezium_error.h"

namespace metadb::ingest {
namespace {

constexpr int64_t kEpochDays = 10957;  // 2000-01-01, in days since 1970-01-01
constexpr int64_t kEpochMicros = kEpochDays * kMicrosPerDay;
constexpr int32_t kDateInfinity = std::numeric_limits<int32_t>::max();
constexpr int32_t kDateMinusInfinity = std::numeric_limits<int32_t>::min();
constexpr int64_t kTimestampInfinity = std::numeric_limits<int64_t>::max();
constexpr int64_t kTimestampMinusInfinity = std::numeric_limits<int64_t>::min();

// Wide enough for every date that the scanner lets through.
__extension__ using WideMicros = __int128;

// PostgreSQL's ranges, since 2000-01-01 (datatype/timestamp.h): from 4714-11-24 BC to 5874897-12-31
// and 294276-12-31.
constexpr int64_t kDateMin = -2451545;
constexpr int64_t kDateEnd = 2147483494 - 2451545;
constexpr int64_t kTimestampMin = -211813488000000000;
constexpr int64_t kTimestampEnd = 9223371331200000000;

// What the Debezium PostgreSQL connector sends for infinity: pgjdbc's sentinels on their way
// through Java's calendars, which differ between snapshot and stream and between releases (as
// recorded in tests/ingest/data). All lie outside PostgreSQL's ranges.
constexpr std::array<int64_t, 3> kUnixDaysInfinity = {-2147472692, -622191234, 2146033979};
constexpr std::array<int64_t, 2> kUnixDaysMinusInfinity = {-2147472691, -625821272};
// As Java's milliseconds, which releases up to 3.6 send as microseconds, and 3.7 as they are for
// timestamps of up to three digits and as text.
constexpr WideMicros kJavaInfinity = 9223372036825200000;
constexpr WideMicros kJavaMinusInfinity = -9223372036832400000;
constexpr std::array<WideMicros, 3> kUnixMicrosInfinity = {kJavaInfinity, kJavaInfinity * 1000,
                                                           std::numeric_limits<int64_t>::max()};
constexpr std::array<WideMicros, 3> kUnixMicrosMinusInfinity = {
    kJavaMinusInfinity, kJavaMinusInfinity * 1000, std::numeric_limits<int64_t>::min()};

// PostgreSQL's MAX_TZDISP_HOUR.
constexpr int64_t kOffsetSecondsMax = 15 * 3600 + 59 * 60 + 59;
constexpr int64_t kYearMax = 999999999;

template <size_t kSize, typename Number>
bool is_one_of(const std::array<Number, kSize>& sentinels, Number value) {
  return std::find(sentinels.begin(), sentinels.end(), value) != sentinels.end();
}

[[noreturn]] void throw_out_of_range(const char* type) {
  throw DecodeError(std::string(type) + " out of PostgreSQL's range", "22008");
}

int64_t floor_divided(int64_t value, int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

bool is_leap(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int64_t days_in_month(int64_t year, int64_t month) {
  constexpr std::array<int64_t, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[static_cast<size_t>(month - 1)] + (month == 2 && is_leap(year) ? 1 : 0);
}

// Days since 1970-01-01 in the proleptic Gregorian calendar: years start in March, so that the
// leap day is the last of its year, and repeat every 400 years.
int64_t unix_days(int64_t year, int64_t month, int64_t day) {
  const int64_t shifted = month <= 2 ? year - 1 : year;
  const int64_t era = floor_divided(shifted, 400);
  const int64_t year_of_era = shifted - era * 400;
  const int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

// Reads one ISO text from the left.
class Scanner {
 public:
  Scanner(std::string_view text, const char* type) : text_(text), type_(type) {}

  [[noreturn]] void fail() const {
    throw DecodeError("not a " + std::string(type_) + ": \"" + excerpt(text_) + "\"", "22007");
  }
  void end() const {
    if (at_ != text_.size()) fail();
  }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    at_++;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail();
  }
  int64_t number(size_t digits_min, size_t digits_max) {
    int64_t value = 0;
    size_t digits = 0;
    for (; digits < digits_max && peek() >= '0' && peek() <= '9'; digits++)
      value = value * 10 + (text_[at_++] - '0');
    if (digits < digits_min) fail();
    return value;
  }
  int64_t two_digits(int64_t low, int64_t high) {
    const int64_t value = number(2, 2);
    if (value < low || value > high) fail();
    return value;
  }

  int64_t date() {
    const bool is_negative = take('-');
    if (!is_negative) take('+');
    const int64_t digits = number(4, 10);
    if (digits > kYearMax) throw_out_of_range(type_);
    const int64_t year = is_negative ? -digits : digits;
    expect('-');
    const int64_t month = two_digits(1, 12);
    expect('-');
    return unix_days(year, month, two_digits(1, days_in_month(year, month)));
  }

  // Microseconds since midnight, at most 24:00:00.
  int64_t time() {
    const int64_t hour = two_digits(0, 24);
    expect(':');
    const int64_t minute = two_digits(0, 59);
    const int64_t second = take(':') ? two_digits(0, 59) : 0;
    int64_t micros = ((hour * 60 + minute) * 60 + second) * kMicrosPerSecond;
    if (take('.')) {
      const size_t start = at_;
      const int64_t fraction = number(1, 6);
      int64_t unit = kMicrosPerSecond;
      for (size_t i = start; i < at_; i++) unit /= 10;
      micros += fraction * unit;
      number(0, text_.size());
    }
    if (micros > kMicrosPerDay) fail();
    return micros;
  }

  // Seconds east of UTC.
  int64_t offset() {
    if (take('Z')) return 0;
    const bool is_west = take('-');
    if (!is_west) expect('+');
    int64_t seconds = number(2, 2) * 3600;
    if (take(':')) seconds += two_digits(0, 59) * 60;
    if (take(':')) seconds += two_digits(0, 59);
    if (seconds > kOffsetSecondsMax) throw_out_of_range("time zone offset");
    return is_west ? -seconds : seconds;
  }

 private:
  std::string_view text_;
  const char* type_;
  size_t at_ = 0;
};

int64_t checked_timestamp(WideMicros unix_micros) {
  const WideMicros value = unix_micros - kEpochMicros;
  if (value < kTimestampMin || value >= kTimestampEnd) throw_out_of_range("timestamp");
  return static_cast<int64_t>(value);
}

int64_t timestamp_or_infinity(WideMicros unix_micros) {
  if (is_one_of(kUnixMicrosInfinity, unix_micros)) return kTimestampInfinity;
  if (is_one_of(kUnixMicrosMinusInfinity, unix_micros)) return kTimestampMinusInfinity;
  return checked_timestamp(unix_micros);
}

WideMicros date_and_time(Scanner& scanner) {
  const int64_t days = scanner.date();
  if (!scanner.take(' ')) scanner.expect('T');
  return WideMicros{days} * kMicrosPerDay + scanner.time();
}

}  // namespace

int32_t pg_date(int64_t days) {
  if (is_one_of(kUnixDaysInfinity, days)) return kDateInfinity;
  if (is_one_of(kUnixDaysMinusInfinity, days)) return kDateMinusInfinity;
  const int64_t value = days - kEpochDays;
  if (value < kDateMin || value >= kDateEnd) throw_out_of_range("date");
  return static_cast<int32_t>(value);
}

int64_t pg_timestamp(int64_t unix_micros) {
  return timestamp_or_infinity(unix_micros);
}

int64_t pg_timestamp_from_millis(int64_t unix_millis) {
  return timestamp_or_infinity(WideMicros{unix_millis} * 1000);
}

int64_t pg_timestamp_from_nanos(int64_t unix_nanos) {
  if (unix_nanos == std::numeric_limits<int64_t>::max()) return kTimestampInfinity;
  if (unix_nanos == std::numeric_limits<int64_t>::min()) return kTimestampMinusInfinity;
  return pg_timestamp(floor_divided(unix_nanos, 1000));
}

int64_t pg_time(int64_t micros) {
  if (micros < 0 || micros > kMicrosPerDay) throw_out_of_range("time");
  return micros;
}

int32_t parse_date(std::string_view text) {
  Scanner scanner(text, "date");
  const int64_t days = scanner.date();
  scanner.take('Z');
  scanner.end();
  return pg_date(days);
}

int64_t parse_time(std::string_view text) {
  Scanner scanner(text, "time");
  const int64_t micros = scanner.time();
  scanner.take('Z');
  scanner.end();
  return micros;
}

ZonedTime parse_zoned_time(std::string_view text) {
  Scanner scanner(text, "time with time zone");
  ZonedTime result;
  result.micros = scanner.time();
  result.west = static_cast<int32_t>(-scanner.offset());
  scanner.end();
  return result;
}

int64_t parse_timestamp(std::string_view text) {
  Scanner scanner(text, "timestamp");
  const WideMicros micros = date_and_time(scanner);
  scanner.take('Z');
  scanner.end();
  return timestamp_or_infinity(micros);
}

// Infinity is a word here, so the number that means it elsewhere is an ordinary instant.
int64_t parse_zoned_timestamp(std::string_view text) {
  if (text == "infinity") return kTimestampInfinity;
  if (text == "-infinity") return kTimestampMinusInfinity;
  Scanner scanner(text, "timestamp with time zone");
  const WideMicros local = date_and_time(scanner);
  const int64_t east = scanner.offset();
  scanner.end();
  return checked_timestamp(local - WideMicros{east} * kMicrosPerSecond);
}

}  // namespace metadb::ingest
