#include "ingest/json_walk.h"

#include <algorithm>

namespace metadb::ingest {

void JsonWalk::document(const JsonMap& map, const JsonNode& value) {
  if (value.kind == JsonKind::object) row(map, value);
  if (value.kind == JsonKind::array) elements(map, value, 1);
}

void JsonWalk::row(const JsonMap& table, const JsonNode& value) {
  to_.begin(table, levels_);
  std::vector<Array> arrays;
  if (value.kind == JsonKind::object) {
    members(table, value, "", arrays);
  } else {
    to_.element(value);
  }
  to_.end();
  for (const Array& array : arrays) elements(*array.map, *array.value, 1);
}

void JsonWalk::members(const JsonMap& map, const JsonNode& object, std::string_view id,
                       std::vector<Array>& arrays) {
  std::vector<const JsonNode*> mapped(map.fields.size());
  for (const JsonNode* member = object.begin(); member != object.end(); member = member->next()) {
    to_.member(id, member->name, *member);
    const auto found = std::ranges::find(map.fields, member->name, &JsonMap::field);
    if (found == map.fields.end()) continue;
    mapped[static_cast<size_t>(found - map.fields.begin())] = member;
  }
  for (size_t i = 0; i < mapped.size(); ++i) {
    if (mapped[i] == nullptr) continue;
    const JsonMap& field = map.fields[i];
    if (mapped[i]->kind == JsonKind::object) members(field, *mapped[i], field.id, arrays);
    if (mapped[i]->kind == JsonKind::array) arrays.push_back({&field, mapped[i]});
  }
}

void JsonWalk::elements(const JsonMap& table, const JsonNode& array, int32_t depth) {
  levels_.push_back({&table, depth, 0});
  if (elsewhere_ == nullptr || !elsewhere_->walk(table, array, *this)) next_elements(table, array);
  levels_.pop_back();
}

void JsonWalk::next_elements(const JsonMap& table, const JsonNode& array) {
  for (const JsonNode* value = array.begin(); value != array.end(); value = value->next()) {
    ++levels_.back().ordinal;
    if (value->kind == JsonKind::array) {
      elements(table, *value, levels_.back().depth + 1);
    } else {
      row(table, *value);
    }
  }
}

}  // namespace metadb::ingest
