// PostgreSQL's geometric types and PostGIS's, from Debezium's structs.
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

// {wkb, srid, extensions: {type, closed}}: one struct for the shapes of PostgreSQL and the
// geometries of PostGIS and other databases. What is not of that shape is a DecodeError 22008.
void convert_box(const JsonNode& value, const TypeParameters& parameters, std::string& out);
void convert_lseg(const JsonNode& value, const TypeParameters& parameters, std::string& out);
void convert_path(const JsonNode& value, const TypeParameters& parameters, std::string& out);
void convert_polygon(const JsonNode& value, const TypeParameters& parameters, std::string& out);
// The well-known bytes, with the SRID in them (EWKB). A DecodeError 22008 for a shape.
void convert_geometry(const JsonNode& value, const TypeParameters& parameters, std::string& out);
// Any of them, as its type prints it.
void convert_geometry_text(const JsonNode& value, const TypeParameters& parameters,
                           std::string& out);

}  // namespace metadb::ingest
