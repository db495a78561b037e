// Managed tables: a main table partitioned into the current rows and, by year, the history.
//
// For "t": main t__ (LIST on __current) = current t (true) + history zzz___t___ (false, RANGE on
// __start) with one leaf a year, zzz___t___2026. Reads and writes of ours name leaf tables: a plan
// over partitions locks them all.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/postgres.h"
#include "catalog/source_tables.h"
#include "catalog/types.h"

namespace metadb::catalog {

using TableName = std::pair<std::string, std::string>;  // schema, current table

// Who chose a column's type. One that was chosen here keeps it, whatever type its events have, for
// as long as their values fit.
enum class TypeChoice : uint8_t {
  events,
  by_hand,   // alter table
  inferred,  // refresh inferred column types: uuid in place of text
};

struct Column {
  std::string name;
  std::string type_name;  // as format_type() prints it
  // nullopt: altered by hand to a type that ingest never makes, bit(n), or one of carried_types.h
  std::optional<PgType> type;
  TypeChoice choice = TypeChoice::events;
};

struct Table {
  std::string schema;
  std::string current_name;  // t
  std::string main_name;     // t__
  std::string history_name;  // zzz___t___
  std::string sync_name;     // zzz___t___sync
  std::string source_name;
  int64_t revision = 0;         // another one after each change that is not its ingest's own
  bool is_transformed = false;  // its rows come from documents of the parent
  TableName parent;             // of a transformed one
  std::vector<Column> columns;  // the source's, in table order
  std::vector<std::string> key_columns;        // names of ours, in key order; empty = no key
  bool has_changed_key = false;                // so that versions of one key may overlap
  bool lacks_indexes = false;                  // all but the unique one (table_indexes.h)
  std::set<std::string> unindexed;             // uuid columns whose index is still to be made
  std::set<int> years;                         // of the history leaves there are
  std::string id_sequence;                     // of __id, as a quoted regclass
  std::map<std::string, std::string> renamed;  // source column -> column, where they differ

  [[nodiscard]] std::string current() const { return quote_qualified(schema, current_name); }
  [[nodiscard]] std::string main() const { return quote_qualified(schema, main_name); }
  [[nodiscard]] std::string history() const { return quote_qualified(schema, history_name); }
  [[nodiscard]] std::string leaf(int year) const {
    return quote_qualified(schema, history_name + std::to_string(year));
  }
  [[nodiscard]] const Column* column(std::string_view name) const;
  // The column that holds the source's column `name`; nullptr if there is none yet.
  [[nodiscard]] const Column* column_of_source(const std::string& name) const;
};

// Every managed table, as the committed catalog has it; or the one of this name.
std::vector<Table> load_tables(Connection& connection,
                               const std::optional<TableName>& only = std::nullopt);
// ", a, b": the columns of the table, each behind `prefix`, to follow those that all tables have.
std::string columns_sql(const Table& table, std::string_view prefix = "");
// The expression under which a key column stands in the unique index: the column itself, or the
// md5 of its text where values may be long or have no btree class. 1.0 and 1.00 are one key, as
// they are in the source: after a change of scale there the same row comes with the other.
std::string key_expression(const Column& column, std::string_view prefix = "");

// Creates the table, its partitions but for the years, indexes (of one that lacks_indexes, the
// unique one) and catalog rows. Who has access to it, or on all, can read it from its first moment.
// Returns it with its revision and sequence. REQUIRES: a transaction; table.years is empty.
Table create_table(Connection& connection, const Table& table);
// REQUIRES: a transaction for each of these.
void add_column(Connection& connection, const Table& table, const Column& column);
// For one that was just added: ingest never drops a column.
void drop_column(Connection& connection, const Table& table, const Column& column);
void record_column_name(Connection& connection, const Table& table, std::string_view source_column,
                        std::string_view column);
// Gives columns of the table other types, all of them in one rewrite, by PostgreSQL's casts
// (cast_sql), or through text where there is none. Rebuilds the key indexes if need be, indexes
// what is a uuid now, and records who chose the types.
void change_types(Connection& connection, const Table& table, const std::vector<Column>& to);
// The value of a column as a value of another type.
std::string cast_column_sql(const Column& from, const Column& to);
// Records that the table is not what batches know of it any more.
void revise(Connection& connection, const Table& table);
// A history leaf for versions that start in `year` (UTC).
void add_year(Connection& connection, const Table& table, int year);
// The years (UTC) in which current rows of the table start, or versions of it may come to start.
std::set<int> years_of_rows(Connection& connection, const Table& table);
// That rows of these tables (schema, current table) are written in this transaction.
void record_updates(Connection& connection,
                    const std::vector<std::pair<std::string, std::string>>& tables);
// Several source tables feed one table and may come to a new key one after the other.
// Records which key the events of `source` have; none: the table's.
// REQUIRES: committed, whatever becomes of the events.
void want_key(Connection& connection, const SourceTableKey& source,
              const std::optional<std::vector<std::string>>& key);
// Another source table that feeds the table and has its present key.
std::optional<SourceTableKey> other_with_key_of(Connection& connection, const Table& table,
                                                const SourceTableKey& source);
// Makes `key` what identifies a row, as the events of `origin` say. Ends all but the newest current
// row where several share the new key, and returns how many it ended. Throws Error 55006 if rows of
// another origin share it that does not want it as well: it still tells them apart.
struct KeyChange {
  std::vector<std::string> key;
  std::string origin;
};
int64_t change_key(Connection& connection, const Table& table, const KeyChange& change);
// Records that versions up to now may overlap under the key as it is from now on.
void record_key_change(Connection& connection, const Table& table);

}  // namespace metadb::catalog
