// What backends do at the moment, as PostgreSQL tells of them.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace metadb::catalog {

struct BackendActivity {
  std::string wait;      // what it waits for, in PostgreSQL's words; empty: nothing
  std::string progress;  // of the index that it builds; empty: it builds none
};

// Those of these backends that there are, by their process id. Asked on a connection of its own,
// for two seconds at most in each of connecting and answering, since PostgreSQL may be what hangs:
// throws Error then.
std::map<int, BackendActivity> activity_of(const std::string& conninfo,
                                           const std::vector<int>& backends);

}  // namespace metadb::catalog
