#include "ingest/debezium_row.h"

#include <algorithm>

#include "ingest/copy_format.h"
#include "ingest/debezium_binary.h"
#include "ingest/debezium_cell.h"
#include "ingest/debezium_text.h"

namespace metadb::ingest {
namespace {

[[noreturn]] void throw_in_column(const StructPlan& plan, size_t index, const DecodeError& error) {
  const ColumnPlan& column = plan.columns[index];
  const DecodeError named("column \"" + column.name + "\": " + error.what(), error.sqlstate);
  if (error.sqlstate == "22008" && wider_type(column.type)) throw TypeTooNarrow(named, index);
  throw DecodeError(named);
}

void append_value(const ColumnPlan& column, const JsonNode* value, std::string& out) {
  if (value == nullptr || value->is_null()) {
    append_null_cell(out);
  } else {
    column.type.convert(*value, column.type.parameters, out);
  }
}

// Without a schema a bytea may be a column of base64. In hex the placeholder is not.
bool is_unavailable(const StructPlan& plan, const ColumnPlan& column, const JsonNode& value) {
  const bool may_be_bytes = plan.is_schemaless || column.type.convert == convert_text_bytes;
  const bool may_be_text = column.type.convert == convert_hex;
  return column.marker->matches(value, column.type.pg_type) ||
         (may_be_text && column.marker->matches(value, catalog::PgType::text)) ||
         (may_be_bytes && column.marker->matches(value, catalog::PgType::bytea));
}

// `value`: what a cell holds, without its length (numeric_send).
bool is_infinite_numeric(std::string_view value) {
  constexpr size_t kSignAt = 4;
  if (value.size() < kSignAt + 2) return false;
  const auto high = static_cast<unsigned char>(value[kSignAt]);
  return high == 0xD0 || high == 0xF0;
}

// Of the cell of a numeric, or of an array of these (array_send).
bool holds_infinity(catalog::PgType type, std::string_view cell) {
  if (type == catalog::PgType::numeric) return is_infinite_numeric(cell.substr(sizeof(int32_t)));
  if (type != catalog::PgType::numeric_array) return false;
  constexpr size_t kFirst = 6 * sizeof(int32_t);  // behind length, dimensions, flags, type and size
  for (size_t at = kFirst; at < cell.size();) {
    const auto length = static_cast<size_t>(std::max(0, read_int32(cell.data() + at)));
    at += sizeof(int32_t);
    if (is_infinite_numeric(cell.substr(at, length))) return true;
    at += length;
  }
  return false;
}

// Of an array, one of its elements.
bool holds_nul(const ColumnType& type, const JsonNode& value) {
  if (value.kind == JsonKind::string) return value.text.find('\0') != std::string_view::npos;
  if (value.kind != JsonKind::array || !type.parameters.element) return false;
  for (const JsonNode* item = value.begin(); item != value.end(); item = item->next()) {
    if (holds_nul(*type.parameters.element, *item)) return true;
  }
  return false;
}

}  // namespace

// JsonConverter writes all fields in schema order: the guess nearly always holds.
void RowReader::match(const StructPlan& plan, const JsonNode& object) {
  values_.assign(plan.columns.size(), nullptr);
  size_t guess = 0;
  for (const JsonNode* member = object.begin(); member != object.end(); member = member->next()) {
    size_t column = guess;
    if (column >= plan.columns.size() || plan.columns[column].name != member->name) {
      const auto found = plan.index.find(member->name);
      if (found == plan.index.end()) {
        if (plan.is_schemaless || plan.is_passed_over(member->name)) continue;
        throw DecodeError("column \"" + excerpt(member->name) + "\" is not in the schema");
      }
      column = found->second;
    }
    if (values_[column] != nullptr) {
      throw DecodeError("column \"" + plan.columns[column].name + "\" appears twice");
    }
    values_[column] = member;
    guess = column + 1;
  }
}

Row RowReader::cells(const StructPlan& plan, bool has_markers, size_t bytes) {
  Row row;
  row.fields.reserve(bytes + plan.columns.size() * 2 * sizeof(int64_t));
  size_t i = 0;
  try {
    for (; i < plan.columns.size(); i++) {
      const ColumnPlan& column = plan.columns[i];
      const JsonNode* value = values_[i];
      if (has_markers && value != nullptr && is_unavailable(plan, column, *value)) {
        row.unavailable.push_back(static_cast<uint16_t>(i));
        value = nullptr;
      }
      const size_t begin = row.fields.size();
      append_value(column, value, row.fields);
      if (!has_numeric_infinity_ && value != nullptr &&
          holds_infinity(column.type.pg_type, std::string_view(row.fields).substr(begin))) {
        throw DecodeError("numeric has no infinity before PostgreSQL 14", "22008");
      }
      if (value != nullptr && holds_nul(column.type, *value)) replaced_.insert(column.name);
    }
  } catch (const DecodeError& error) {
    throw_in_column(plan, i, error);
  }
  return row;
}

Row RowReader::row(const StructPlan& plan, const JsonNode& object, bool has_markers) {
  match(plan, object);
  return cells(plan, has_markers, object.text.size());
}

Row RowReader::key_row(const StructPlan& plan, const StructPlan& key_plan, const JsonNode& key,
                       const JsonNode* before) {
  values_.assign(plan.columns.size(), nullptr);
  for (const ColumnPlan& field : key_plan.columns) {
    const auto column = plan.index.find(field.name);
    if (column == plan.index.end()) continue;  // a router's; RowSchema::key has been built without
    // Without a schema on either side nothing says that the key is encoded differently; where only
    // the row has none, its own values are the better ones.
    const bool is_same = key_plan.is_schemaless || (plan.is_schemaless && before == nullptr) ||
                         is_widened_from(field.type, plan.columns[column->second].type);
    const JsonNode* value = is_same ? key.member(field.name)
                                    : (before != nullptr ? before->member(field.name) : nullptr);
    if (value == nullptr) {
      throw DecodeError("column \"" + field.name + "\": no value in the key of a delete");
    }
    values_[column->second] = value;
  }
  return cells(plan, false, key.text.size());
}

std::string RowReader::key_cells(const StructPlan& plan, const RowSchema& schema,
                                 const JsonNode& key) {
  std::string out;
  for (const uint16_t index : schema.key) {
    const ColumnPlan& column = plan.columns[index];
    const JsonNode* value = key.member(column.name);
    if (value == nullptr) throw DecodeError("column \"" + column.name + "\": no value in the key");
    try {
      append_value(column, value, out);
    } catch (const DecodeError& error) {
      throw_in_column(plan, index, error);
    }
  }
  return out;
}

}  // namespace metadb::ingest
