// pgvector's types, as their text.
#pragma once

#include <string>

#include "ingest/debezium_types.h"

namespace metadb::ingest {

// Arrays of numbers: [1,2.5]. A DecodeError 22008 for a number that is no 32 bit float.
void convert_vector(const JsonNode& value, const TypeParameters& parameters, std::string& out);
// {dimensions, vector: [[index, number], ...]}: {1:0.5,3:2}/5
void convert_sparse_vector(const JsonNode& value, const TypeParameters& parameters,
                           std::string& out);

}  // namespace metadb::ingest
