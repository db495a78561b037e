#include "ingest/debezium_binary.h"

#include <array>
#include <charconv>
#include <stdexcept>

#include "ingest/debezium_base64.h"
#include "ingest/debezium_cell.h"
#include "ingest/debezium_error.h"
#include "ingest/debezium_scalar.h"

namespace metadb::ingest {
namespace {

// In the order of BinaryMode.
constexpr std::array<std::string_view, 4> kNames = {"bytes", "base64", "base64-url-safe", "hex"};

bool is_bytea_as_text(const FieldSchema& field) {
  return field.type == "string" && field.semantic.empty() && field.source_type == "BYTEA";
}

}  // namespace

BinaryMode binary_mode_named(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); i++) {
    if (kNames[i] == name) return static_cast<BinaryMode>(i);
  }
  throw std::logic_error("not a binary handling mode: " + std::string(name));
}

FieldSchema with_binary_mode(FieldSchema field, BinaryMode mode) {
  if (mode == BinaryMode::bytes) return field;
  const std::string name(kNames[static_cast<size_t>(mode)]);
  if (is_bytea_as_text(field)) field.type = name;
  if (field.type != "array" || !field.semantic.empty() || !field.items) return field;
  FieldSchema items = *field.items;
  if (items.source_type.empty() && field.source_type == "_BYTEA") items.source_type = "BYTEA";
  if (!is_bytea_as_text(items)) return field;
  items.type = name;
  field.items = std::make_shared<const FieldSchema>(std::move(items));
  return field;
}

void convert_base64_url_safe(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "base64");
  std::string standard(value.text);
  for (char& c : standard) {
    if (c == '+' || c == '/') {
      throw DecodeError("not url-safe base64: character outside the alphabet");
    }
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  const size_t begin = begin_cell(out);
  append_base64_decoded(out, standard);
  end_cell(out, begin);
}

void convert_hex(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "hex digits");
  if (value.text.size() % 2 != 0) throw DecodeError("not hex: an odd number of digits");
  const size_t begin = begin_cell(out);
  for (size_t i = 0; i < value.text.size(); i += 2) {
    uint8_t byte = 0;
    const char* digits = value.text.data() + i;
    const auto [stop, error] = std::from_chars(digits, digits + 2, byte, 16);
    if (error != std::errc() || stop != digits + 2) {
      throw DecodeError("not hex: " + excerpt(value.text));
    }
    out += static_cast<char>(byte);
  }
  end_cell(out, begin);
}

}  // namespace metadb::ingest
