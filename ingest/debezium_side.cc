#include "ingest/debezium_side.h"

#include <fmt/format.h>

#include "ingest/debezium_error.h"

namespace metadb::ingest {

SideReader::Message SideReader::message_of(std::string_view bytes) {
  const JsonNode& root = json_.parse_object(bytes);
  const JsonNode* schema = root.member("schema");
  const JsonNode* body = root.member("payload");
  if (schema == nullptr || body == nullptr) return {nullptr, &root};
  const bool has_others = root.size != 1 + schema->size + body->size;
  if (has_others) return {nullptr, &root};
  return {schema->is_null() ? nullptr : schema, body};
}

const JsonNode& SideReader::payload(const Unframed& framed) {
  if (framed.schema) return avro_.read(avro_schema(*framed.schema), framed.body);
  return *message_of(framed.body).payload;
}

// Parsed where the JSON of messages is: an Avro message needs that buffer for nothing else.
const JsonNode& SideReader::connect_schema(const AvroSchema& schema) {
  const JsonNode& root =
      json_.parse_object(fmt::format(R"({{"schema":{}}})", schema.connect_schema()));
  return *root.begin();
}

std::shared_ptr<const AvroSchema> SideReader::avro_schema(const SchemaId& id) {
  if (schemas_ != nullptr) return schemas_->schema(id);
  throw SchemaMissing(
      catalog::Error("55000", fmt::format("the {} of a record is Avro (schema {}), and the data "
                                          "source names no schema registry",
                                          name_of(side_), described(id)))
          .with_hint("Set the option schema_registry; with format 'json' such records are set "
                     "aside."));
}

}  // namespace metadb::ingest
