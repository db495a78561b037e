// Where each table of each source goes. Decided when it is first seen, and kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/postgres.h"

namespace metadb::catalog {

// One table of one database of one source.
struct SourceTableKey {
  std::string source_name;
  std::string db;
  std::string schema;
  std::string table;
  auto operator<=>(const SourceTableKey&) const = default;
};

struct SourceTable {
  SourceTableKey key;
  std::string schema_name;  // target
  std::string table_name;   // target: the name of its current table
  std::string origin;
  // source.name of the events that feed it: those of another are refused. Empty since a
  // resynchronization has begun: the first that comes.
  std::string server_name;
  std::string topic;  // that it was first seen in
};

std::vector<SourceTable> load_source_tables(Connection& connection);

// The source table that already holds the target of `wanted`: same table and origin, or the same
// table from another source. nullopt: the target is free. REQUIRES: a transaction, so that the
// answer stays true until it commits (takes a lock that serializes claims).
std::optional<SourceTable> claimed_by(Connection& connection, const SourceTable& wanted);
// Records where `table` goes. REQUIRES: claimed_by() said nullopt in this transaction.
void claim(Connection& connection, const SourceTable& table);
// Records the server and topic that feed it from now on. REQUIRES: a transaction.
void adopt_server(Connection& connection, const SourceTable& table);
// The largest __end that a delete, truncate or sweep has written for the source table, in
// microseconds since 1970 UTC; INT64_MIN if there was none.
int64_t last_end_us(Connection& connection, const SourceTableKey& key);
// Raises last_end to `end_us`. REQUIRES: the transaction that wrote the rows.
void raise_last_end(Connection& connection, const SourceTableKey& key, int64_t end_us);

}  // namespace metadb::catalog
