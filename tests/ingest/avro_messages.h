// A topic in Avro, made of messages in JSON, and the registry that knows its schemas.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "ingest/avro_schema.h"
#include "ingest/debezium.h"
#include "tests/ingest/avro_encoder.h"

namespace metadb::tests {

// Holds schemas that a test registers.
class TestSchemas : public ingest::SchemaStore {
 public:
  uint32_t add(const std::string& text) {
    const auto known = ids_.find(text);
    if (known != ids_.end()) return known->second;
    const auto id = static_cast<uint32_t>(ids_.size() + 1);
    ids_[text] = id;
    schemas_[{ingest::SchemaId::Kind::id, 0, id}] = std::make_shared<ingest::AvroSchema>(text);
    return id;
  }
  void add(const ingest::SchemaId& id, const std::string& text) {
    schemas_[id] = std::make_shared<ingest::AvroSchema>(text);
  }
  std::shared_ptr<const ingest::AvroSchema> schema(const ingest::SchemaId& id) override {
    ++asked_;
    const auto found = schemas_.find(id);
    if (found != schemas_.end()) return found->second;
    throw ingest::SchemaMissing(catalog::Error("55000", "schema " + described(id) + " is missing"));
  }
  [[nodiscard]] int asked() const { return asked_; }

 private:
  std::map<std::string, uint32_t> ids_;
  std::map<ingest::SchemaId, std::shared_ptr<const ingest::AvroSchema>> schemas_;
  int asked_ = 0;
};

// The schema and the bytes of a value.
struct AvroBytes {
  std::string schema;
  std::string body;
};

// Of {"schema":S,"payload":P}.
inline AvroBytes avro_of(const std::string& json) {
  ingest::JsonParser parser;
  const JsonNode& root = parser.parse_object(json);
  const JsonNode* schema = root.member("schema");
  const ConnectType type = connect_type(schema, *root.member("payload"));
  AvroBytes bytes{AvroSchemaWriter().write(type), ""};
  append_avro(bytes.body, type, *root.member("payload"));
  return bytes;
}

inline std::string confluent_framed(uint32_t id, const std::string& body) {
  std::string out(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((id >> shift) & 0xff);
  return out + body;
}

inline std::string registered(TestSchemas& schemas, const std::string& json) {
  const AvroBytes bytes = avro_of(json);
  return confluent_framed(schemas.add(bytes.schema), bytes.body);
}

}  // namespace metadb::tests
