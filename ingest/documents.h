// JSON documents out of the database, in bounded pieces.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "catalog/postgres.h"

namespace metadb::ingest {

// Calls `each` with every row (number, document) of the query, in its order. `each` may use the
// connection. REQUIRES: a transaction.
void read_documents(catalog::Connection& connection, const std::string& sql,
                    const std::function<void(int64_t, std::string_view)>& each);

}  // namespace metadb::ingest
