// What commands tell about the data sources that they change.
#pragma once

#include <string>
#include <vector>

#include "ingest/moves.h"
#include "server/commands/command_context.h"

namespace metadb::server {

Notice warning(std::string message, std::string detail = "", std::string hint = "");

// Consumers of one group share what its topics have.
void warn_of_shared_group(const catalog::DataSource& source, const catalog::Snapshot& catalog,
                          const Context& session);
// Tables that stay where they are; tables that the filters treat in another way from now on.
void warn_of(const ingest::Consequences& consequences, const Context& session);

void warn_of_no_worker(const std::string& name, const std::string& reason, const Context& session);

// Runs `change`, which starts a worker for what is committed by now: a failure is a warning.
template <class Change>
void start_or_warn(const std::string& name, const Context& session, const Change& change) {
  try {
    change();
  } catch (const std::exception& error) {
    warn_of_no_worker(name, error.what(), session);
  }
}

}  // namespace metadb::server
