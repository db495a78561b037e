// What users have made on top of managed tables.
#pragma once

#include <string>
#include <vector>

#include "catalog/postgres.h"
#include "catalog/tables.h"

namespace metadb::catalog {

// Views and rules that use the table's column, through whichever of its tables, with their owners:
// `view "s"."v" of "ann", ...`; empty if there are none.
std::string views_on(Connection& connection, const Table& table, const std::string& column);

// Who keeps the table locked now: `process 123 of "ann", ...`; empty if nobody does.
std::string lock_holders(Connection& connection, const Table& table);

// Whether somebody has one of the tables, given by their main tables (quoted), or of what belongs
// to them, locked against writers. Waits for nothing; a table that is gone is not locked.
bool is_closed_to_writers(Connection& connection, const std::vector<std::string>& main_tables);

}  // namespace metadb::catalog
