#include "ingest/debezium_schema.h"

#include <algorithm>
#include <array>
#include <optional>

#include "ingest/debezium_error.h"
#include "ingest/schemaless_types.h"

namespace metadb::ingest {
namespace {

// Of a tuple in binary COPY. PostgreSQL's tables have at most 1,600: which the lane is told when
// the table is made.
constexpr size_t kColumnsMax = 32767 - 5;
constexpr size_t kTablesToldMax = 64;
constexpr size_t kKeysPerValueMax = 4;
// ByLogicalTableRouter adds it to the key so that merged tables do not collide; we tell tables
// apart by `source`.
constexpr std::string_view kRouterKeyField = "__dbz__physicalTableIdentifier";

std::string_view text_member(const JsonNode& node, std::string_view name) {
  const JsonNode* member = node.member(name);
  return member != nullptr && member->kind == JsonKind::string ? member->text : std::string_view();
}

// The schema of the struct's field of that name; null if it has none.
const JsonNode* field_named(const JsonNode& schema, std::string_view name) {
  const JsonNode* fields = schema.member("fields");
  if (fields == nullptr || fields->kind != JsonKind::array) return nullptr;
  for (const JsonNode* field = fields->begin(); field != fields->end(); field = field->next()) {
    if (text_member(*field, "field") == name) return field;
  }
  return nullptr;
}

size_t field_count(const JsonNode& schema) {
  const JsonNode* fields = schema.member("fields");
  if (fields == nullptr || fields->kind != JsonKind::array) return 0;
  size_t count = 0;
  for (const JsonNode* field = fields->begin(); field != fields->end(); field = field->next())
    count++;
  return count;
}

void check_name(std::string_view name) {
  if (name.find('\0') != std::string_view::npos) {
    throw DecodeError("name of a field holds the character U+0000", "22021");
  }
}

void check_count(size_t fields) {
  if (fields <= kColumnsMax) return;
  throw DecodeError("schema has " + std::to_string(fields) + " fields, more than " +
                    std::to_string(kColumnsMax));
}

struct NamedKind {
  std::string_view suffix;  // of the schema name
  MessageKind kind;
};
constexpr NamedKind kNamedKinds[] = {
    {".Envelope", MessageKind::change},
    {".Heartbeat", MessageKind::heartbeat},
    {".TransactionMetadataValue", MessageKind::transaction},
    {".Notification", MessageKind::notification},
    {".SchemaChangeValue", MessageKind::schema_change},
    {".Value", MessageKind::flattened},
};

// Which kind the presence of members tells; `has` answers for one name.
template <typename Has>
MessageKind kind_of(size_t count, const Has& has) {
  if (has("specversion")) return MessageKind::cloud_event;
  if (has("op") && has("source")) return MessageKind::change;
  if (count == 1 && has("ts_ms")) return MessageKind::heartbeat;
  if (has("status") && has("id")) return MessageKind::transaction;
  if (has("aggregate_type")) return MessageKind::notification;
  if (has("ddl") || has("tableChanges")) return MessageKind::schema_change;
  if (count == 2 && has("type") && has("data")) return MessageKind::signal;
  if (has("__op") || has("__deleted")) return MessageKind::flattened;
  return MessageKind::unknown;
}

std::optional<MessageKind> kind_of_name(const JsonNode& schema) {
  const std::string_view name = text_member(schema, "name");
  for (const NamedKind& named : kNamedKinds) {
    if (name.ends_with(named.suffix)) return named.kind;
  }
  return std::nullopt;
}

// The members of an envelope say more than a name that a transform may have replaced; everything
// else is told by its name first.
MessageKind kind_of_schema(const JsonNode& schema) {
  const MessageKind by_members = kind_of(field_count(schema), [&](std::string_view member) {
    return field_named(schema, member) != nullptr;
  });
  if (by_members == MessageKind::change || by_members == MessageKind::cloud_event) {
    return by_members;
  }
  return kind_of_name(schema).value_or(by_members);
}

// A row may have any members; what is no row keeps the name of its schema.
MessageKind kind_of_flattened_schema(const JsonNode& schema) {
  const JsonNode* source = field_named(schema, "source");
  const bool is_envelope = source != nullptr && text_member(*source, "type") == "struct" &&
                           field_named(schema, "op") != nullptr;
  if (is_envelope) return MessageKind::change;
  const auto named = kind_of_name(schema);
  return named && *named != MessageKind::change ? *named : MessageKind::flattened;
}

bool is_from_postgresql(const JsonNode& schema) {
  const JsonNode* source = field_named(schema, "source");
  return source != nullptr &&
         text_member(*source, "name") == "io.debezium.connector.postgresql.Source";
}

// What is a row in its schema; null if there is none.
const JsonNode* row_schema_of(const JsonNode& schema, MessageKind kind, EventShape shape) {
  if (shape == EventShape::flattened) return kind == MessageKind::flattened ? &schema : nullptr;
  if (kind != MessageKind::change) return nullptr;
  const JsonNode* after = field_named(schema, "after");
  return after != nullptr ? after : field_named(schema, "before");
}

}  // namespace

// Fields of the envelope and of its `source`, and `source.ts_ms` as __source_ts_ms.
bool is_added_field(std::string_view name) {
  constexpr std::string_view kPrefix = "__";
  constexpr std::array<std::string_view, 38> kNames = {"op",
                                                       "deleted",
                                                       "ts_ms",
                                                       "ts_us",
                                                       "ts_ns",
                                                       "version",
                                                       "connector",
                                                       "name",
                                                       "snapshot",
                                                       "db",
                                                       "sequence",
                                                       "schema",
                                                       "table",
                                                       "txId",
                                                       "lsn",
                                                       "xmin",
                                                       "origin",
                                                       "origin_lsn",
                                                       "server_id",
                                                       "gtid",
                                                       "file",
                                                       "pos",
                                                       "row",
                                                       "thread",
                                                       "query",
                                                       "change_lsn",
                                                       "commit_lsn",
                                                       "scn",
                                                       "event_serial_no",
                                                       "commit_scn",
                                                       "txSeq",
                                                       "rs_id",
                                                       "lcr_position",
                                                       "redo_thread",
                                                       "user_name",
                                                       "ssn",
                                                       "row_id",
                                                       "transaction"};
  if (!name.starts_with(kPrefix)) return false;
  name.remove_prefix(kPrefix.size());
  return name.starts_with("source_") || name.starts_with("transaction_") ||
         std::ranges::find(kNames, name) != kNames.end();
}

MessageKind kind_of_members(const JsonNode& payload) {
  size_t count = 0;
  for (const JsonNode* member = payload.begin(); member != payload.end(); member = member->next())
    count++;
  return kind_of(count, [&](std::string_view name) { return payload.member(name) != nullptr; });
}

StructPlan::StructPlan(const JsonNode& schema,
                       const std::shared_ptr<const UnavailableMarker>& marker,
                       const SchemaOptions& options)
    : has_added(options.shape == EventShape::flattened) {
  const JsonNode* fields = schema.member("fields");
  if (text_member(schema, "type") != "struct" || fields == nullptr ||
      fields->kind != JsonKind::array) {
    throw DecodeError("schema is not a struct with fields");
  }
  for (const JsonNode* node = fields->begin(); node != fields->end(); node = node->next()) {
    FieldSchema field = with_binary_mode(field_schema(*node), options.binary_mode);
    check_name(field.name);
    if (is_passed_over(field.name)) {
      losses[Loss::passed_over].push_back(field.name);
      continue;
    }
    const auto own = field.unavailable_placeholder.empty()
                         ? marker
                         : std::make_shared<const UnavailableMarker>(field.unavailable_placeholder);
    const ColumnType type = column_type(field);
    for (const Loss loss : losses_of(field)) losses[loss].push_back(field.name);
    columns.push_back({std::move(field.name), type, own});
  }
  check_count(columns.size());
  for (size_t i = 0; i < columns.size(); i++) {
    if (!index.emplace(columns[i].name, i).second) {
      throw DecodeError("column \"" + columns[i].name + "\" appears twice in the schema");
    }
  }
}

void StructPlan::add(ColumnPlan column) {
  check_name(column.name);
  check_count(columns.size() + 1);
  columns.push_back(std::move(column));
  index.clear();  // the columns may have moved
  for (size_t i = 0; i < columns.size(); i++) index.emplace(columns[i].name, i);
}

bool StructPlan::is_passed_over(std::string_view name) const {
  return has_added && is_added_field(name);
}

KeyPlan::KeyPlan(const JsonNode& schema, BinaryMode binary_mode)
    : fields(schema, nullptr, {.binary_mode = binary_mode}) {}

std::shared_ptr<KeyPlan> KeyPlan::of_members(const JsonNode& key) {
  const std::shared_ptr<KeyPlan> plan(new KeyPlan());
  plan->fields.is_schemaless = true;
  for (const JsonNode* field = key.begin(); field != key.end(); field = field->next()) {
    if (plan->fields.index.contains(field->name)) {
      throw DecodeError("field \"" + excerpt(field->name) + "\" appears twice");
    }
    plan->fields.add({std::string(field->name), schemaless_type({catalog::PgType::text}), nullptr});
  }
  return plan;
}

ValuePlan::ValuePlan(const JsonNode& schema, const std::shared_ptr<const UnavailableMarker>& marker,
                     const SchemaOptions& options)
    : kind_(options.shape == EventShape::flattened ? kind_of_flattened_schema(schema)
                                                   : kind_of_schema(schema)),
      schema_name_(text_member(schema, "name")),
      row_([&] {
        const JsonNode* row = row_schema_of(schema, kind_, options.shape);
        return row != nullptr ? StructPlan(*row, marker, options) : StructPlan();
      }()),
      marker_(marker) {
  if (is_from_postgresql(schema)) return;
  std::erase_if(row_.losses, [](const auto& loss) { return is_of_postgresql(loss.first); });
}

ValuePlan::ValuePlan(const KeyPlan& key) : kind_(MessageKind::flattened) {
  for (const ColumnPlan& field : key.fields.columns) {
    if (field.name != kRouterKeyField) row_.add(field);
  }
}

ValuePlan::ValuePlan(KnownType known, std::shared_ptr<const UnavailableMarker> marker,
                     EventShape shape)
    : kind_(MessageKind::change), known_(std::move(known)), marker_(std::move(marker)) {
  row_.is_schemaless = true;
  row_.has_added = shape == EventShape::flattened;
  row_.losses[Loss::no_schema];
}

ColumnType ValuePlan::learned_type(const JsonNode& value) const {
  const auto known = known_(value.name);
  return known ? schemaless_type(*known) : schemaless_type_of(value);
}

// A row of nothing but NULLs has a column all the same.
void ValuePlan::learn(const JsonNode& row, bool has_nulls) {
  for (const JsonNode* member = row.begin(); member != row.end(); member = member->next()) {
    const bool is_wanted = has_nulls || !member->is_null() || row_.columns.empty();
    if (!is_wanted || row_.index.contains(member->name)) continue;
    if (member->name == kRouterKeyField) continue;
    if (!has_nulls && row_.is_passed_over(member->name)) continue;  // a key's are columns
    row_.add({std::string(member->name), learned_type(*member), marker_});
    schemas_.clear();
  }
}

std::vector<std::pair<Loss, std::string>> ValuePlan::take_losses(
    const std::shared_ptr<const EventTable>& table) {
  std::vector<std::pair<Loss, std::string>> out;
  if (row_.losses.empty() || std::ranges::find(told_, table) != told_.end()) return out;
  if (told_.size() == kTablesToldMax) told_.erase(told_.begin());
  told_.push_back(table);
  const std::string name =
      (table->db.empty() ? "" : table->db + ".") + table->schema + "." + table->table;
  for (const auto& [loss, columns] : row_.losses) {
    if (loss == Loss::passed_over && columns.empty()) continue;  // all are the key's
    out.emplace_back(loss, described(loss, name, columns));
  }
  return out;
}

void ValuePlan::widen(size_t column) {
  ColumnType& type = row_.columns[column].type;
  type = wider_type(type).value_or(type);
  schemas_.clear();
}

void ValuePlan::take_columns_of(const KeyPlan& key) {
  for (const ColumnPlan& field : key.fields.columns) {
    if (field.name == kRouterKeyField || !row_.is_passed_over(field.name)) continue;
    if (row_.index.contains(field.name)) continue;
    row_.add({field.name, field.type, marker_});
    std::erase(row_.losses[Loss::passed_over], field.name);
    schemas_.clear();
  }
}

std::shared_ptr<const RowSchema> ValuePlan::row_schema(const std::shared_ptr<const KeyPlan>& key) {
  for (const auto& [known, schema] : schemas_) {
    if (known == key) return schema;
  }
  if (key != nullptr) take_columns_of(*key);
  auto schema = std::make_shared<RowSchema>();
  for (const ColumnPlan& column : row_.columns) {
    const ColumnType& type = column.type;
    const int64_t bits = type.pg_type == catalog::PgType::varbit ? type.parameters.length : 0;
    schema->columns.push_back({column.name, type.pg_type, type.stands_for, bits});
  }
  if (key != nullptr) {
    for (const ColumnPlan& field : key->fields.columns) {
      if (field.name == kRouterKeyField) continue;
      const auto column = row_.index.find(field.name);
      if (column == row_.index.end()) {
        throw DecodeError("key field \"" + field.name + "\" is not a column of the row");
      }
      schema->key.push_back(static_cast<uint16_t>(column->second));
    }
  }
  if (schemas_.size() == kKeysPerValueMax) schemas_.erase(schemas_.begin());
  schemas_.emplace_back(key, schema);
  return schema;
}

}  // namespace metadb::ingest
