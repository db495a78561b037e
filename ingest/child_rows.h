// Rows of transformed tables, from JSON documents to tuples of COPY; and what the tables lack for
// them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "catalog/tables.h"
#include "ingest/change.h"
#include "ingest/json_rows.h"

namespace metadb::ingest {

// How the column for a place in a document stands in the catalog, among the table's source columns:
// `.field`, `id.field` in a mapped object of that id, or the table's own id for elements that are
// no objects.
std::string child_source_column(std::string_view id, std::string_view field);
// A level of arrays on the way to the rows of a table: a mapped array, or arrays directly in it.
struct ChildLevel {
  std::string array_id;
  int32_t depth = 1;  // as JsonLevel has it
  bool operator==(const ChildLevel&) const = default;
};
// The key of a transformed table: catalog::root_source_column() for each key column of the parent,
// and this for each level, with the name that it would like to have.
std::string ordinal_source_column(const ChildLevel& level);
std::string ordinal_name(const ChildLevel& level);

// The type of a column for values of a type; and the other way round, nullopt if the column is of
// none of those.
catalog::PgType pg_type_of(JsonType type);
std::optional<JsonType> json_type_of(const catalog::Column& column);

// What a transformed table lacks.
struct ChildNeed {
  struct NewColumn {
    std::string source;  // child_source_column()
    std::string name;    // that it would like to have
    JsonType type;
    bool operator==(const NewColumn&) const = default;
  };
  std::vector<ChildLevel> levels;  // that have no ordinal yet, outermost first
  std::vector<NewColumn> columns;
  std::set<std::string> to_text;  // columns whose values are of several types
};
using ChildNeeds = std::map<std::string, ChildNeed>;  // by the table's id

// The shape of a transformed table as rows are written to it. Its columns are those of the schema:
// roots, ordinals, then all others.
struct ChildShape {
  // REQUIRES: a transformed table. Throws Error 42703 if somebody has dropped a column of its key.
  explicit ChildShape(const catalog::Table& table);

  struct Value {
    std::string name;
    JsonType type = JsonType::text;
    // Takes any scalar as text, which PostgreSQL casts if the column is of another type.
    bool takes_all = false;
    bool takes_uuids_only = false;
  };
  std::vector<std::string> roots;     // columns of the table
  std::vector<std::string> ordinals;  // the same
  std::vector<ChildLevel> levels;     // of the ordinals
  std::vector<Value> values;
  std::unordered_map<std::string, size_t> by_source;  // source column -> index into values
  RowSchema schema;
};

// Appends the integers that a row has in the table's ordinals. What is no array counts as one of
// one element.
void append_ordinals(std::string& out, const ChildShape& shape, std::span<const JsonLevel> levels);

// Turns documents into tuples (p bigint, i bigint, ordinals, values), `p` telling the document and
// `i` counting its rows. Once a table lacks something no more tuples are made, but all is looked at
// for what else is lacking.
class ChildRows : public JsonRowSink {
 public:
  // A transformed table cannot have more columns; fields beyond that are left out.
  static constexpr size_t kColumnsMax = 1000;

  using Flush = std::function<void(const std::string& id, std::string_view tuples)>;
  // `flush` is given the tuples of a table now and then, and by finish(). Rows of a table that
  // would need more ordinals are left out.
  ChildRows(Flush flush, size_t ordinals_max)
      : flush_(std::move(flush)), ordinals_max_(ordinals_max) {}

  void add_table(const std::string& id, const ChildShape* shape);
  // False: the text is no JSON, and has no rows.
  bool add_document(const JsonMap& map, std::string_view text, int64_t p);
  void finish();
  [[nodiscard]] const ChildNeeds& needs() const { return needs_; }
  // Tables that have left out fields.
  [[nodiscard]] const std::set<std::string>& full() const { return full_; }
  // Tables that have left out rows.
  [[nodiscard]] const std::set<std::string>& too_deep() const { return too_deep_; }
  [[nodiscard]] int64_t rows(const std::string& id) const;

  void begin(const JsonMap& table, std::span<const JsonLevel> levels) override;
  void member(std::string_view id, std::string_view field, const JsonNode& value) override;
  void element(const JsonNode& value) override;
  void end() override;

 private:
  struct Target {
    const ChildShape* shape = nullptr;  // null: the table is yet to be made
    std::vector<const JsonNode*> cells;
    std::vector<size_t> filled;  // cells that are not null
    std::string tuples;
    int64_t rows = 0;
  };
  void put(const std::string& source, std::string_view id, std::string_view field,
           const JsonNode& value);
  void want(const std::string& source, std::string_view id, std::string_view field,
            const JsonNode& value);
  bool have_ordinals(std::span<const JsonLevel> levels);
  void check_values();
  void append_tuple();
  void write(const std::string& id, Target& target);
  [[nodiscard]] bool is_looking() const { return !needs_.empty(); }

  JsonParser parser_;
  Flush flush_;
  size_t ordinals_max_;
  std::map<std::string, Target, std::less<>> targets_;
  ChildNeeds needs_;
  std::set<std::string> full_;
  std::set<std::string> too_deep_;
  std::string source_;  // of the cell in hand
  // The row in hand.
  const JsonMap* table_ = nullptr;
  Target* target_ = nullptr;
  bool is_left_out_ = false;
  std::vector<JsonLevel> levels_;
  int64_t p_ = 0;
  int64_t i_ = 0;
};

}  // namespace metadb::ingest
