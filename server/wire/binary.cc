#include "server/wire/binary.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>

namespace metadb::server::wire {

namespace {

// pg_type.oid of built-in types; they never change.
enum Oid : uint32_t {
  kBool = 16,
  kName = 19,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kJson = 114,
  kFloat8 = 701,
  kVarchar = 1043,
  kTimestamptz = 1184,
};

template <typename Integer>
std::string big_endian(Integer value) {
  std::string out;
  for (int shift = static_cast<int>(sizeof(Integer) - 1) * 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((value >> shift) & 0xFF));
  }
  return out;
}

template <typename Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <typename Integer>
std::optional<std::string> integer_form(std::string_view text) {
  const auto value = number<Integer>(text);
  if (!value) return std::nullopt;
  return big_endian(*value);
}

std::optional<std::string> float8_form(std::string_view text) {
  const auto value = number<double>(text);
  if (!value) return std::nullopt;
  return big_endian(std::bit_cast<uint64_t>(*value));
}

std::optional<std::string> boolean_form(std::string_view text) {
  if (text == "t" || text == "true") return std::string(1, '\1');
  if (text == "f" || text == "false") return std::string(1, '\0');
  return std::nullopt;
}

// Takes `digits` digits and, unless it is zero, the separator behind them off the front.
std::optional<int> field(std::string_view& text, size_t digits, char separator) {
  if (text.size() < digits + (separator != '\0' ? 1 : 0)) return std::nullopt;
  const auto value = number<int>(text.substr(0, digits));
  if (!value || *value < 0) return std::nullopt;
  if (separator != '\0' && text[digits] != separator) return std::nullopt;
  text.remove_prefix(digits + (separator != '\0' ? 1 : 0));
  return value;
}

std::optional<int> microseconds(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  text.remove_prefix(1);
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  constexpr size_t kDigits = 6;
  if (digits == 0 || digits > kDigits) return std::nullopt;
  auto value = field(text, digits, '\0');
  for (size_t i = digits; value && i < kDigits; ++i) *value *= 10;
  return value;
}

// "+00", "-03:30", "Z"; in minutes east of Greenwich.
std::optional<int> zone_minutes(std::string_view text) {
  if (text == "Z") return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const bool has_minutes = text.size() > 2;
  const auto hours = field(text, 2, has_minutes ? ':' : '\0');
  const auto minutes = has_minutes ? field(text, 2, '\0') : std::optional(0);
  if (!hours || !minutes || !text.empty()) return std::nullopt;
  return sign * (*hours * 60 + *minutes);
}

std::optional<std::string> timestamptz_form(std::string_view text) {
  using namespace std::chrono;
  const auto y = field(text, 4, '-');
  const auto mon = y ? field(text, 2, '-') : std::nullopt;
  const auto d = mon ? field(text, 2, text.size() > 2 && text[2] == 'T' ? 'T' : ' ') : std::nullopt;
  const auto h = d ? field(text, 2, ':') : std::nullopt;
  const auto min = h ? field(text, 2, ':') : std::nullopt;
  const auto s = min ? field(text, 2, '\0') : std::nullopt;
  const auto us = s ? microseconds(text) : std::nullopt;
  const auto zone = us ? zone_minutes(text) : std::nullopt;
  if (!zone) return std::nullopt;
  const year_month_day date{year(*y), month(static_cast<unsigned>(*mon)),
                            day(static_cast<unsigned>(*d))};
  if (!date.ok()) return std::nullopt;
  const auto since_2000 = sys_days(date) - sys_days(year(2000) / 1 / 1);
  const std::chrono::microseconds value = since_2000 + hours(*h) + minutes(*min) + seconds(*s) +
                                          std::chrono::microseconds(*us) - minutes(*zone);
  return big_endian(static_cast<int64_t>(value.count()));
}

}  // namespace

bool has_binary_form(uint32_t type_oid) {
  constexpr std::array<uint32_t, 10> kKnown{kBool, kName, kInt8,   kInt2,    kInt4,
                                            kText, kJson, kFloat8, kVarchar, kTimestamptz};
  return std::ranges::find(kKnown, type_oid) != kKnown.end();
}

bool is_text(uint32_t type_oid) {
  return type_oid == kText || type_oid == kName || type_oid == kJson || type_oid == kVarchar;
}

std::optional<std::string> binary_form(uint32_t type_oid, std::string_view text) {
  if (is_text(type_oid)) return std::string(text);
  switch (type_oid) {
    case kBool:
      return boolean_form(text);
    case kInt2:
      return integer_form<int16_t>(text);
    case kInt4:
      return integer_form<int32_t>(text);
    case kInt8:
      return integer_form<int64_t>(text);
    case kFloat8:
      return float8_form(text);
    case kTimestamptz:
      return timestamptz_form(text);
    default:
      return std::nullopt;
  }
}

}  // namespace metadb::server::wire
