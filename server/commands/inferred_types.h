// What REFRESH INFERRED COLUMN TYPES does, also at the end of an initial synchronization.
#pragma once

#include <string>

#include "server/commands/command_context.h"

namespace metadb::server {

// Of the tables of one data source; of all, if it is not named. Each table is a transaction; one
// that can't be changed is told with a warning.
void refresh_inferred_types(CommandContext& context, const std::string& source_name = "");

}  // namespace metadb::server
