#include "ingest/debezium_network.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>

#include "ingest/debezium_cell.h"
#include "ingest/debezium_scalar.h"

namespace metadb::ingest {
namespace {

[[noreturn]] void fail(std::string_view text, const char* type) {
  throw DecodeError(std::string("not a ") + type + ": \"" + excerpt(text) + "\"", "22008");
}

// All of `digits`, as a number of that base.
unsigned number(std::string_view digits, int base, std::string_view text, const char* type) {
  unsigned value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (error != std::errc() || stop != end) fail(text, type);
  return value;
}

void append_inet_cell(std::string& out, const JsonNode& value, bool is_cidr) {
  expect(value, JsonKind::string, "an address");
  const std::string_view text = value.text;
  // PGSQL_AF_INET and PGSQL_AF_INET6 (PostgreSQL, utils/inet.h).
  constexpr char kFamily4 = 2;
  constexpr char kFamily6 = 3;
  const char* type = is_cidr ? "cidr" : "inet";
  const size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  const bool is_6 = address.find(':') != std::string::npos;
  std::array<char, sizeof(in6_addr)> bytes{};
  if (::inet_pton(is_6 ? AF_INET6 : AF_INET, address.c_str(), bytes.data()) != 1) fail(text, type);
  const size_t size = is_6 ? sizeof(in6_addr) : sizeof(in_addr);
  unsigned bits = static_cast<unsigned>(size) * 8;
  if (slash != std::string_view::npos) {
    const unsigned length = number(text.substr(slash + 1), 10, text, type);
    if (length > bits) fail(text, type);
    bits = length;
  }
  const size_t begin = begin_cell(out);
  out += is_6 ? kFamily6 : kFamily4;
  out += static_cast<char>(bits);
  out += is_cidr ? '\1' : '\0';
  out += static_cast<char>(size);
  out.append(bytes.data(), size);
  end_cell(out, begin);
}

// Of six bytes (macaddr) or eight (macaddr8): 08:00:2b:01:02:03.
void append_macaddr_cell(std::string& out, const JsonNode& value, size_t bytes) {
  expect(value, JsonKind::string, "an address");
  const std::string_view text = value.text;
  const char* type = bytes == 6 ? "macaddr" : "macaddr8";
  if (text.size() != bytes * 3 - 1) fail(text, type);
  const size_t begin = begin_cell(out);
  for (size_t i = 0; i < bytes; ++i) {
    if (i > 0 && text[i * 3 - 1] != ':') fail(text, type);
    out += static_cast<char>(number(text.substr(i * 3, 2), 16, text, type));
  }
  end_cell(out, begin);
}

}  // namespace

void convert_inet(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_inet_cell(out, value, false);
}

void convert_cidr(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_inet_cell(out, value, true);
}

void convert_macaddr(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_macaddr_cell(out, value, 6);
}

void convert_macaddr8(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_macaddr_cell(out, value, 8);
}

}  // namespace metadb::ingest
