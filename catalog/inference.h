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

// Whether a cast may say so of a value that it refuses. Of NaN as an integer it says that it is not
// implemented; the inputs of ltree and tsquery call it an error in the syntax, those of PostGIS an
// internal one.
bool may_be_of_value(const Error& error);

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
