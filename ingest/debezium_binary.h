// binary.handling.mode: bytea as texts, and the texts of types that the connector does not know
// (include.unknown.datatypes) as texts of their bytes. Which of the modes a text is of, no event
// tells.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ingest/debezium_types.h"

namespace metadb::ingest {

enum class BinaryMode : uint8_t { bytes, base64, base64_url_safe, hex };

// By the connector's name of it. REQUIRES: one of bytes, base64, base64-url-safe, hex.
BinaryMode binary_mode_named(std::string_view name);
// Whether the field is of bytes, or an array of such, and comes as text: that is known where its
// source type is propagated, and is bytea or one that the connector does not know.
bool is_bytes_as_text(const FieldSchema& field);
// Such a field with the mode's name as the type of its values; others as they are.
FieldSchema with_binary_mode(FieldSchema field, BinaryMode mode);
// That of such a field whose source type the connector does not know.
std::optional<ColumnType> text_of_unknown_type(const FieldSchema& field);

void convert_base64_url_safe(const JsonNode& value, const TypeParameters& parameters,
                             std::string& out);
void convert_hex(const JsonNode& value, const TypeParameters& parameters, std::string& out);
// As convert_text_bytes.
void convert_text_base64_url_safe(const JsonNode& value, const TypeParameters& parameters,
                                  std::string& out);
void convert_text_hex(const JsonNode& value, const TypeParameters& parameters, std::string& out);

}  // namespace metadb::ingest
