// binary.handling.mode: bytea as texts. Which of the modes a text is of, no event tells.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ingest/debezium_types.h"

namespace metadb::ingest {

enum class BinaryMode : uint8_t { bytes, base64, base64_url_safe, hex };

// By the connector's name of it. REQUIRES: one of bytes, base64, base64-url-safe, hex.
BinaryMode binary_mode_named(std::string_view name);
// The field with the mode's name as its type (the decode table has them) where its source type is
// propagated and is bytea, or an array of it, and it comes as text; else as it is.
FieldSchema with_binary_mode(FieldSchema field, BinaryMode mode);

void convert_base64_url_safe(const JsonNode& value, const TypeParameters& parameters,
                             std::string& out);
void convert_hex(const JsonNode& value, const TypeParameters& parameters, std::string& out);

}  // namespace metadb::ingest
