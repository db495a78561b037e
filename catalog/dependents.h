// What users have made on top of managed tables.
#pragma once

#include <string>

#include "catalog/postgres.h"
#include "catalog/tables.h"

namespace metadb::catalog {

// Views and rules that use the table's column, through whichever of its tables, with their owners:
// `view "s"."v" of "ann", ...`; empty if there are none.
std::string views_on(Connection& connection, const Table& table, const std::string& column);

// Who keeps the table locked now: `process 123 of "ann", ...`; empty if nobody does.
std::string lock_holders(Connection& connection, const Table& table);

}  // namespace metadb::catalog
