#include "ingest/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "ingest/debezium_base64.h"

namespace metadb::ingest {
namespace {

std::string_view short_escape(char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return {};
  }
}

// A decimal point behind that many of the digits, zeros where there are none.
size_t write_plain(char* to, std::string_view digits, int exponent) {
  char* at = to;
  const auto put = [&](std::string_view text) { at = std::copy(text.begin(), text.end(), at); };
  if (exponent < 0) {
    put("0.");
    at = std::fill_n(at, -exponent - 1, '0');
    put(digits);
  } else {
    const auto whole = static_cast<size_t>(exponent) + 1;
    put(digits.substr(0, std::min(whole, digits.size())));
    if (whole > digits.size()) at = std::fill_n(at, whole - digits.size(), '0');
    put(".");
    put(whole < digits.size() ? digits.substr(whole) : "0");
  }
  return static_cast<size_t>(at - to);
}

size_t write_with_exponent(char* to, std::string_view digits, int exponent) {
  char* at = to;
  *at++ = digits.front();
  *at++ = '.';
  const std::string_view rest = digits.size() > 1 ? digits.substr(1) : "0";
  at = std::copy(rest.begin(), rest.end(), at);
  *at++ = 'E';
  at = std::to_chars(at, at + 8, exponent).ptr;
  return static_cast<size_t>(at - to);
}

// The fewest digits that tell the number from its neighbours, laid out as Java does.
template <typename Float>
size_t write_java(char* to, Float value) {
  char scientific[kFloatingMax];
  const auto [stop, error] = std::to_chars(scientific, scientific + sizeof(scientific), value,
                                           std::chars_format::scientific);
  static_cast<void>(error);  // the longest has 24 characters
  const char* mark = std::find(scientific, stop, 'e');
  char digits[kFloatingMax];
  size_t count = 0;
  size_t sign = 0;
  for (const char* c = scientific; c != mark; ++c) {
    if (*c == '-') {
      to[sign++] = '-';
    } else if (*c != '.') {
      digits[count++] = *c;
    }
  }
  int exponent = 0;
  std::from_chars(mark[1] == '+' ? mark + 2 : mark + 1, stop, exponent);
  const std::string_view text(digits, count);
  const bool is_plain = exponent >= -3 && exponent < 7;
  return sign + (is_plain ? write_plain(to + sign, text, exponent)
                          : write_with_exponent(to + sign, text, exponent));
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (const std::string_view escape = short_escape(c); !escape.empty()) {
      out += escape;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04X}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_json(std::string& out, const JsonNode& value) {
  const bool is_object = value.kind == JsonKind::object;
  if (value.kind == JsonKind::string) return append_json_string(out, value.text);
  if (value.kind == JsonKind::bytes) return append_json_string(out, base64_encoded(value.text));
  if (!value.text.empty() || (!is_object && value.kind != JsonKind::array)) {
    out += value.text;
    return;
  }
  out += is_object ? '{' : '[';
  for (const JsonNode* child = value.begin(); child != value.end(); child = child->next()) {
    if (child != value.begin()) out += ',';
    if (is_object) {
      append_json_string(out, child->name);
      out += ':';
    }
    append_json(out, *child);
  }
  out += is_object ? '}' : ']';
}

std::string json_text(const JsonNode& value) {
  if (value.kind == JsonKind::string) return std::string(value.text);
  if (value.kind == JsonKind::bytes) return base64_encoded(value.text);
  std::string out;
  append_json(out, value);
  return out;
}

size_t write_floating(char* to, float value) {
  return write_java(to, value);
}

size_t write_floating(char* to, double value) {
  return write_java(to, value);
}

}  // namespace metadb::ingest
