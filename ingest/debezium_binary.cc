#include "ingest/debezium_binary.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <stdexcept>
#include <utility>

#include "ingest/debezium_base64.h"
#include "ingest/debezium_cell.h"
#include "ingest/debezium_error.h"
#include "ingest/debezium_scalar.h"
#include "ingest/debezium_text.h"

namespace metadb::ingest {
namespace {

// In the order of BinaryMode.
constexpr std::array<std::string_view, 4> kNames = {"bytes", "base64", "base64-url-safe", "hex"};

// One that the connector does not know, and so sends the bytes of its text: not the types of isn,
// which are plain texts in other versions.
bool is_unknown(const std::string& source_type) {
  const auto has_row = [&](std::string_view type) {
    return std::ranges::any_of(decode_table(), [&](const TypeRow& row) {
      return row.type == type && row.semantic.empty() && row.source_type == source_type;
    });
  };
  return !source_type.empty() && has_row("bytes") && !has_row("string");
}

bool is_element_as_text(const FieldSchema& field) {
  return field.type == "string" && field.semantic.empty() &&
         (field.source_type == "BYTEA" || is_unknown(field.source_type));
}

void append_url_safe_decoded(std::string& out, const JsonNode& value) {
  expect(value, JsonKind::string, "base64");
  std::string standard(value.text);
  for (char& c : standard) {
    if (c == '+' || c == '/') {
      throw DecodeError("not url-safe base64: character outside the alphabet");
    }
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  append_base64_decoded(out, standard);
}

void append_hex_decoded(std::string& out, const JsonNode& value) {
  expect(value, JsonKind::string, "hex digits");
  if (value.text.size() % 2 != 0) throw DecodeError("not hex: an odd number of digits");
  for (size_t i = 0; i < value.text.size(); i += 2) {
    uint8_t byte = 0;
    const char* digits = value.text.data() + i;
    const auto [stop, error] = std::from_chars(digits, digits + 2, byte, 16);
    if (error != std::errc() || stop != digits + 2) {
      throw DecodeError("not hex: " + excerpt(value.text));
    }
    out += static_cast<char>(byte);
  }
}

}  // namespace

BinaryMode binary_mode_named(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); i++) {
    if (kNames[i] == name) return static_cast<BinaryMode>(i);
  }
  throw std::logic_error("not a binary handling mode: " + std::string(name));
}

bool is_bytes_as_text(const FieldSchema& field) {
  const auto elements = elements_of(field);
  return is_element_as_text(elements ? *elements : field);
}

FieldSchema with_binary_mode(FieldSchema field, BinaryMode mode) {
  if (mode == BinaryMode::bytes || !is_bytes_as_text(field)) return field;
  const std::string name(kNames[static_cast<size_t>(mode)]);
  auto elements = elements_of(field);
  (elements ? *elements : field).type = name;
  if (elements) field.items = std::make_shared<const FieldSchema>(std::move(*elements));
  return field;
}

std::optional<ColumnType> text_of_unknown_type(const FieldSchema& field) {
  const auto* mode = std::ranges::find(kNames, field.type);
  const bool is_mode = mode != kNames.begin() && mode != kNames.end();
  if (!is_mode || !is_unknown(field.source_type)) return std::nullopt;
  constexpr std::array<Converter, 4> kConverters = {convert_text_bytes, convert_text_bytes,
                                                    convert_text_base64_url_safe, convert_text_hex};
  FieldSchema bytes = field;
  bytes.type = "bytes";
  ColumnType type = column_type(bytes);
  type.convert = kConverters[static_cast<size_t>(mode - kNames.begin())];
  return type;
}

void convert_base64_url_safe(const JsonNode& value, const TypeParameters&, std::string& out) {
  const size_t begin = begin_cell(out);
  append_url_safe_decoded(out, value);
  end_cell(out, begin);
}

void convert_hex(const JsonNode& value, const TypeParameters&, std::string& out) {
  const size_t begin = begin_cell(out);
  append_hex_decoded(out, value);
  end_cell(out, begin);
}

void convert_text_base64_url_safe(const JsonNode& value, const TypeParameters&, std::string& out) {
  std::string text;
  append_url_safe_decoded(text, value);
  append_decoded_text_cell(out, text);
}

void convert_text_hex(const JsonNode& value, const TypeParameters&, std::string& out) {
  std::string text;
  append_hex_decoded(text, value);
  append_decoded_text_cell(out, text);
}

}  // namespace metadb::ingest
