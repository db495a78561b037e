// Names of data origins: prefixes of schema names that become the column __origin.
#pragma once

#include <string>
#include <vector>

#include "catalog/postgres.h"

namespace metadb::catalog {

// In the order of their names.
std::vector<std::string> load_origins(Connection& connection);
// Throws Error 42710 if there is one of this name.
void insert_origin(Connection& connection, const std::string& name);

}  // namespace metadb::catalog
