#include "ingest/debezium_interval.h"

#include <fmt/format.h>

#include <limits>

#include "ingest/debezium_cell.h"
#include "ingest/debezium_time.h"

namespace metadb::ingest {
namespace {

// No product of two of its terms overflows.
__extension__ using Wide = __int128;

constexpr Wide kMonthsPerYear = 12;
constexpr size_t kDigitsMax = 18;

class Parts {
 public:
  explicit Parts(std::string_view text) : text_(text), rest_(text) {}

  Interval read() {
    if (!take('P')) fail();
    bool is_time = false;
    while (!rest_.empty()) {
      if (!is_time && take('T')) is_time = true;
      read_part(is_time);
    }
    return {bounded<int64_t>(micros_), bounded<int32_t>(days_), bounded<int32_t>(months_)};
  }

 private:
  [[noreturn]] void fail() const {
    throw DecodeError("not an interval: \"" + excerpt(text_) + "\"", "22008");
  }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // How many digits there were; they are added to `number`.
  size_t digits(Wide& number) {
    size_t count = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; ++count) {
      if (count == kDigitsMax) fail();
      number = number * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return count;
  }
  // Of a second, in microseconds.
  Wide fraction() {
    Wide number = 0;
    size_t count = digits(number);
    if (count == 0) fail();
    for (; count < 6; ++count) number *= 10;
    for (; count > 6; --count) {
      if (number % 10 != 0) fail();
      number /= 10;
    }
    return number;
  }
  void read_part(bool is_time) {
    const Wide sign = take('-') ? -1 : 1;
    if (sign > 0) take('+');
    Wide number = 0;
    if (digits(number) == 0) fail();
    const Wide micros = is_time && take('.') ? fraction() : 0;
    if (rest_.empty()) fail();
    const char unit = rest_.front();
    rest_.remove_prefix(1);
    if (micros != 0 && unit != 'S') fail();
    number *= sign;
    if (is_time) {
      add_time(unit, number, sign * micros);
    } else if (unit == 'Y') {
      months_ += number * kMonthsPerYear;
    } else if (unit == 'M') {
      months_ += number;
    } else if (unit == 'D') {
      days_ += number;
    } else {
      fail();
    }
  }
  void add_time(char unit, Wide number, Wide micros) {
    const Wide seconds = unit == 'H' ? 3600 : unit == 'M' ? 60 : unit == 'S' ? 1 : 0;
    if (seconds == 0) fail();
    micros_ += number * seconds * kMicrosPerSecond + micros;
  }
  template <typename T>
  [[nodiscard]] T bounded(Wide value) const {
    if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) fail();
    return static_cast<T>(value);
  }

  std::string_view text_;
  std::string_view rest_;
  Wide micros_ = 0;
  Wide days_ = 0;
  Wide months_ = 0;
};

}  // namespace

Interval parse_interval(std::string_view iso) {
  return Parts(iso).read();
}

std::string interval_text(const Interval& interval) {
  std::string out;
  bool is_negative = false;  // the part before
  const auto add = [&](int32_t number, std::string_view unit) {
    if (number == 0) return;
    out += fmt::format("{}{}{} {}{}", out.empty() ? "" : " ", is_negative && number > 0 ? "+" : "",
                       number, unit, number == 1 ? "" : "s");
    is_negative = number < 0;
  };
  constexpr int32_t kMonths = 12;
  add(interval.months / kMonths, "year");
  add(interval.months % kMonths, "mon");
  add(interval.days, "day");
  if (interval.micros == 0 && !out.empty()) return out;
  const std::string_view sign = interval.micros < 0 ? "-" : (is_negative ? "+" : "");
  const uint64_t micros = interval.micros < 0 ? -static_cast<uint64_t>(interval.micros)
                                              : static_cast<uint64_t>(interval.micros);
  const uint64_t seconds = micros / kMicrosPerSecond;
  out += fmt::format("{}{}{:02}:{:02}:{:02}", out.empty() ? "" : " ", sign, seconds / 3600,
                     seconds / 60 % 60, seconds % 60);
  if (const uint64_t fraction = micros % kMicrosPerSecond; fraction != 0) {
    out += fmt::format(".{:06}", fraction);
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out;
}

void append_interval_cell(std::string& out, const Interval& interval) {
  const size_t begin = begin_cell(out);
  append_big_endian(out, interval.micros);
  append_big_endian(out, interval.days);
  append_big_endian(out, interval.months);
  end_cell(out, begin);
}

}  // namespace metadb::ingest
