// What is done to tables that hold the rows of JSON documents, beside what is done to every managed
// table.
#pragma once

#include <string>
#include <vector>

#include "catalog/postgres.h"
#include "catalog/tables.h"

namespace metadb::catalog {

// Whether values of the column may be JSON documents.
bool may_hold_json(const Column& column);

// The derived tables of a table, those that are derived from them included, without itself.
std::vector<TableName> derived_from(Connection& connection, const TableName& parent);

// How the column that names the roots of rows by a key column of the parent stands among the source
// columns of the derived table.
std::string root_source_column(std::string_view key_column);
// Whether the rows name their roots by what is the key of the parent now.
bool names_roots(const Table& parent, const Table& child);
// Condition that row `p` of the parent is the root of row `c` of the child, as the unique indexes
// tell keys apart. REQUIRES: names_roots().
std::string same_root(const Table& parent, const Table& child);

// A table that external SQL has asked for before there was a document for it, and that nothing
// feeds, becomes a transformed one. `table` is what it is then, without its key.
// REQUIRES: a transaction for this and all below.
void adopt_table(Connection& connection, const Table& table);
// Adds the ordinal of one more array on the way to the rows, last in the key: what there is counts
// as the first element. `table` is what it is before.
void add_ordinal(Connection& connection, const Table& table, const Column& column);

// The column stands for this source column, and nothing else does: what did was dropped by
// somebody.
void rename_column_source(Connection& connection, const Table& table, const std::string& source,
                          const std::string& column);

// Ends all current rows now, or when they start if that is later. Returns how many.
int64_t end_rows_now(Connection& connection, const Table& table);
// Ends those current rows of an origin whose root has gone, as a sweep leaves them, at `end_us` or
// when they start if that is later. Returns how many.
struct RootsGone {
  std::string origin;
  int64_t end_us = 0;  // microseconds since 1970
};
int64_t end_rows_without_root(Connection& connection, const Table& parent, const Table& child,
                              const RootsGone& gone);
// Ends those current rows that have a value in one of the columns; they go on without. Returns how
// many.
int64_t empty_columns_now(Connection& connection, const Table& table,
                          const std::vector<std::string>& columns);
// Versions of now may lie after what comes next: those who write the parent's tables look back.
void raise_last_end_to_now(Connection& connection, const TableName& parent);

}  // namespace metadb::catalog
