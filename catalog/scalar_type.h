// Types that a user names for a column.
#pragma once

#include <optional>
#include <string>

#include "catalog/postgres.h"
#include "catalog/types.h"

namespace metadb::catalog {

struct ScalarType {
  std::string name;            // as format_type() prints it
  std::optional<PgType> type;  // nullopt: none that ingest makes
  bool had_modifier = false;   // which is not carried: numeric(10,2) is numeric
};

// What the type that SQL names is. Schemas other than pg_catalog are not searched: a type of a
// user's must be named with its own. Throws Error 42704 if there is none, 0A000 if its values are
// no scalars: arrays, composite and pseudo-types, and domains over these.
ScalarType scalar_type(Connection& connection, const std::string& sql);

}  // namespace metadb::catalog
