// One change of roles, registrations or access.
#pragma once

#include <functional>
#include <vector>

#include "server/commands/command_context.h"

namespace metadb::server {

using AccessWork =
    std::function<void(catalog::Connection& connection, std::vector<Notice>& notices)>;

// Runs `work` in one transaction on the role connection, under the access lock; what it notices is
// sent once that is committed. Runs it again if somebody else changed the same object meanwhile, so
// it must have no other effects.
void change_access(CommandContext& context, const AccessWork& work);

// Throws catalog::Error 42704 unless the user is registered.
void require_registration(catalog::Connection& connection, const grammar::ast::Name& user);

// Throws catalog::Error 42501 if `role` is the system user, metadb_admin or one of PostgreSQL's
// own, or if it is or may become a superuser, or has REPLICATION or BYPASSRLS, and the caller is
// none.
void require_power_over(CommandContext& context, const grammar::ast::Name& role);

}  // namespace metadb::server
