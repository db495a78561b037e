// decimal.handling.mode: decimals as bytes, as structs with their scale, as texts.
#pragma once

#include <string>

#include "ingest/debezium_types.h"

namespace metadb::ingest {

void convert_decimal(const JsonNode& value, const TypeParameters& parameters, std::string& out);
void convert_variable_scale_decimal(const JsonNode& value, const TypeParameters& parameters,
                                    std::string& out);
// decimal.handling.mode=string: of the special values, the names of Java's constants.
void convert_numeric_text(const JsonNode& value, const TypeParameters& parameters,
                          std::string& out);
// The same of types that have no such values, and whose name a domain of PostgreSQL's may have as
// well: only what a numeric prints as it stands. A DecodeError 22008 for others.
void convert_plain_decimal(const JsonNode& value, const TypeParameters& parameters,
                           std::string& out);

}  // namespace metadb::ingest
