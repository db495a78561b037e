// What a schema says about one field.
#include <charconv>
#include <string>

#include "ingest/debezium_error.h"
#include "ingest/debezium_types.h"

namespace metadb::ingest {
namespace {

std::string schema_text(const JsonNode& node, std::string_view name) {
  const JsonNode* member = node.member(name);
  if (member == nullptr || member->kind != JsonKind::string) return {};
  return std::string(member->text);
}

int64_t schema_integer(const JsonNode& node, std::string_view name) {
  const std::string text = schema_text(node, name);
  if (text.empty()) return 0;
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value != static_cast<int32_t>(value)) {
    throw DecodeError("schema parameter \"" + std::string(name) +
                      "\" is not a number: " + excerpt(text));
  }
  return value;
}

}  // namespace

FieldSchema field_schema(const JsonNode& node) {
  FieldSchema field;
  if (node.kind != JsonKind::object) throw DecodeError("schema of a field is not an object");
  field.name = schema_text(node, "field");
  field.type = schema_text(node, "type");
  if (field.type.empty())
    throw DecodeError("schema of field \"" + excerpt(field.name) + "\" has no type");
  field.semantic = schema_text(node, "name");
  const JsonNode* optional = node.member("optional");
  field.is_optional = optional != nullptr && optional->text == "true";
  field.has_default = node.member("default") != nullptr;
  if (const JsonNode* items = node.member("items"); items != nullptr && field.type == "array") {
    field.items = std::make_shared<const FieldSchema>(field_schema(*items));
  }
  const JsonNode* parameters = node.member("parameters");
  if (parameters == nullptr) return field;
  if (field.semantic == "org.apache.kafka.connect.data.Decimal") {
    field.scale = static_cast<int32_t>(schema_integer(*parameters, "scale"));
  } else if (field.semantic == "io.debezium.data.Bits") {
    field.length = schema_integer(*parameters, "length");
  } else {
    field.scale =
        static_cast<int32_t>(schema_integer(*parameters, "__debezium.source.column.scale"));
  }
  field.source_type = schema_text(*parameters, "__debezium.source.column.type");
  field.unavailable_placeholder =
      schema_text(*parameters, "__debezium.unavailable.value.placeholder");
  return field;
}

}  // namespace metadb::ingest
