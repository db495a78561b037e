// Kafka Connect schemas of messages in JSON.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ingest/json.h"

namespace metadb::tests {

using ingest::JsonKind;
using ingest::JsonNode;

// A Connect schema. The samples of other tests leave out what their payloads show.
struct ConnectType {
  std::string type;
  std::string name;
  std::string parameters;
  bool is_optional = true;
  std::vector<std::pair<std::string, ConnectType>> fields;  // of a struct
  std::vector<ConnectType> parts;  // items of an array; keys and values of a map
};

inline std::string text_member(const JsonNode* node, std::string_view name) {
  const JsonNode* member = node == nullptr ? nullptr : node->member(name);
  return member == nullptr ? "" : std::string(member->text);
}

inline std::string type_shown_by(const JsonNode& value, const std::string& field) {
  const bool is_binary = field == "wkb" || field == "value";
  switch (value.kind) {
    case JsonKind::boolean:
      return "boolean";
    case JsonKind::number:
      return value.text.find_first_of(".eE") == std::string_view::npos ? "int64" : "double";
    case JsonKind::array:
      return field == "vector" ? "map" : "array";  // of a sparse one
    case JsonKind::object:
      return "struct";
    default:
      return is_binary ? "bytes" : "string";
  }
}

inline ConnectType connect_type(const JsonNode* schema, const JsonNode& value,
                                const std::string& field = "");

inline void add_fields(ConnectType& type, const JsonNode* schema, const JsonNode& value) {
  static const JsonNode kNoNode{};
  std::set<std::string> named;
  const JsonNode* fields = schema == nullptr ? nullptr : schema->member("fields");
  for (const JsonNode* f = fields == nullptr ? nullptr : fields->begin();
       fields != nullptr && f != fields->end(); f = f->next()) {
    const std::string name = text_member(f, "field");
    const JsonNode* shown = value.member(name);
    // Both halves of an envelope are of one type, whichever of them is there.
    if (name == "before" && shown != nullptr && shown->is_null()) shown = value.member("after");
    if (name == "after" && shown != nullptr && shown->is_null()) shown = value.member("before");
    type.fields.emplace_back(name, connect_type(f, shown == nullptr ? kNoNode : *shown, name));
    named.insert(name);
  }
  if (value.kind != JsonKind::object) return;
  for (const JsonNode* m = value.begin(); m != value.end(); m = m->next()) {
    const std::string name(m->name);
    if (!named.contains(name)) type.fields.emplace_back(name, connect_type(nullptr, *m, name));
  }
}

inline ConnectType connect_type(const JsonNode* schema, const JsonNode& value,
                                const std::string& field) {
  static const JsonNode kNoNode{};
  ConnectType type;
  type.type = text_member(schema, "type");
  if (type.type.empty()) type.type = type_shown_by(value, field);
  type.name = text_member(schema, "name");
  type.parameters = text_member(schema, "parameters");
  type.is_optional = schema == nullptr || text_member(schema, "optional") != "false";
  const auto part = [&](const char* member, const JsonNode& shown) {
    type.parts.push_back(connect_type(schema == nullptr ? nullptr : schema->member(member), shown));
  };
  if (type.type == "struct") add_fields(type, schema, value);
  const JsonNode& first = value.size > 1 ? *value.begin() : kNoNode;
  if (type.type == "array") part("items", first);
  if (type.type == "map") {
    const bool has_pairs = first.kind == JsonKind::array;
    part("keys", has_pairs ? *first.begin() : kNoNode);
    part("values", has_pairs ? *first.begin()->next() : kNoNode);
    if (value.kind == JsonKind::array && !has_pairs) type.parts[0].type = "int64";
    type.parts[0].is_optional = false;
  }
  return type;
}

}  // namespace metadb::tests
