// The indexes of managed tables: the unique one over the key of current rows, and those that find
// versions, which a table gets when its snapshot is loaded.
#pragma once

#include <string>
#include <vector>

#include "catalog/tables.h"

namespace metadb::catalog {

// That column of the table's key. Throws Error XX000 if there is none.
const Column& key_column(const Table& table, const std::string& name);

// REQUIRES: a transaction for each of these.
// All that a new table has: of one that lacks_indexes, the unique one.
void create_indexes(Connection& connection, const Table& table);
// Of the key, the unique one among them.
void create_key_indexes(Connection& connection, const Table& table);
void drop_key_indexes(Connection& connection, const Table& table);
// Indexes a uuid column, unless the key's index serves it.
void index_uuid_column(Connection& connection, const Table& table, const Column& column);
// Makes what a table lacks_indexes, with memory and workers of its own for that. Readers go on,
// writers wait. False if somebody else has made them.
bool build_indexes(Connection& connection, const Table& table);

// Tables of the source that lack indexes and have not been written to for half a minute.
std::vector<TableName> tables_loaded(Connection& connection, const std::string& source_name);

}  // namespace metadb::catalog
