// Recorded topics: one record a line, as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/source.h"

namespace metadb::ingest {

struct RecordedMessage {
  std::string topic;
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t timestamp_ms = -1;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<Header> headers;
};

// Reads a file of lines of the form
//   {"topic": "t", "partition": 0, "offset": 7, "timestamp": 1700000000000,
//    "key": "..." or null, "value": "..." or null, "headers": [["name", "value" or null], ...]}
// where timestamp, key, value and headers may be missing; empty lines are skipped.
// Throws catalog::Error 58P01 if the file can't be read, 22P02 naming the line that is no record.
std::vector<RecordedMessage> read_recording(const std::string& path);

// The same from text; `name` stands for the file in errors.
std::vector<RecordedMessage> parse_recording(std::string_view text, const std::string& name);

}  // namespace metadb::ingest
