// Network addresses in PostgreSQL's binary form.
#pragma once

#include <string>

#include "ingest/debezium_types.h"

namespace metadb::ingest {

// Converters of addresses as PostgreSQL prints them; anything else is a DecodeError 22008.
void convert_inet(const JsonNode& value, const TypeParameters& parameters, std::string& out);
void convert_cidr(const JsonNode& value, const TypeParameters& parameters, std::string& out);
void convert_macaddr(const JsonNode& value, const TypeParameters& parameters, std::string& out);
void convert_macaddr8(const JsonNode& value, const TypeParameters& parameters, std::string& out);

}  // namespace metadb::ingest
