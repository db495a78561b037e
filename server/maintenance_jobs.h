// What maintenance does with the database itself.
#pragma once

#include <stop_token>

#include "catalog/catalog.h"

namespace metadb::server {

// Partitions of metadb.log for the time ahead; those that are older than log_retention go.
void keep_log(const catalog::Catalog& catalog, catalog::Connection& connection);

// ANALYZE of the main tables: autovacuum looks at their leaves alone, and a query of the history is
// planned with the statistics of the whole. A table that cannot be analyzed now is logged and left
// out. Throws Error 57014 if `stop` is requested.
void analyze_parents(const catalog::Catalog& catalog, catalog::Connection& connection,
                     const std::stop_token& stop);

}  // namespace metadb::server
