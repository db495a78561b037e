// Recordings in Avro, as a real converter has written them (tests/e2e/avro/record).
#pragma once

#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "ingest/debezium_base64.h"
#include "ingest/json.h"
#include "tests/ingest/avro_messages.h"

namespace metadb::tests {

struct AvroRecord {
  std::string topic;
  std::optional<std::string> key;
  std::optional<std::string> value;
};

struct AvroRecording {
  std::shared_ptr<TestSchemas> schemas = std::make_shared<TestSchemas>();
  std::vector<AvroRecord> records;
};

// Lines {"id":1,"schema":"..."}, each before the first record that it is of, and
// {"topic":"...","key":"base64","value":"base64"}, where null is left out.
inline AvroRecording read_avro_recording(const std::string& path) {
  AvroRecording recording;
  ingest::JsonParser parser;
  std::ifstream input(path);
  const auto bytes = [](const JsonNode& line, std::string_view side) {
    std::optional<std::string> out;
    const JsonNode* member = line.member(side);
    if (member == nullptr) return out;
    ingest::append_base64_decoded(out.emplace(), member->text);
    return out;
  };
  for (std::string line; std::getline(input, line);) {
    const JsonNode& root = parser.parse_object(line);
    if (const JsonNode* schema = root.member("schema")) {
      const uint32_t id = recording.schemas->add(std::string(schema->text));
      if (std::to_string(id) != root.member("id")->text) throw std::logic_error("ids count from 1");
      continue;
    }
    recording.records.push_back(
        {std::string(root.member("topic")->text), bytes(root, "key"), bytes(root, "value")});
  }
  return recording;
}

}  // namespace metadb::tests
