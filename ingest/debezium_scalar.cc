#include "ingest/debezium_scalar.h"

#include <charconv>
#include <limits>
#include <string>

#include "ingest/debezium_base64.h"
#include "ingest/debezium_error.h"
#include "ingest/json_text.h"

namespace metadb::ingest {

void expect(const JsonNode& value, JsonKind kind, std::string_view expected) {
  if (value.kind == kind) return;
  throw DecodeError("expected " + std::string(expected) + ", got " + excerpt(json_text(value)));
}

int64_t integer(const JsonNode& value) {
  expect(value, JsonKind::number, "an integer");
  int64_t result = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, result);
  if (error == std::errc::result_out_of_range) throw DecodeError("integer out of range", "22003");
  if (error != std::errc() || stop != end) {
    throw DecodeError("expected an integer, got " + excerpt(value.text));
  }
  return result;
}

void append_bytes(std::string& out, const JsonNode& value) {
  if (value.kind == JsonKind::bytes) {
    out += value.text;
    return;
  }
  expect(value, JsonKind::string, "base64");
  append_base64_decoded(out, value.text);
}

template <typename Float>
Float floating(const JsonNode& value) {
  if (value.kind == JsonKind::string) {
    if (value.text == "NaN") return std::numeric_limits<Float>::quiet_NaN();
    if (value.text == "Infinity") return std::numeric_limits<Float>::infinity();
    if (value.text == "-Infinity") return -std::numeric_limits<Float>::infinity();
  }
  expect(value, JsonKind::number, "a number");
  Float result = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, result);
  if (error != std::errc() || stop != end) throw DecodeError("float out of range", "22003");
  return result;
}

template float floating<float>(const JsonNode& value);
template double floating<double>(const JsonNode& value);

}  // namespace metadb::ingest
