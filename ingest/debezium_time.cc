#include "ingest/debezium_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>

#include "ingest/debezium_error.h"

namespace metadb::ingest {
namespace {

constexpr int64_t kNanosPerMicro = 1000;
constexpr int64_t kNanosPerSecond = kMicrosPerSecond * kNanosPerMicro;
constexpr int64_t kNanosPerDay = kMicrosPerDay * kNanosPerMicro;
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
// Texts have days of more than 32 bits.
constexpr std::array<int64_t, 4> kUnixDaysInfinity = {-2147472692, -622191234, 2146033979,
                                                      106751991166};
constexpr std::array<int64_t, 3> kUnixDaysMinusInfinity = {-2147472691, -625821272, 106748361128};
// As Java's milliseconds, which releases up to 3.6 send as microseconds, and 3.7 as they are for
// timestamps of up to three digits and as text.
constexpr WideMicros kJavaInfinity = 9223372036825200000;
constexpr WideMicros kJavaMinusInfinity = -9223372036832400000;
constexpr std::array<WideMicros, 3> kUnixMicrosInfinity = {kJavaInfinity, kJavaInfinity * 1000,
                                                           std::numeric_limits<int64_t>::max()};
constexpr std::array<WideMicros, 3> kUnixMicrosMinusInfinity = {
    kJavaMinusInfinity, kJavaMinusInfinity * 1000, std::numeric_limits<int64_t>::min()};
// Of arrays of timestamps with time zone: 292269055-12-02 23:00:00, whose BC is lost.
constexpr WideMicros kMinusInfinityWithoutEra =
    WideMicros{106748361128} * kMicrosPerDay + 23 * 3600 * kMicrosPerSecond;

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

// A column of microseconds is too narrow for more digits.
int64_t micros_of(int64_t nanos) {
  if (nanos % kNanosPerMicro != 0) {
    throw DecodeError("finer than a microsecond", "22008");
  }
  return nanos / kNanosPerMicro;
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
    int64_t year = is_negative ? -digits : digits;
    if (is_before_christ_) year = 1 - year;
    expect('-');
    const int64_t month = two_digits(1, 12);
    expect('-');
    return unix_days(year, month, two_digits(1, days_in_month(year, month)));
  }

  // Nanoseconds since midnight, at most 24:00:00.
  int64_t nanos() {
    const int64_t hour = two_digits(0, 24);
    expect(':');
    const int64_t minute = two_digits(0, 59);
    const int64_t second = take(':') ? two_digits(0, 59) : 0;
    int64_t nanos = ((hour * 60 + minute) * 60 + second) * kNanosPerSecond;
    if (take('.')) {
      const size_t start = at_;
      const int64_t fraction = number(1, 9);
      int64_t unit = kNanosPerSecond;
      for (size_t i = start; i < at_; i++) unit /= 10;
      nanos += fraction * unit;
      // Java has no finer unit.
      while (take('0')) {
      }
    }
    if (nanos > kNanosPerDay) fail();
    return nanos;
  }
  // Microseconds since midnight.
  int64_t time() { return micros_of(nanos()); }

  // PostgreSQL's mark of a year before 1, which stands at the end.
  void take_era() {
    constexpr std::string_view kEra = " BC";
    if (!text_.ends_with(kEra)) return;
    text_.remove_suffix(kEra.size());
    is_before_christ_ = true;
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
  bool is_before_christ_ = false;
};

int64_t unix_days(const CivilDate& date) {
  const bool is_date = date.month >= 1 && date.month <= 12 && date.day >= 1 &&
                       date.year >= -kYearMax && date.year <= kYearMax &&
                       date.day <= days_in_month(date.year, date.month);
  if (!is_date) throw_out_of_range("date");
  return unix_days(date.year, date.month, date.day);
}

int32_t checked_date(int64_t unix_days) {
  const int64_t value = unix_days - kEpochDays;
  if (value < kDateMin || value >= kDateEnd) throw_out_of_range("date");
  return static_cast<int32_t>(value);
}

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

int64_t zoned_timestamp(WideMicros local_micros, int64_t east) {
  const WideMicros unix_micros = local_micros - WideMicros{east} * kMicrosPerSecond;
  if (unix_micros == kMinusInfinityWithoutEra) return kTimestampMinusInfinity;
  return checked_timestamp(unix_micros);
}

// An instant without its fraction below a day.
struct Instant {
  int64_t days = 0;   // since 1970-01-01
  int64_t nanos = 0;  // since midnight; beyond a day after a shift of zone
};

Instant date_and_time(Scanner& scanner) {
  Instant out;
  out.days = scanner.date();
  if (!scanner.take(' ')) scanner.expect('T');
  out.nanos = scanner.nanos();
  return out;
}

WideMicros micros_of(const Instant& instant) {
  return WideMicros{instant.days} * kMicrosPerDay + micros_of(instant.nanos);
}

// The inverse of unix_days().
CivilDate civil(int64_t unix_days) {
  const int64_t days = unix_days + 719468;
  const int64_t era = floor_divided(days, 146097);
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

// As PostgreSQL prints a timestamp, with as many digits of the fraction as there are.
std::string text_of(Instant instant, std::string_view zone) {
  instant.days += floor_divided(instant.nanos, kNanosPerDay);
  instant.nanos -= floor_divided(instant.nanos, kNanosPerDay) * kNanosPerDay;
  const CivilDate date = civil(instant.days);
  const int64_t seconds = instant.nanos / kNanosPerSecond;
  std::string out =
      fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", date.year > 0 ? date.year : 1 - date.year,
                  date.month, date.day, seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (const int64_t fraction = instant.nanos % kNanosPerSecond; fraction != 0) {
    out += fmt::format(".{:09}", fraction);
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out + std::string(zone) + (date.year > 0 ? "" : " BC");
}

// Of nanoseconds since midnight.
std::string nanos_text(int64_t nanos) {
  return nanos == kNanosPerDay ? "24:00:00" : text_of({0, nanos}, "").substr(sizeof "1970-01-01");
}

// The words where the number means infinity, else nothing.
std::string_view infinity_word(WideMicros unix_micros) {
  if (is_one_of(kUnixMicrosInfinity, unix_micros)) return "infinity";
  if (is_one_of(kUnixMicrosMinusInfinity, unix_micros)) return "-infinity";
  return {};
}

}  // namespace

int32_t pg_date(int64_t days) {
  if (is_one_of(kUnixDaysInfinity, days)) return kDateInfinity;
  if (is_one_of(kUnixDaysMinusInfinity, days)) return kDateMinusInfinity;
  return checked_date(days);
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
  return pg_timestamp(micros_of(unix_nanos));
}

std::string timestamp_text_from_nanos(int64_t unix_nanos) {
  if (unix_nanos == std::numeric_limits<int64_t>::max()) return "infinity";
  if (unix_nanos == std::numeric_limits<int64_t>::min()) return "-infinity";
  const int64_t days = floor_divided(unix_nanos, kNanosPerDay);
  return text_of({days, unix_nanos - days * kNanosPerDay}, "");
}

int64_t pg_time_from_nanos(int64_t nanos) {
  if (nanos < 0 || nanos > kNanosPerDay) throw_out_of_range("time");
  return micros_of(nanos);
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
  const Instant instant = date_and_time(scanner);
  scanner.take('Z');
  scanner.end();
  return timestamp_or_infinity(micros_of(instant));
}

std::string timestamp_text(std::string_view text) {
  Scanner scanner(text, "timestamp");
  const Instant instant = date_and_time(scanner);
  scanner.take('Z');
  scanner.end();
  const WideMicros micros =
      WideMicros{instant.days} * kMicrosPerDay + instant.nanos / kNanosPerMicro;
  const std::string_view word = infinity_word(micros);
  return word.empty() ? text_of(instant, "") : std::string(word);
}

// Infinity is a word here, so the number that means it elsewhere is an ordinary instant. Not so
// minus infinity in arrays.
int64_t parse_zoned_timestamp(std::string_view text) {
  if (text == "infinity") return kTimestampInfinity;
  if (text == "-infinity") return kTimestampMinusInfinity;
  Scanner scanner(text, "timestamp with time zone");
  scanner.take_era();
  const Instant local = date_and_time(scanner);
  const int64_t east = scanner.offset();
  scanner.end();
  return zoned_timestamp(micros_of(local), east);
}

std::string zoned_timestamp_text(std::string_view text) {
  if (text == "infinity" || text == "-infinity") return std::string(text);
  Scanner scanner(text, "timestamp with time zone");
  scanner.take_era();
  Instant instant = date_and_time(scanner);
  instant.nanos -= scanner.offset() * kNanosPerSecond;
  scanner.end();
  const WideMicros micros =
      WideMicros{instant.days} * kMicrosPerDay + instant.nanos / kNanosPerMicro;
  return micros == kMinusInfinityWithoutEra ? "-infinity" : text_of(instant, "+00");
}

std::string time_text(std::string_view text) {
  Scanner scanner(text, "time");
  const int64_t nanos = scanner.nanos();
  scanner.take('Z');
  scanner.end();
  return nanos_text(nanos);
}

std::string printed_date(int32_t days) {
  if (days == kDateInfinity) return "infinity";
  if (days == kDateMinusInfinity) return "-infinity";
  const CivilDate date = civil(days + kEpochDays);
  return fmt::format("{:04}-{:02}-{:02}{}", date.year > 0 ? date.year : 1 - date.year, date.month,
                     date.day, date.year > 0 ? "" : " BC");
}

std::string printed_time(int64_t micros) {
  return nanos_text(micros * kNanosPerMicro);
}

std::string printed_timestamp(int64_t micros, std::string_view zone) {
  if (micros == kTimestampInfinity) return "infinity";
  if (micros == kTimestampMinusInfinity) return "-infinity";
  const int64_t days = floor_divided(micros, kMicrosPerDay);
  const int64_t of_day = micros - days * kMicrosPerDay;
  return text_of({days + kEpochDays, of_day * kNanosPerMicro}, zone);
}

int32_t pg_date_of(const CivilDate& date) {
  return checked_date(unix_days(date));
}

int64_t pg_timestamp_of(const CivilDate& date, int64_t nanos_of_day, int64_t east) {
  return zoned_timestamp(micros_of({unix_days(date), nanos_of_day}), east);
}

int32_t date_infinity(int sign) {
  return sign > 0 ? kDateInfinity : kDateMinusInfinity;
}

int64_t timestamp_infinity(int sign) {
  return sign > 0 ? kTimestampInfinity : kTimestampMinusInfinity;
}

int32_t parse_postgres_date(std::string_view text) {
  if (text == "infinity") return kDateInfinity;
  if (text == "-infinity") return kDateMinusInfinity;
  Scanner scanner(text, "date");
  scanner.take_era();
  const int64_t days = scanner.date();
  scanner.end();
  return checked_date(days);
}

int64_t parse_postgres_timestamp(std::string_view text) {
  if (text == "infinity") return kTimestampInfinity;
  if (text == "-infinity") return kTimestampMinusInfinity;
  Scanner scanner(text, "timestamp");
  scanner.take_era();
  const Instant instant = date_and_time(scanner);
  scanner.end();
  return checked_timestamp(micros_of(instant));
}

}  // namespace metadb::ingest
