// Trees of values as the JSON that Kafka Connect's JsonConverter writes for them.
#pragma once

#include <string>
#include <string_view>

#include "ingest/json.h"

namespace metadb::ingest {

// With its quotes, escaped as Jackson does.
void append_json_string(std::string& out, std::string_view text);
// The value as it stands in its document; for one that comes from no JSON, as it would stand there.
void append_json(std::string& out, const JsonNode& value);
// The same, but of a string or bytes without quotes: what a text column holds of them.
std::string json_text(const JsonNode& value);

// A number that Java prints: 1.0, 1.0E10, 1.0E-5. Returns how many characters it has written.
// REQUIRES: finite; room for kFloatingMax.
constexpr size_t kFloatingMax = 32;
size_t write_floating(char* to, float value);
size_t write_floating(char* to, double value);

}  // namespace metadb::ingest
