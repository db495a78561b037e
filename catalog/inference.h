// What the values of columns say about a narrower type for them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "catalog/postgres.h"
#include "catalog/tables.h"

namespace metadb::catalog {

// The text columns, of those whose type follows their events, in which every value, current or
// ended, is a uuid as uuid_out() writes it, and in which there is one at least; as uuid columns.
std::vector<Column> inferred_uuids(Connection& connection, const Table& table);

// A row whose value in a column is none of another type.
struct CastFailure {
  Error error;      // what PostgreSQL says of the value
  std::string row;  // for a detail
};
// The first one, by __id, among all versions; nullopt if every value fits.
// REQUIRES: a transaction, and that nobody writes meanwhile.
std::optional<CastFailure> first_cast_failure(Connection& connection, const Table& table,
                                              const Column& to);

}  // namespace metadb::catalog
