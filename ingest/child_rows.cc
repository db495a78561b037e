#include "ingest/child_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "ingest/copy_format.h"
#include "ingest/json_pieces.h"
#include "ingest/names.h"

namespace metadb::ingest {
namespace {

using catalog::PgType;

constexpr std::string_view kRoot = "__root__";
constexpr std::string_view kOrdinal = "__ord__";
constexpr size_t kFlushBytes = size_t{1} << 20;

// Kept in an index, and in the catalog for good: short, and without what no text there can hold.
void fit_source_column(std::string& source) {
  constexpr size_t kSourceBytesMax = 200;
  if (source.find('\0') != std::string::npos) std::ranges::replace(source, '\0', '?');
  if (source.size() > kSourceBytesMax) source = shortened(source, kSourceBytesMax);
}

std::string without_nul(std::string name) {
  std::ranges::replace(name, '\0', '?');
  return name;
}

ChildShape::Value value_of(const catalog::Column& column) {
  ChildShape::Value out{column.name};
  const auto type = json_type_of(column);
  if (column.choice == catalog::TypeChoice::events && type) out.type = *type;
  out.takes_all = out.type == JsonType::text;
  out.takes_uuids_only = column.choice == catalog::TypeChoice::inferred;
  return out;
}

bool is_canonical_uuid(const JsonNode& value) {
  const std::string_view text = value.text;
  if (value.kind != JsonKind::string || text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_dash_place = i == 8 || i == 13 || i == 18 || i == 23;
    const bool is_hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (is_dash_place ? text[i] != '-' : !is_hex) return false;
  }
  return true;
}

// The level that ordinal_source_column() tells of.
ChildLevel level_of(std::string_view source) {
  source.remove_prefix(kOrdinal.size());
  const size_t point = source.find('.');
  ChildLevel out{std::string(source.substr(0, point))};
  if (point != std::string_view::npos)
    std::from_chars(source.data() + point + 1, source.data() + source.size(), out.depth);
  return out;
}

bool is_level(const ChildLevel& level, const JsonLevel& of_row) {
  return level.depth == of_row.depth && level.array_id == of_row.array->id;
}

bool is_ours(std::string_view source) {
  return source.starts_with(kRoot) || source.starts_with(kOrdinal);
}

}  // namespace

PgType pg_type_of(JsonType type) {
  switch (type) {
    case JsonType::boolean:
      return PgType::boolean;
    case JsonType::numeric:
      return PgType::numeric;
    case JsonType::timestamp:
      return PgType::timestamp;
    case JsonType::timestamptz:
      return PgType::timestamptz;
    case JsonType::text:
      break;
  }
  return PgType::text;
}

std::optional<JsonType> json_type_of(const catalog::Column& column) {
  if (!column.type) return std::nullopt;
  switch (*column.type) {
    case PgType::boolean:
      return JsonType::boolean;
    case PgType::numeric:
      return JsonType::numeric;
    case PgType::text:
      return JsonType::text;
    case PgType::timestamp:
      return JsonType::timestamp;
    case PgType::timestamptz:
      return JsonType::timestamptz;
    default:
      return std::nullopt;
  }
}

std::string child_source_column(std::string_view id, std::string_view field) {
  std::string out = fmt::format("{}.{}", id, field);
  fit_source_column(out);
  return out;
}

// An id has no point in it.
std::string ordinal_source_column(const ChildLevel& level) {
  return level.depth == 1 ? fmt::format("{}{}", kOrdinal, level.array_id)
                          : fmt::format("{}{}.{}", kOrdinal, level.array_id, level.depth);
}

std::string ordinal_name(const ChildLevel& level) {
  return level.depth == 1 ? ordinal_source_column(level)
                          : fmt::format("{}{}_{}", kOrdinal, level.array_id, level.depth);
}

ChildShape::ChildShape(const catalog::Table& table) {
  std::map<std::string_view, std::string_view> sources;
  for (const auto& [source, column] : table.renamed) sources[column] = source;
  const auto source_of = [&](const std::string& column) {
    const auto found = sources.find(column);
    return std::string(found == sources.end() ? std::string_view(column) : found->second);
  };
  for (const std::string& name : table.key_columns) {
    const std::string source = source_of(name);
    const catalog::Column* column = table.column(name);
    if (column == nullptr) {
      throw catalog::Error("42703", fmt::format("key column \"{}\" of transformed table {} is "
                                                "missing",
                                                name, table.main()))
          .with_hint(fmt::format("PURGE DATA DROP TABLE {}: it is made anew.", table.main()));
    }
    if (source.starts_with(kOrdinal)) {
      ordinals.push_back(name);
      levels.push_back(level_of(source));
    } else {
      roots.push_back(name);
    }
    schema.key.push_back(static_cast<uint16_t>(schema.columns.size()));
    schema.columns.push_back({source, column->type.value_or(PgType::text)});
  }
  // Levels that were found later stand behind roots in the key as well, but roots come first here.
  std::ranges::stable_sort(schema.columns, {}, [](const EventColumn& column) {
    return column.name.starts_with(kOrdinal);
  });
  for (const catalog::Column& column : table.columns) {
    if (std::ranges::find(table.key_columns, column.name) != table.key_columns.end()) continue;
    const std::string source = source_of(column.name);
    if (is_ours(source)) continue;  // of a key that is no more
    by_source[source] = values.size();
    values.push_back(value_of(column));
    schema.columns.push_back({source, pg_type_of(values.back().type)});
  }
}

void ChildRows::add_table(const std::string& id, const ChildShape* shape) {
  Target& target = targets_[id];
  target.shape = shape;
  target.cells.resize(shape->values.size());
}

bool ChildRows::add_document(const JsonMap& map, std::string_view text, int64_t p) {
  p_ = p;
  i_ = 0;
  return transform_json_text(parser_, map, text, *this);
}

void ChildRows::finish() {
  for (auto& [id, target] : targets_) write(id, target);
}

int64_t ChildRows::rows(const std::string& id) const {
  const auto found = targets_.find(id);
  return found == targets_.end() ? 0 : found->second.rows;
}

void append_ordinals(std::string& out, const ChildShape& shape, std::span<const JsonLevel> levels) {
  for (const ChildLevel& level : shape.levels) {
    const auto found = std::ranges::find_if(
        levels, [&](const JsonLevel& of_row) { return is_level(level, of_row); });
    append_big_endian<int32_t>(out, 4);
    append_big_endian<int32_t>(out, found == levels.end() ? 1 : found->ordinal);
  }
}

void ChildRows::begin(const JsonMap& table, std::span<const JsonLevel> levels) {
  table_ = &table;
  target_ = &targets_[table.id];
  levels_.assign(levels.begin(), levels.end());
  is_left_out_ = !have_ordinals(levels);
  if (is_left_out_) {
    too_deep_.insert(table.id);
  } else if (target_->shape == nullptr) {
    needs_[table.id];
  }
}

// False: the table cannot have as many as the row needs.
bool ChildRows::have_ordinals(std::span<const JsonLevel> levels) {
  const auto need = needs_.find(table_->id);
  std::vector<ChildLevel> missing;
  const auto has = [](const std::vector<ChildLevel>& all, const JsonLevel& level) {
    return std::ranges::any_of(all, [&](const ChildLevel& one) { return is_level(one, level); });
  };
  for (const JsonLevel& level : levels) {
    if (target_->shape != nullptr && has(target_->shape->levels, level)) continue;
    if (need != needs_.end() && has(need->second.levels, level)) continue;
    missing.push_back({level.array->id, level.depth});
  }
  if (missing.empty()) return true;
  const size_t there = target_->shape == nullptr ? 0 : target_->shape->levels.size();
  const size_t wanted = need == needs_.end() ? 0 : need->second.levels.size();
  if (there + wanted + missing.size() > ordinals_max_) return false;
  std::ranges::copy(missing, std::back_inserter(needs_[table_->id].levels));
  return true;
}

void ChildRows::member(std::string_view id, std::string_view field, const JsonNode& value) {
  if (is_left_out_) return;
  source_.assign(id);
  source_ += '.';
  source_ += field;
  fit_source_column(source_);
  put(source_, id, field, value);
}

void ChildRows::element(const JsonNode& value) {
  if (is_left_out_) return;
  put(table_->id, "", table_->id, value);
}

void ChildRows::put(const std::string& source, std::string_view id, std::string_view field,
                    const JsonNode& value) {
  if (target_->shape != nullptr) {
    const auto found = target_->shape->by_source.find(source);
    if (found != target_->shape->by_source.end()) {
      const JsonNode*& cell = target_->cells[found->second];
      if (cell == nullptr) target_->filled.push_back(found->second);
      cell = &value;
      return;
    }
  }
  want(source, id, field, value);
}

// A column that is not there: of the type of its first value, or text if values are of several.
void ChildRows::want(const std::string& source, std::string_view id, std::string_view field,
                     const JsonNode& value) {
  const auto type = json_type(value);
  if (!type) return;
  const size_t there = target_->shape == nullptr ? 0 : target_->shape->values.size();
  const auto need = needs_.find(table_->id);
  const size_t wanted = need == needs_.end() ? 0 : need->second.columns.size();
  if (need != needs_.end()) {
    const auto found =
        std::ranges::find(need->second.columns, source, &ChildNeed::NewColumn::source);
    if (found != need->second.columns.end()) {
      if (found->type != *type) found->type = JsonType::text;
      return;
    }
  }
  if (there + wanted >= kColumnsMax) {
    full_.insert(table_->id);
    return;
  }
  std::string name = without_nul(snake_case(field));
  if (!id.empty()) name = fmt::format("{}__{}", id, name);
  needs_[table_->id].columns.push_back({source, std::move(name), *type});
}

void ChildRows::check_values() {
  for (const size_t index : target_->filled) {
    const JsonNode& value = *target_->cells[index];
    const ChildShape::Value& column = target_->shape->values[index];
    const auto type = json_type(value);
    if (!type) continue;
    const bool fits = column.takes_uuids_only ? is_canonical_uuid(value)
                                              : column.takes_all || column.type == *type;
    if (!fits) needs_[table_->id].to_text.insert(column.name);
  }
}

void ChildRows::end() {
  if (is_left_out_ || target_->shape == nullptr) return;
  check_values();
  if (!is_looking()) append_tuple();
  for (const size_t index : target_->filled) target_->cells[index] = nullptr;
  target_->filled.clear();
  if (target_->tuples.size() >= kFlushBytes) write(table_->id, *target_);
}

void ChildRows::append_tuple() {
  const ChildShape& shape = *target_->shape;
  std::string& out = target_->tuples;
  append_big_endian<int16_t>(out,
                             static_cast<int16_t>(2 + shape.levels.size() + shape.values.size()));
  append_int8(out, p_);
  append_int8(out, i_++);
  append_ordinals(out, shape, levels_);
  for (size_t i = 0; i < shape.values.size(); ++i) {
    const JsonNode* value = target_->cells[i];
    if (value == nullptr || !json_type(*value)) {
      append_null(out);
    } else {
      append_json_cell(out, *value, shape.values[i].type);
    }
  }
  ++target_->rows;
}

void ChildRows::write(const std::string& id, Target& target) {
  if (!target.tuples.empty() && !is_looking()) flush_(id, target.tuples);
  target.tuples.clear();
}

}  // namespace metadb::ingest
