// JSON scalars as what they are declared to be, or a DecodeError.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ingest/json.h"

namespace metadb::ingest {

// Throws "expected ..., got ..." unless the value is of that kind. `expected`: with its article.
void expect(const JsonNode& value, JsonKind kind, std::string_view expected);
int64_t integer(const JsonNode& value);
// Bytes, or their base64.
void append_bytes(std::string& out, const JsonNode& value);
// The token is read as the type itself: by way of a double a float would be rounded twice.
template <typename Float>
Float floating(const JsonNode& value);
extern template float floating<float>(const JsonNode& value);
extern template double floating<double>(const JsonNode& value);

}  // namespace metadb::ingest
