#include "ingest/numeric.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "ingest/debezium_cell.h"

namespace metadb::ingest {
namespace {

// PostgreSQL, datatype-numeric: 131072 digits before the point, 16383 after it.
constexpr int64_t kIntegerDigitsMax = 131072;
constexpr int64_t kScaleMax = 16383;
// More bytes than the longest numeric needs (log2(10) bits a digit).
constexpr size_t kUnscaledBytesMax = (kIntegerDigitsMax + kScaleMax) * 3322 / 8000 + 1;
constexpr size_t kInt128Bytes = 16;
constexpr uint16_t kPositive = 0x0000;
constexpr uint16_t kNegative = 0x4000;

struct Decimal {
  bool is_negative = false;
  std::string_view digits;  // of the unscaled integer, without leading zeros; empty = 0
  int64_t scale = 0;
};

[[noreturn]] void throw_out_of_range() {
  throw DecodeError("numeric value out of range of PostgreSQL's numeric", "22003");
}

// The base-10000 digit at `at`, which may start before the first digit or end behind the last.
int16_t group_at(std::string_view digits, int64_t at) {
  int value = 0;
  for (int64_t i = at; i < at + 4; i++) {
    const bool is_inside = i >= 0 && i < static_cast<int64_t>(digits.size());
    value = value * 10 + (is_inside ? digits[static_cast<size_t>(i)] - '0' : 0);
  }
  return static_cast<int16_t>(value);
}

// The layout of numeric_send(): ndigits, weight, sign, dscale, base-10000 digits.
void append_decimal(std::string& out, const Decimal& decimal) {
  const int64_t display_scale = std::max<int64_t>(decimal.scale, 0);
  const int64_t integer_digits = static_cast<int64_t>(decimal.digits.size()) - decimal.scale;
  if (display_scale > kScaleMax) throw_out_of_range();
  const size_t last = decimal.digits.find_last_not_of('0');
  const std::string_view significant =
      last == std::string_view::npos ? std::string_view() : decimal.digits.substr(0, last + 1);
  if (!significant.empty() && integer_digits > kIntegerDigitsMax) throw_out_of_range();

  int64_t weight = 0;
  int64_t groups = 0;
  int64_t first = 0;
  if (!significant.empty()) {
    // Floor division: a group never straddles the decimal point.
    weight = integer_digits > 0 ? (integer_digits - 1) / 4 : -((-integer_digits) / 4) - 1;
    first = integer_digits - (weight + 1) * 4;
    groups = (static_cast<int64_t>(significant.size()) - first + 3) / 4;
  }
  const size_t begin = begin_cell(out);
  append_big_endian(out, static_cast<int16_t>(groups));
  append_big_endian(out, static_cast<int16_t>(weight));
  const bool is_negative = decimal.is_negative && !significant.empty();
  append_big_endian(out, is_negative ? kNegative : kPositive);
  append_big_endian(out, static_cast<int16_t>(display_scale));
  for (int64_t i = 0; i < groups; i++) append_big_endian(out, group_at(significant, first + 4 * i));
  end_cell(out, begin);
}

// Decimal digits of an integer of any length, by repeated division of its 32-bit limbs.
std::string long_digits(std::string_view magnitude) {
  std::vector<uint32_t> limbs;  // most significant first
  const size_t head = magnitude.size() % 4;
  for (size_t i = 0; i < magnitude.size();) {
    const size_t length = i == 0 && head != 0 ? head : 4;
    uint32_t limb = 0;
    for (size_t k = 0; k < length; k++)
      limb = (limb << 8) | static_cast<unsigned char>(magnitude[i + k]);
    limbs.push_back(limb);
    i += length;
  }
  constexpr uint32_t kChunk = 1000000000;
  std::string reversed;
  size_t top = 0;
  while (top < limbs.size()) {
    uint64_t rest = 0;
    for (size_t i = top; i < limbs.size(); i++) {
      const uint64_t value = (rest << 32) | limbs[i];
      limbs[i] = static_cast<uint32_t>(value / kChunk);
      rest = value % kChunk;
    }
    for (int digit = 0; digit < 9; digit++, rest /= 10)
      reversed += static_cast<char>('0' + rest % 10);
    while (top < limbs.size() && limbs[top] == 0) top++;
  }
  std::reverse(reversed.begin(), reversed.end());
  return reversed;
}

std::string_view without_leading_zeros(std::string_view digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}

std::string negated(std::string_view twos_complement) {
  std::string magnitude(twos_complement);
  unsigned carry = 1;
  for (size_t i = magnitude.size(); i-- > 0;) {
    const unsigned byte =
        (~static_cast<unsigned>(static_cast<unsigned char>(magnitude[i])) & 0xffU) + carry;
    magnitude[i] = static_cast<char>(byte & 0xff);
    carry = byte >> 8;
  }
  return magnitude;
}

size_t digits_end(std::string_view text, size_t from) {
  while (from < text.size() && text[from] >= '0' && text[from] <= '9') from++;
  return from;
}

}  // namespace

void append_numeric_cell(std::string& out, std::string_view unscaled, int32_t scale) {
  if (unscaled.empty()) throw DecodeError("decimal without bytes");
  if (unscaled.size() > kUnscaledBytesMax) throw_out_of_range();
  Decimal decimal;
  decimal.is_negative = (static_cast<unsigned char>(unscaled[0]) & 0x80) != 0;
  decimal.scale = scale;
  if (unscaled.size() > kInt128Bytes) {
    const std::string digits =
        decimal.is_negative ? long_digits(negated(unscaled)) : long_digits(unscaled);
    decimal.digits = without_leading_zeros(digits);
    append_decimal(out, decimal);
    return;
  }
  __extension__ using Magnitude = unsigned __int128;
  Magnitude magnitude = decimal.is_negative ? ~Magnitude{0} : Magnitude{0};
  for (const char byte : unscaled) magnitude = (magnitude << 8) | static_cast<unsigned char>(byte);
  if (decimal.is_negative) magnitude = ~magnitude + 1;
  char buffer[40];
  char* begin = buffer + sizeof(buffer);
  while (magnitude > UINT64_MAX) {
    *--begin = static_cast<char>('0' + static_cast<int>(magnitude % 10));
    magnitude /= 10;
  }
  for (auto low = static_cast<uint64_t>(magnitude); low != 0; low /= 10) {
    *--begin = static_cast<char>('0' + low % 10);
  }
  decimal.digits = {begin, static_cast<size_t>(buffer + sizeof(buffer) - begin)};
  append_decimal(out, decimal);
}

void append_numeric_cell(std::string& out, std::string_view json_number) {
  Decimal decimal;
  size_t at = 0;
  if (!json_number.empty() && json_number[0] == '-') {
    decimal.is_negative = true;
    at = 1;
  }
  const size_t point = digits_end(json_number, at);
  std::string digits(json_number.substr(at, point - at));
  bool is_number = point > at;
  at = point;
  if (at < json_number.size() && json_number[at] == '.') {
    const size_t end = digits_end(json_number, at + 1);
    is_number = is_number && end > at + 1;
    digits.append(json_number.substr(at + 1, end - at - 1));
    decimal.scale = static_cast<int64_t>(end - at - 1);
    at = end;
  }
  if (at < json_number.size() && (json_number[at] == 'e' || json_number[at] == 'E')) {
    at += at + 1 < json_number.size() && json_number[at + 1] == '+' ? 2 : 1;
    int32_t exponent = 0;
    const char* end = json_number.data() + json_number.size();
    const auto [stop, error] = std::from_chars(json_number.data() + at, end, exponent);
    if (error == std::errc::result_out_of_range) throw_out_of_range();
    is_number = is_number && error == std::errc();
    decimal.scale -= exponent;
    at = static_cast<size_t>(stop - json_number.data());
  }
  if (!is_number || at != json_number.size()) throw DecodeError("not a number");
  decimal.digits = without_leading_zeros(digits);
  append_decimal(out, decimal);
}

void trim_numeric_cell(std::string& out, size_t begin) {
  // Behind the length: ndigits, weight, sign, dscale.
  const auto int16_at = [&](size_t at) {
    return static_cast<int16_t>(static_cast<unsigned char>(out[at]) << 8U |
                                static_cast<unsigned char>(out[at + 1]));
  };
  const size_t value = begin + sizeof(int32_t);
  const bool is_integer = int16_at(value) <= int16_at(value + 2) + 1;
  if (!is_integer) return;
  out[value + 6] = '\0';
  out[value + 7] = '\0';
}

void append_numeric_word_cell(std::string& out, std::string_view text) {
  struct Word {
    std::string_view text;
    uint16_t sign;
  };
  // The signs of numeric.c, NUMERIC_NAN, NUMERIC_PINF, NUMERIC_NINF.
  constexpr Word kWords[] = {{"NaN", 0xC000},       {"NAN", 0xC000},
                             {"Infinity", 0xD000},  {"POSITIVE_INFINITY", 0xD000},
                             {"-Infinity", 0xF000}, {"NEGATIVE_INFINITY", 0xF000}};
  for (const Word& word : kWords) {
    if (word.text != text) continue;
    const size_t begin = begin_cell(out);
    append_big_endian<int16_t>(out, 0);
    append_big_endian<int16_t>(out, 0);
    append_big_endian(out, word.sign);
    append_big_endian<int16_t>(out, 0);
    return end_cell(out, begin);
  }
  try {
    append_numeric_cell(out, text);
  } catch (const DecodeError& error) {
    throw DecodeError(error.what(), "22008");
  }
}

}  // namespace metadb::ingest
