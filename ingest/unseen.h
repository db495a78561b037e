// Large values that updates leave as they are, and that were never seen here: NULL, and listed in
// metadb.unresolved.
#pragma once

#include <set>

#include "catalog/tables.h"

namespace metadb::ingest {

// Those with such values.
std::set<catalog::TableName> tables_with_unseen(catalog::Connection& connection);
// For the first of a table.
void warn_of_unseen(const catalog::Table& table);

}  // namespace metadb::ingest
