#include "server/session_encoding.h"

#include <algorithm>

#include "grammar/utf8.h"

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

bool is_legal_utf8(std::string_view text) {
  return grammar::valid_utf8_prefix(text) == text.size();
}

}  // namespace

std::optional<std::string_view> utf8_of(std::string_view text, std::string_view client_encoding,
                                        std::string& storage) {
  if (is_ascii(text) || (is_utf8(client_encoding) && is_legal_utf8(text))) return text;
  if (client_encoding != "LATIN1") return std::nullopt;
  storage.clear();
  for (size_t i = 0; i < text.size(); ++i) grammar::append_utf8(storage, byte_at(text, i));
  return storage;
}

std::string for_client(std::string_view utf8, std::string_view client_encoding) {
  if (is_utf8(client_encoding) || is_ascii(utf8)) return std::string(utf8);
  const bool is_latin1 = client_encoding == "LATIN1";
  std::string out;
  for (size_t i = 0; i < utf8.size();) {
    const unsigned lead = byte_at(utf8, i);
    const size_t length = grammar::utf8_length(utf8[i]);
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
