// One side of a record, key or value, taken apart: JSON, or Avro by a registered schema.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "ingest/avro_schema.h"
#include "ingest/avro_value.h"
#include "ingest/debezium_schema.h"
#include "ingest/json.h"
#include "ingest/wire_format.h"

namespace metadb::ingest {

template <typename Plan>
struct Opened {
  std::shared_ptr<Plan> plan;         // null: JSON without schemas
  const JsonNode* payload = nullptr;  // null where the payload is null
};

template <typename Plan>
struct AvroPlan {
  std::shared_ptr<const AvroSchema> schema;
  std::shared_ptr<Plan> plan;
};

// The plans of one side of a topic: JSON carries its schema, Avro names it.
template <typename Plan>
struct SidePlans {
  PlanCache<Plan> json;
  PlanCache<Plan> schemaless;  // by the names of members
  PlanCache<AvroPlan<Plan>, SchemaId> avro;
};

// Reads one side of one message at a time into buffers that it reuses. Everything that it gives
// lives until the next call. All functions throw DecodeError, and SchemaMissing for Avro whose
// schema can't be had now. One thread.
class SideReader {
 public:
  SideReader(Side side, const WireOptions& options, std::shared_ptr<SchemaStore> schemas)
      : side_(side), options_(options), schemas_(std::move(schemas)) {}

  // `framed`: what unframed() made of the bytes. `build(schema)` makes the plan of a schema that
  // `plans` does not hold.
  template <typename Plan, typename Build>
  Opened<Plan> open(const Unframed& framed, SidePlans<Plan>& plans, const Build& build) {
    return framed.schema ? open_avro(framed, plans.avro, build)
                         : open_json(framed.body, plans.json, build);
  }
  // What the side holds, with or without a schema, null included.
  const JsonNode& payload(const Unframed& framed);

  [[nodiscard]] Unframed frame_of(std::string_view bytes,
                                  const std::vector<Header>& headers) const {
    return unframed(bytes, side_, headers, options_);
  }
  [[nodiscard]] Unframed frame_of(std::string_view bytes) const {
    return unframed(bytes, side_, options_);
  }

 private:
  static const JsonNode* unless_null(const JsonNode* node) {
    return node == nullptr || node->is_null() ? nullptr : node;
  }
  std::shared_ptr<const AvroSchema> avro_schema(const SchemaId& id);

  template <typename Plan, typename Build>
  Opened<Plan> open_avro(const Unframed& framed, PlanCache<AvroPlan<Plan>, SchemaId>& cache,
                         const Build& build) {
    const auto* entry = cache.find([&](const auto& e) { return e.schema == *framed.schema; });
    if (entry == nullptr) {
      auto schema = avro_schema(*framed.schema);
      auto plan = build(connect_schema(*schema));
      entry = cache.insert(*framed.schema, std::make_shared<AvroPlan<Plan>>(
                                               AvroPlan<Plan>{std::move(schema), std::move(plan)}));
    }
    const JsonNode& body = avro_.read(entry->plan->schema, framed.body);
    return {entry->plan->plan, unless_null(&body)};
  }

  template <typename Plan, typename Build>
  Opened<Plan> open_json(std::string_view bytes, PlanCache<Plan>& cache, const Build& build) {
    std::string_view body;
    const auto* known = cache.find([&](const auto& entry) {
      body = payload_after_known_schema(bytes, entry.schema);
      return !body.empty();
    });
    if (known != nullptr && body == "null") return {known->plan, nullptr};
    if (known != nullptr && body.front() == '{') return {known->plan, &json_.parse_object(body)};
    const Message root = message_of(bytes);
    if (root.schema == nullptr) return {nullptr, unless_null(root.payload)};
    const auto* entry = cache.find([&](const auto& e) { return e.schema == root.schema->text; });
    if (entry == nullptr) {
      entry = cache.insert(std::string(root.schema->text), build(*root.schema));
    }
    return {entry->plan, unless_null(root.payload)};
  }

  // {"schema":S,"payload":P}, or a payload alone.
  struct Message {
    const JsonNode* schema = nullptr;  // null where the message has none, or a null
    const JsonNode* payload = nullptr;
  };
  Message message_of(std::string_view bytes);
  const JsonNode& connect_schema(const AvroSchema& schema);

  Side side_;
  WireOptions options_;
  std::shared_ptr<SchemaStore> schemas_;  // null: there is no registry
  JsonParser json_;
  AvroReader avro_;
};

}  // namespace metadb::ingest
