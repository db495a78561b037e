// The rows of documents that were there before they were mapped.
#pragma once

#include <functional>
#include <string>

#include "catalog/catalog.h"

namespace metadb::ingest {

// Of the current rows of a table, what is mapped of one column: in one transaction, after the
// transformed tables were made ready in transactions of their own. `check` is called now and then,
// and may throw. REQUIRES: the mappings are published; nobody else writes the table or those that
// are derived from it. Throws as batches do.
void backfill(catalog::Catalog& catalog, catalog::Connection& connection,
              const catalog::TableName& parent, const std::string& column,
              const std::function<void()>& check);

}  // namespace metadb::ingest
