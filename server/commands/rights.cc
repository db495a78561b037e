#include "server/commands/rights.h"

#include <fmt/format.h>

namespace metadb::server {
namespace {

struct Rights {
  bool is_administrator = false;
  bool is_registered = false;
};

// The connection is the system user's: session_user names it. A role that is gone has no rights.
Rights rights_of(CommandContext& context) {
  const catalog::Result found = context.connection().exec(
      "SELECT r.rolsuper OR r.rolname = session_user OR EXISTS ("
      "  SELECT FROM pg_roles a WHERE a.rolname = 'metadb_admin'"
      "    AND pg_has_role(r.oid, a.oid, 'MEMBER')),"
      " EXISTS (SELECT FROM metadb.auth u WHERE u.username = r.rolname)"
      " FROM pg_roles r WHERE r.rolname = $1",
      {context.session().caller.user});
  if (found.rows() == 0) return {};
  return {found.boolean(0, 0), found.boolean(0, 1)};
}

catalog::Error refusal(std::string_view what, std::string_view who) {
  return catalog::Error("42501", fmt::format("permission denied for {}", what))
      .with_detail(fmt::format("Only {}superusers, the system user and members of the role "
                               "\"metadb_admin\" may run this command.",
                               who));
}

}  // namespace

void require_administrator(CommandContext& context, std::string_view what) {
  if (!rights_of(context).is_administrator) throw refusal(what, "");
}

void require_registered(CommandContext& context, std::string_view what) {
  const Rights rights = rights_of(context);
  if (!rights.is_administrator && !rights.is_registered) throw refusal(what, "registered users, ");
}

}  // namespace metadb::server
