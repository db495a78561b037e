// What the schema part of a message says, parsed once per distinct schema bytes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ingest/change.h"
#include "ingest/debezium_binary.h"
#include "ingest/debezium_losses.h"
#include "ingest/debezium_types.h"
#include "ingest/debezium_unavailable.h"
#include "ingest/json.h"

namespace metadb::ingest {

// The kinds of debezium-format 2 that a value schema, or the members of a bare value, can tell.
enum class MessageKind : uint8_t {
  change,
  heartbeat,
  transaction,
  notification,
  signal,
  schema_change,
  flattened,
  cloud_event,
  unknown,
};

// Of a value without schema: by its members.
MessageKind kind_of_members(const JsonNode& payload);

// Whether that transform adds a field of that name (add.fields with its default prefix, __deleted):
// it says something of the event and is no column.
bool is_added_field(std::string_view name);

// What no schema tells of its fields.
struct SchemaOptions {
  EventShape shape = EventShape::envelope;
  BinaryMode binary_mode = BinaryMode::bytes;
};

struct ColumnPlan {
  std::string name;
  ColumnType type;
  std::shared_ptr<const UnavailableMarker> marker;
};

// How to read one struct: its fields in schema order, or, without a schema, in the order in which
// they first had values.
struct StructPlan {
  std::vector<ColumnPlan> columns;
  std::unordered_map<std::string_view, size_t> index;  // views into columns
  std::map<Loss, std::vector<std::string>> losses;     // the columns that each is about
  bool is_schemaless = false;                          // members that are no columns are null then
  bool has_added = false;                              // or is_added_field()

  StructPlan() = default;
  // Throws DecodeError if `schema` is no struct or names a field twice.
  StructPlan(const JsonNode& schema, const std::shared_ptr<const UnavailableMarker>& marker,
             const SchemaOptions& options = {});
  StructPlan(const StructPlan&) = delete;
  StructPlan& operator=(const StructPlan&) = delete;
  // Throws DecodeError for too many columns, or a name that none can have.
  void add(ColumnPlan column);
  [[nodiscard]] bool is_passed_over(std::string_view name) const;
};

struct KeyPlan {
  explicit KeyPlan(const JsonNode& schema, BinaryMode binary_mode = BinaryMode::bytes);
  // Of a key without schema: its members' names.
  static std::shared_ptr<KeyPlan> of_members(const JsonNode& key);
  StructPlan fields;

 private:
  KeyPlan() = default;
};

class ValuePlan {
 public:
  ValuePlan(const JsonNode& schema, const std::shared_ptr<const UnavailableMarker>& marker,
            const SchemaOptions& options = {});
  // The type that a column of the table got before, if it has any.
  using KnownType = std::function<std::optional<KnownColumn>(std::string_view column)>;
  // Of the rows of one table without schemas, which learn() makes known.
  ValuePlan(KnownType known, std::shared_ptr<const UnavailableMarker> marker,
            EventShape shape = EventShape::envelope);
  // Of rows of which nothing but the key is known.
  explicit ValuePlan(const KeyPlan& key);

  [[nodiscard]] MessageKind kind() const { return kind_; }
  [[nodiscard]] const std::string& schema_name() const { return schema_name_; }
  [[nodiscard]] const StructPlan& row() const { return row_; }
  // What the log should say of the table's columns, the first time that it is asked for it.
  std::vector<std::pair<Loss, std::string>> take_losses(
      const std::shared_ptr<const EventTable>& table);
  // Takes the members of a row that have values for columns from now on; with `has_nulls`, as in a
  // key, the others as well. REQUIRES: row().is_schemaless.
  void learn(const JsonNode& row, bool has_nulls);
  // From now on the column has the wider type that there is for its own.
  void widen(size_t column);
  // The row's columns together with that key (null: none). The same pair gives the same pointer.
  // What the key has is a column, also under a name that a transform adds.
  // Throws DecodeError if a key field is no column of the row.
  std::shared_ptr<const RowSchema> row_schema(const std::shared_ptr<const KeyPlan>& key);

 private:
  [[nodiscard]] ColumnType learned_type(const JsonNode& value) const;
  void take_columns_of(const KeyPlan& key);

  MessageKind kind_ = MessageKind::unknown;
  std::string schema_name_;
  StructPlan row_;
  KnownType known_;  // where there are no schemas
  std::shared_ptr<const UnavailableMarker> marker_;
  std::vector<std::shared_ptr<const EventTable>> told_;  // tables whose losses were taken
  std::vector<std::pair<std::shared_ptr<const KeyPlan>, std::shared_ptr<const RowSchema>>> schemas_;
};

// The plans of the schemas that a topic used last, most recent first. A schema is told by its
// bytes, or by what else identifies it.
template <typename Plan, typename Key = std::string>
class PlanCache {
 public:
  struct Entry {
    Key schema;
    std::shared_ptr<Plan> plan;
  };

  // The entry for which `matches(entry)` holds, moved to the front; null if there is none.
  template <typename Matches>
  const Entry* find(const Matches& matches) {
    for (size_t i = 0; i < entries_.size(); i++) {
      if (!matches(entries_[i])) continue;
      for (; i > 0; i--) std::swap(entries_[i], entries_[i - 1]);
      return &entries_.front();
    }
    return nullptr;
  }
  const Entry* insert(Key schema, std::shared_ptr<Plan> plan) {
    if (entries_.size() == kVersionsMax) entries_.pop_back();
    entries_.insert(entries_.begin(), Entry{std::move(schema), std::move(plan)});
    return &entries_.front();
  }

  // A router may make one topic of many tables, whose schemas come in turns.
  static constexpr size_t kVersionsMax = 64;

 private:
  std::vector<Entry> entries_;
};

}  // namespace metadb::ingest
