// Who may run which command: the rights of the login role, asked anew for each command.
#pragma once

#include <string_view>

#include "server/commands/command_context.h"

namespace metadb::server {

// Throws catalog::Error 42501 unless the caller is a superuser, the system user or a member of
// metadb_admin. `what`: as the error names it, e.g. CREATE DATA SOURCE.
void require_administrator(CommandContext& context, std::string_view what);
// The same, unless the caller is a registered user.
void require_registered(CommandContext& context, std::string_view what);

}  // namespace metadb::server
