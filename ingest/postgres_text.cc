#include "ingest/postgres_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "ingest/debezium_interval.h"
#include "ingest/debezium_text.h"
#include "ingest/debezium_time.h"

namespace metadb::ingest {
namespace {

using catalog::PgType;

// Takes big-endian numbers from the front.
class Bytes {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}
  template <typename T>
  T number() {
    std::make_unsigned_t<T> out = 0;
    for (const char byte : take(sizeof(T)))
      out = static_cast<decltype(out)>(out << 8U | static_cast<unsigned char>(byte));
    return static_cast<T>(out);
  }
  std::string_view take(size_t count) {
    const std::string_view out = rest_.substr(0, count);
    rest_.remove_prefix(out.size());
    return out;
  }

 private:
  std::string_view rest_;
};

std::string bytea_text(std::string_view bytes) {
  std::string out = "\\x";
  for (const char byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return out;
}

// As get_str_from_var() does, of groups of four digits.
std::string numeric_text(Bytes bytes) {
  std::vector<int> groups(bytes.number<uint16_t>());
  const int weight = bytes.number<int16_t>();
  const auto sign = bytes.number<uint16_t>();
  const int scale = bytes.number<uint16_t>();
  if (sign == 0xC000) return "NaN";
  if (sign == 0xD000) return "Infinity";
  if (sign == 0xF000) return "-Infinity";
  for (int& group : groups) group = bytes.number<int16_t>();
  const auto group_at = [&](int index) {
    const bool is_there = index >= 0 && index < static_cast<int>(groups.size());
    return is_there ? groups[static_cast<size_t>(index)] : 0;
  };
  std::string out = weight < 0 ? "0" : std::to_string(group_at(0));
  for (int i = 1; i <= weight; ++i) out += fmt::format("{:04}", group_at(i));
  if (scale > 0) {
    std::string fraction;
    for (int i = weight + 1; static_cast<int>(fraction.size()) < scale; ++i)
      fraction += fmt::format("{:04}", group_at(i));
    out += "." + fraction.substr(0, static_cast<size_t>(scale));
  }
  return sign == 0 ? out : "-" + out;
}

std::string zone_text(int32_t west) {
  const int32_t seconds = std::abs(west);
  std::string out = fmt::format("{}{:02}", west > 0 ? "-" : "+", seconds / 3600);
  if (seconds % 3600 != 0) out += fmt::format(":{:02}", seconds / 60 % 60);
  if (seconds % 60 != 0) out += fmt::format(":{:02}", seconds % 60);
  return out;
}

std::string range_text(PgType element, Bytes bytes) {
  constexpr int kEmpty = 1;
  constexpr int kLowerInclusive = 2;
  constexpr int kUpperInclusive = 4;
  constexpr int kLowerInfinite = 8;
  constexpr int kUpperInfinite = 16;
  const auto flags = bytes.number<uint8_t>();
  if ((flags & kEmpty) != 0) return "empty";
  const auto bound = [&] {
    const auto length = bytes.number<uint32_t>();
    const std::string text = postgres_text(element, bytes.take(length)).value_or("");
    return text.find(' ') == std::string::npos ? text : "\"" + text + "\"";
  };
  std::string out = (flags & kLowerInclusive) != 0 ? "[" : "(";
  if ((flags & kLowerInfinite) == 0) out += bound();
  out += ',';
  if ((flags & kUpperInfinite) == 0) out += bound();
  return out + ((flags & kUpperInclusive) != 0 ? "]" : ")");
}

std::string point_text(Bytes bytes) {
  std::string out = "(";
  append_float_text(out, std::bit_cast<double>(bytes.number<uint64_t>()));
  out += ',';
  append_float_text(out, std::bit_cast<double>(bytes.number<uint64_t>()));
  return out + ")";
}

}  // namespace

std::optional<std::string> postgres_text(PgType type, std::string_view value) {
  Bytes bytes(value);
  switch (type) {
    case PgType::text:
      return std::string(value);
    case PgType::bytea:
      return bytea_text(value);
    case PgType::numeric:
      return numeric_text(bytes);
    case PgType::date:
      return printed_date(bytes.number<int32_t>());
    case PgType::time:
      return printed_time(bytes.number<int64_t>());
    case PgType::timetz: {
      const auto micros = bytes.number<int64_t>();
      return printed_time(micros) + zone_text(bytes.number<int32_t>());
    }
    case PgType::timestamp:
      return printed_timestamp(bytes.number<int64_t>(), "");
    case PgType::timestamptz:
      return printed_timestamp(bytes.number<int64_t>(), "+00");
    case PgType::interval: {
      Interval interval;
      interval.micros = bytes.number<int64_t>();
      interval.days = bytes.number<int32_t>();
      interval.months = bytes.number<int32_t>();
      return interval_text(interval);
    }
    case PgType::numrange:
      return range_text(PgType::numeric, bytes);
    case PgType::daterange:
      return range_text(PgType::date, bytes);
    case PgType::tsrange:
      return range_text(PgType::timestamp, bytes);
    case PgType::tstzrange:
      return range_text(PgType::timestamptz, bytes);
    case PgType::point:
      return point_text(bytes);
    default:
      return std::nullopt;
  }
}

// As array_out() does.
void ArrayText::add(const std::optional<std::string>& element) {
  if (text_.size() > 1) text_ += ',';
  if (!element) {
    text_ += "NULL";
    return;
  }
  const bool is_null_word = element->size() == 4 &&
                            std::ranges::equal(*element, std::string_view("null"), {}, [](char c) {
                              return c >= 'A' && c <= 'Z' ? c + 32 : c;
                            });
  const bool is_plain = !element->empty() && !is_null_word &&
                        element->find_first_of("\"\\{}, \t\n\r\v\f") == std::string::npos;
  if (is_plain) {
    text_ += *element;
    return;
  }
  text_ += '"';
  for (const char c : *element) {
    if (c == '"' || c == '\\') text_ += '\\';
    text_ += c;
  }
  text_ += '"';
}

}  // namespace metadb::ingest
