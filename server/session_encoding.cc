#include "server/session_encoding.h"

#include <algorithm>

namespace metadb::server {

namespace {

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c & 0x80) == 0; });
}

// SQL_ASCII means that nobody converts anything.
bool is_utf8(std::string_view encoding) {
  return encoding == "UTF8" || encoding == "SQL_ASCII";
}

unsigned byte_at(std::string_view text, size_t at) {
  return static_cast<unsigned char>(text[at]);
}

// Length of the UTF-8 sequence that begins with this byte; 1 for a byte that begins none.
size_t sequence_length(unsigned lead) {
  if (lead >= 0xF0) return 4;
  if (lead >= 0xE0) return 3;
  return lead >= 0xC0 ? 2 : 1;
}

// As PostgreSQL takes it (pg_utf8_islegal): no overlong form, no surrogate, nothing beyond
// U+10FFFF.
bool is_legal_sequence(std::string_view sequence) {
  const unsigned lead = byte_at(sequence, 0);
  if (lead < 0x80) return true;
  const size_t length = sequence_length(lead);
  if (lead < 0xC2 || lead > 0xF4 || sequence.size() < length) return false;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  if (byte_at(sequence, 1) < low || byte_at(sequence, 1) > high) return false;
  return std::ranges::all_of(sequence.substr(2, length - 2),
                             [](char c) { return (c & 0xC0) == 0x80; });
}

bool is_legal_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size(); i += sequence_length(byte_at(text, i))) {
    if (!is_legal_sequence(text.substr(i))) return false;
  }
  return true;
}

}  // namespace

std::optional<std::string_view> utf8_of(std::string_view text, std::string_view client_encoding,
                                        std::string& storage) {
  if (is_ascii(text) || (is_utf8(client_encoding) && is_legal_utf8(text))) return text;
  if (client_encoding != "LATIN1") return std::nullopt;
  storage.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned c = byte_at(text, i);
    if (c < 0x80) {
      storage.push_back(text[i]);
    } else {
      storage.push_back(static_cast<char>(0xC0 | (c >> 6)));
      storage.push_back(static_cast<char>(0x80 | (c & 0x3F)));
    }
  }
  return storage;
}

std::string for_client(std::string_view utf8, std::string_view client_encoding) {
  if (is_utf8(client_encoding) || is_ascii(utf8)) return std::string(utf8);
  const bool is_latin1 = client_encoding == "LATIN1";
  std::string out;
  for (size_t i = 0; i < utf8.size();) {
    const unsigned lead = byte_at(utf8, i);
    const size_t length = sequence_length(lead);
    if (lead < 0x80) {
      out.push_back(utf8[i]);
    } else if (is_latin1 && length == 2 && lead <= 0xC3 && i + 1 < utf8.size()) {
      out.push_back(static_cast<char>(((lead & 0x03) << 6) | (byte_at(utf8, i + 1) & 0x3F)));
    } else {
      out.push_back('?');
    }
    i += length;
  }
  return out;
}

}  // namespace metadb::server
