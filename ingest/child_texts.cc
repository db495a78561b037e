#include "ingest/child_texts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "catalog/transformed_tables.h"
#include "ingest/child_rows.h"
#include "ingest/copy_format.h"
#include "ingest/documents.h"
#include "ingest/json_pieces.h"

namespace metadb::ingest {
namespace {

using catalog::PgType;
using catalog::quote_identifier;

constexpr size_t kTextsBytes = size_t{1} << 20;

// Of leaves: a statement planned over partitions locks them all.
std::vector<std::string> leaves_of(const catalog::Table& table) {
  std::vector<std::string> out = {table.current()};
  for (const int year : table.years) out.push_back(table.leaf(year));
  return out;
}

// The texts at the places of the columns, with their values of the former types: tuples (p,
// ordinals, texts, former values), `p` telling the document.
class Texts : public JsonRowSink {
 public:
  Texts(const TextColumns& texts, catalog::Connection& connection)
      : texts_(texts), connection_(connection), shape_(texts.child) {
    for (size_t i = 0; i < texts.columns.size(); ++i) {
      for (const auto& [source, value] : shape_.by_source) {
        if (shape_.values[value].name == texts.columns[i].name) by_source_[source] = i;
      }
    }
    cells_.resize(texts.columns.size());
  }

  [[nodiscard]] std::string create_table() const {
    std::string columns;
    for (size_t i = 0; i < shape_.ordinals.size(); ++i) columns += fmt::format(", o{} integer", i);
    for (size_t i = 0; i < texts_.columns.size(); ++i) {
      const PgType former = pg_type_of(texts_.columns[i].former.value_or(JsonType::text));
      columns += fmt::format(", v{0} text, f{0} {1}", i, catalog::row_of(former).sql);
    }
    return fmt::format("CREATE TEMP TABLE json_texts (p bigint{})", columns);
  }
  void add(int64_t p, std::string_view text) {
    p_ = p;
    transform_json_text(parser_, texts_.map, text, *this);
  }
  void write() {
    const std::string_view chunks[] = {tuples_};
    if (!tuples_.empty())
      connection_.copy_binary("COPY pg_temp.json_texts FROM STDIN (FORMAT binary)", chunks);
    tuples_.clear();
  }
  // Condition that row `t` of what was written has the ordinals of row `c` of the table.
  [[nodiscard]] std::string same_place() const {
    std::string out;
    for (size_t i = 0; i < shape_.ordinals.size(); ++i)
      out += fmt::format(" AND t.o{} = c.{}", i, quote_identifier(shape_.ordinals[i]));
    return out;
  }

  void begin(const JsonMap& table, std::span<const JsonLevel> levels) override {
    is_wanted_ = table.id == texts_.id;
    if (!is_wanted_) return;
    levels_.assign(levels.begin(), levels.end());
    std::ranges::fill(cells_, nullptr);
  }
  void member(std::string_view id, std::string_view field, const JsonNode& value) override {
    if (is_wanted_) put(child_source_column(id, field), value);
  }
  void element(const JsonNode& value) override {
    if (is_wanted_) put(texts_.id, value);
  }
  void end() override {
    const auto is_value = [](const JsonNode* cell) { return cell != nullptr && json_type(*cell); };
    if (!is_wanted_ || std::ranges::none_of(cells_, is_value)) return;
    append_big_endian<int16_t>(
        tuples_, static_cast<int16_t>(1 + shape_.ordinals.size() + 2 * cells_.size()));
    append_int8(tuples_, p_);
    append_ordinals(tuples_, shape_, levels_);
    for (size_t i = 0; i < cells_.size(); ++i) append_cells(i);
    if (tuples_.size() >= kTextsBytes) write();
  }

 private:
  void put(const std::string& source, const JsonNode& value) {
    const auto found = by_source_.find(source);
    if (found != by_source_.end()) cells_[found->second] = &value;
  }
  void append_cells(size_t i) {
    const auto type = cells_[i] == nullptr ? std::nullopt : json_type(*cells_[i]);
    if (!type) {
      append_null(tuples_);
      append_null(tuples_);
      return;
    }
    append_json_cell(tuples_, *cells_[i], JsonType::text);
    if (type == texts_.columns[i].former) {
      append_json_cell(tuples_, *cells_[i], *type);
    } else {
      append_null(tuples_);
    }
  }

  const TextColumns& texts_;
  catalog::Connection& connection_;
  const ChildShape shape_;
  std::unordered_map<std::string, size_t> by_source_;  // source column -> index into columns
  JsonParser parser_;
  std::string tuples_;
  int64_t p_ = 0;
  // The row in hand.
  bool is_wanted_ = false;
  std::vector<JsonLevel> levels_;
  std::vector<const JsonNode*> cells_;
};

// Of versions that ended when they began, several of the parent may have been the one.
std::string came_with(const TextColumns& texts) {
  return catalog::same_root(texts.parent, texts.child) +
         " AND p.__start <= c.__start AND c.__start < p.__end AND c.__start < c.__end";
}

// The documents of those versions of the parent at which values came.
void read_texts(catalog::Connection& connection, const TextColumns& texts, Texts& to) {
  std::vector<std::string> has_value;
  for (const auto& column : texts.columns)
    has_value.push_back(fmt::format("c.{} IS NOT NULL", quote_identifier(column.name)));
  for (const std::string& leaf : leaves_of(texts.parent)) {
    const std::string documents = fmt::format(
        "SELECT p.__id, p.{0}::text FROM {1} p WHERE p.{0} IS NOT NULL AND EXISTS (SELECT FROM {2} "
        "c WHERE {3} AND ({4}))",
        quote_identifier(texts.document), leaf, texts.child.main(), came_with(texts),
        fmt::join(has_value, " OR "));
    read_documents(connection, documents,
                   [&](int64_t p, std::string_view text) { to.add(p, text); });
  }
  to.write();
}

}  // namespace

int64_t derive_texts(catalog::Connection& connection, const TextColumns& texts) {
  Texts read(texts, connection);
  connection.exec(read.create_table());
  const bool has_documents = texts.parent.column(texts.document) != nullptr;
  if (has_documents) read_texts(connection, texts, read);
  connection.exec("ANALYZE pg_temp.json_texts");
  int64_t kept = 0;
  for (size_t i = 0; i < texts.columns.size(); ++i) {
    const auto& [column, former] = texts.columns[i];
    // What is no value that PostgreSQL made this text of is another one's, or came otherwise.
    const std::string is_it =
        former ? fmt::format(
                     " AND {} = c.{}",
                     catalog::cast_sql(pg_type_of(*former), PgType::text, fmt::format("t.f{}", i)),
                     quote_identifier(column))
               : fmt::format(" AND t.v{} IS NOT NULL", i);
    for (const std::string& leaf : leaves_of(texts.child)) {
      kept += connection
                  .exec(fmt::format(
                      "WITH derived AS MATERIALIZED (SELECT c.ctid AS at, c.{0} AS former, t.v{1} "
                      "AS v FROM {2} c LEFT JOIN ({3} p JOIN pg_temp.json_texts t ON t.p = p.__id) "
                      "ON {4}{5}{6} WHERE c.{0} IS NOT NULL), changed AS (UPDATE {2} c SET {0} = "
                      "d.v FROM derived d WHERE c.ctid = d.at AND d.v <> d.former RETURNING 1) "
                      "SELECT count(*) FILTER (WHERE v IS NULL) FROM derived",
                      quote_identifier(column), i, leaf, texts.parent.main(), came_with(texts),
                      read.same_place(), is_it))
                  .int64(0, 0);
    }
  }
  connection.exec("DROP TABLE pg_temp.json_texts");
  return kept;
}

}  // namespace metadb::ingest
