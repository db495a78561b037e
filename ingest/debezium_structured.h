// Dates, times and intervals as structs (time.precision.mode=structured, Debezium 3.7).
#pragma once

#include <string>

#include "ingest/json.h"

namespace metadb::ingest {

// Each appends the cell of a date, time, timestamp, timetz, timestamptz or interval. Throws
// DecodeError: 22008 for what the type cannot hold, 22P02 for what is no such struct.
void append_structured_date(std::string& out, const JsonNode& value);
void append_structured_time(std::string& out, const JsonNode& value);
void append_structured_timestamp(std::string& out, const JsonNode& value);
void append_structured_zoned_time(std::string& out, const JsonNode& value);
void append_structured_zoned_timestamp(std::string& out, const JsonNode& value);
void append_structured_duration(std::string& out, const JsonNode& value);

}  // namespace metadb::ingest
