// PostgreSQL's geometric types, from Debezium's structs.
#pragma once

#include <string>

#include "ingest/debezium_types.h"

namespace metadb::ingest {

// {x, y}. With an SRID, which is MySQL's, a DecodeError 22008.
void convert_point(const JsonNode& value, const TypeParameters& parameters, std::string& out);
// {a, b, c}
void convert_line(const JsonNode& value, const TypeParameters& parameters, std::string& out);
// {center, radius}
void convert_circle(const JsonNode& value, const TypeParameters& parameters, std::string& out);

}  // namespace metadb::ingest
