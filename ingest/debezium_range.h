// Ranges, from the text that PostgreSQL prints to its binary form.
#pragma once

#include <string>

#include "ingest/debezium_types.h"

namespace metadb::ingest {

// Converters of [1000,6000), ("a",), empty; what is no range of that type is a DecodeError 22008.
void convert_int4range(const JsonNode& value, const TypeParameters& parameters, std::string& out);
void convert_int8range(const JsonNode& value, const TypeParameters& parameters, std::string& out);
void convert_numrange(const JsonNode& value, const TypeParameters& parameters, std::string& out);
void convert_daterange(const JsonNode& value, const TypeParameters& parameters, std::string& out);
void convert_tsrange(const JsonNode& value, const TypeParameters& parameters, std::string& out);
void convert_tstzrange(const JsonNode& value, const TypeParameters& parameters, std::string& out);

}  // namespace metadb::ingest
