#include "grammar/utf8.h"

#include <algorithm>
#include <cstdint>

namespace metadb::grammar {
namespace {

struct Sequence {
  size_t length = 0;  // 0 = invalid
  char32_t character = 0;
};

Sequence sequence_at(std::string_view text, size_t at) {
  constexpr char32_t kLeast[] = {0, 1, 0x80, 0x800, 0x10000};  // below: overlong, or U+0000
  const auto lead = static_cast<uint8_t>(text[at]);
  const size_t length = utf8_length(text[at]);
  if (text.size() - at < length || (lead >= 0x80 && length == 1)) return {};
  char32_t character = length == 1 ? lead : lead & (0x7FU >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<uint8_t>(text[at + i]);
    if ((byte & 0xC0U) != 0x80) return {};
    character = (character << 6U) | (byte & 0x3FU);
  }
  const bool is_surrogate = character >= 0xD800 && character <= 0xDFFF;
  if (character < kLeast[length] || is_surrogate || character > 0x10FFFF) return {};
  return {length, character};
}

}  // namespace

size_t utf8_length(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  if ((byte & 0xE0U) == 0xC0) return 2;
  if ((byte & 0xF0U) == 0xE0) return 3;
  if ((byte & 0xF8U) == 0xF0) return 4;
  return 1;
}

std::optional<std::u32string> decode_utf8(std::string_view text) {
  std::u32string characters;
  characters.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Sequence sequence = sequence_at(text, at);
    if (sequence.length == 0) return {};
    characters.push_back(sequence.character);
    at += sequence.length;
  }
  return characters;
}

size_t valid_utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Sequence sequence = sequence_at(text, at);
    if (sequence.length == 0) return at;
    at += sequence.length;
  }
  return at;
}

size_t count_characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0U) != 0x80; }));
}

void append_utf8(std::string& text, char32_t character) {
  const auto add = [&text](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  const auto add_tail = [&add, character](unsigned shift) {
    add(0x80 | ((character >> shift) & 0x3F));
  };
  if (character < 0x80) {
    add(character);
  } else if (character < 0x800) {
    add(0xC0 | (character >> 6U));
    add_tail(0);
  } else if (character < 0x10000) {
    add(0xE0 | (character >> 12U));
    add_tail(6);
    add_tail(0);
  } else {
    add(0xF0 | (character >> 18U));
    add_tail(12);
    add_tail(6);
    add_tail(0);
  }
}

}  // namespace metadb::grammar
