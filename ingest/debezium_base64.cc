#include "ingest/debezium_base64.h"

#include <array>
#include <cstdint>

#include "ingest/debezium_error.h"

namespace metadb::ingest {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint32_t kNotADigit = 0xff000000;

constexpr std::array<uint32_t, 256> digit_values() {
  std::array<uint32_t, 256> values{};
  for (uint32_t& value : values) value = kNotADigit;
  for (uint32_t i = 0; i < kAlphabet.size(); i++) {
    values[static_cast<unsigned char>(kAlphabet[i])] = i;
  }
  return values;
}
constexpr std::array<uint32_t, 256> kDigits = digit_values();

uint32_t digit(char c) {
  return kDigits[static_cast<unsigned char>(c)];
}

}  // namespace

void append_base64_decoded(std::string& out, std::string_view text) {
  if (text.size() % 4 != 0) throw DecodeError("not base64: length is not a multiple of four");
  if (text.empty()) return;
  size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') padding++;
  const size_t start = out.size();
  out.resize(start + text.size() / 4 * 3);
  char* to = out.data() + start;
  uint32_t seen = 0;
  for (size_t i = 0; i < text.size(); i += 4) {
    const size_t digits = i + 4 == text.size() ? 4 - padding : 4;
    uint32_t group = 0;
    for (size_t k = 0; k < 4; k++) {
      const uint32_t value = k < digits ? digit(text[i + k]) : 0;
      seen |= value;
      group = (group << 6) | (value & 0x3f);
    }
    *to++ = static_cast<char>(group >> 16);
    *to++ = static_cast<char>((group >> 8) & 0xff);
    *to++ = static_cast<char>(group & 0xff);
  }
  out.resize(out.size() - padding);
  if ((seen & kNotADigit) != 0) {
    out.resize(start);
    throw DecodeError("not base64: character outside the alphabet");
  }
}

std::string base64_encoded(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t k = 0; k < 3; k++) {
      group = (group << 8) | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (size_t k = 0; k < 4; k++) {
      const bool is_padding = i + k > bytes.size();
      out += is_padding ? '=' : kAlphabet[(group >> (18 - 6 * k)) & 0x3f];
    }
  }
  return out;
}

}  // namespace metadb::ingest
