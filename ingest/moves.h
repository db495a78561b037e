// What a change of names or filters means for tables that are known already.
#pragma once

#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "ingest/rules.h"

namespace metadb::ingest {

// What decides where a table goes that is seen for the first time.
struct Naming {
  NameRules rules;
  std::vector<std::string> origins;
};

struct NamingChange {
  Naming before;
  Naming after;
};

// Each as a sentence for a reader.
struct Consequences {
  // Where a table goes is fixed when it is first seen: these stay, and would go elsewhere now.
  std::vector<std::string> stay;
  std::vector<std::string> left_out;  // by the filters, from now on
  std::vector<std::string> let_in;    // what came before was left out
};

// For the known tables of the source. Throws catalog::Error 2201B as Rules does.
Consequences consequences(const catalog::Snapshot& catalog, const std::string& source_name,
                          const NamingChange& change);

}  // namespace metadb::ingest
