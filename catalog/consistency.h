// Whether managed tables hold what they must: looked at in SQL, in bounded memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalog/postgres.h"
#include "catalog/tables.h"

namespace metadb::catalog {

struct Violation {
  std::string message;
  std::string detail;
};

struct Findings {
  static constexpr int kShownMax = 20;  // of each kind

  std::vector<Violation> violations;
  int64_t total = 0;  // those that are not shown included
};

// Rows and indexes of one table. REQUIRES: a transaction that sees one moment (REPEATABLE READ).
Findings check_table(Connection& connection, const Table& table);
// A transformed table and the one that it is derived from: every current row has a current root.
Findings check_roots(Connection& connection, const Table& derived, const Table& parent);
// The catalog's rows and the relations that they speak of. REQUIRES: as check_table().
Findings check_catalog(Connection& connection);

}  // namespace metadb::catalog
