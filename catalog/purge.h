// Takes managed tables away, with all that the catalog knows of them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "catalog/postgres.h"
#include "catalog/source_tables.h"
#include "catalog/tables.h"

namespace metadb::catalog {

// What was purged.
struct Purged {
  std::set<TableName> tables;
  std::vector<SourceTableKey> source_tables;
  std::map<std::string, std::set<std::string>> topics;  // that fed them, by source
  // By source: topics that fed nothing but these tables and will be read from their beginning.
  std::map<std::string, std::set<std::string>> forgotten_topics;
};

// The managed tables of these names, with the tables that are derived from them; those whose
// relations somebody has dropped too. Names that are not managed are left out.
std::set<TableName> with_derived(Connection& connection, const std::set<TableName>& tables);

// Drops the relations and removes the catalog's rows, save durable grants, which hold for a table
// of that name that is made again. A topic that fed nothing else is forgotten if its source is
// dropped or paused: a running source goes on where it is. Throws Error 2BP01 if something of a
// user's depends on a table. REQUIRES: a transaction, the stream locks.
Purged purge(Connection& connection, const std::set<TableName>& tables);

}  // namespace metadb::catalog
