// Texts, and JSON documents, as cells.
#pragma once

#include <string>
#include <string_view>

#include "ingest/debezium_types.h"

namespace metadb::ingest {

// Other databases than PostgreSQL store U+0000 in texts: U+FFFD in its place.
void append_storable(std::string& out, std::string_view text);
void append_text_cell(std::string& out, std::string_view text);
// Of bytes. Throws DecodeError 22008 if they are no text.
void append_decoded_text_cell(std::string& out, std::string_view text);
// A float as PostgreSQL prints it: the shortest digits that read back as the same.
template <typename Float>
void append_float_text(std::string& out, Float value);
extern template void append_float_text<float>(std::string& out, float value);
extern template void append_float_text<double>(std::string& out, double value);

void convert_text(const JsonNode& value, const TypeParameters& parameters, std::string& out);
// What has no converter of its own: the JSON of the value as the message spells it, or would.
void convert_as_it_stands(const JsonNode& value, const TypeParameters& parameters,
                          std::string& out);
void convert_json(const JsonNode& value, const TypeParameters& parameters, std::string& out);
void convert_jsonb(const JsonNode& value, const TypeParameters& parameters, std::string& out);
// hstore.handling.mode=map: an object, as jsonb.
void convert_map(const JsonNode& value, const TypeParameters& parameters, std::string& out);
// include.unknown.datatypes: the bytes of what PostgreSQL prints. A DecodeError 22008 for others.
void convert_text_bytes(const JsonNode& value, const TypeParameters& parameters, std::string& out);

}  // namespace metadb::ingest
