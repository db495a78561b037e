// JSON documents out of the database, in bounded pieces.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "catalog/postgres.h"

namespace metadb::ingest {

// Calls `each` with every row (number, document) of the query, in the order of the numbers if the
// query has that. Holds one document, and 4 MiB of short ones. `each` may use the connection.
// REQUIRES: a transaction; the query gives the same rows when it runs twice.
void read_documents(catalog::Connection& connection, const std::string& sql,
                    const std::function<void(int64_t, std::string_view)>& each);

}  // namespace metadb::ingest
