#include "server/commands/access_change.h"

#include <fmt/format.h>

#include "catalog/access.h"
#include "catalog/users.h"

namespace metadb::server {
namespace {

constexpr int kAttempts = 10;

// GRANT and ALTER of one object at once: PostgreSQL gives up on the second with an internal error
// (CatalogTupleUpdate), or finds a deadlock. Of two that make one role the second finds its name.
bool is_collision(const catalog::Error& error) {
  const bool is_name_taken = error.sqlstate == "23505" &&
                             error.message().find("pg_authid_rolname_index") != std::string::npos;
  return is_name_taken || error.sqlstate == "40P01" ||
         error.message() == "tuple concurrently updated" ||
         error.message() == "tuple concurrently deleted";
}

std::vector<Notice> attempt(catalog::Connection& connection, const AccessWork& work) {
  std::vector<Notice> notices;
  // What was committed before the lock was had must be seen, whatever the default is.
  catalog::Transaction transaction(connection, "BEGIN ISOLATION LEVEL READ COMMITTED");
  catalog::lock_access(connection);
  work(connection, notices);
  transaction.commit();
  return notices;
}

}  // namespace

void change_access(CommandContext& context, const AccessWork& work) {
  catalog::Connection& connection = context.role_connection();
  for (int number = 1;; ++number) {
    try {
      for (Notice& notice : attempt(connection, work)) context.session().notice(std::move(notice));
      return;
    } catch (const catalog::Error& error) {
      if (number == kAttempts || !is_collision(error)) throw;
    }
    context.session().check_stop();
  }
}

void require_registration(catalog::Connection& connection, const grammar::ast::Name& user) {
  if (catalog::is_registered(connection, user.text)) return;
  const bool exists =
      connection.exec("SELECT FROM pg_roles WHERE rolname = $1", {user.text}).rows() > 0;
  const std::string name = catalog::quote_identifier(user.text);
  if (exists) {
    throw catalog::Error("42704", fmt::format("user {} is not registered", name))
        .with_hint(fmt::format("Register it with: register user {}", name))
        .with_position(user.position);
  }
  throw catalog::Error("42704", fmt::format("user {} does not exist", name))
      .with_hint(fmt::format("Create it with: create user {} with password '...'", name))
      .with_position(user.position);
}

void require_power_over(CommandContext& context, const grammar::ast::Name& role) {
  // The connection is the system user's.
  const catalog::Result found = context.connection().exec(
      "SELECT r.rolname = session_user, r.rolname = 'metadb_admin', r.rolname ~ "
      "'^(pg_|metadb_estate$)',"
      " (r.rolreplication OR r.rolbypassrls OR EXISTS (SELECT FROM pg_roles s"
      "     WHERE s.rolsuper AND pg_has_role(r.oid, s.oid, 'MEMBER')))"
      "   AND NOT coalesce((SELECT c.rolsuper FROM pg_roles c WHERE c.rolname = $2), false)"
      " FROM pg_roles r WHERE r.rolname = $1",
      {role.text, context.session().caller.user});
  if (found.rows() == 0) return;
  std::string_view why;
  if (found.boolean(0, 3))
    why =
        "Only a superuser may change a superuser, a member of one, or a role with REPLICATION or "
        "BYPASSRLS.";
  if (found.boolean(0, 2)) why = "It is one of PostgreSQL's or metadb's own roles.";
  if (found.boolean(0, 1)) why = "Its members administer metadb.";
  if (found.boolean(0, 0)) why = "It is metadb's system user.";
  if (why.empty()) return;
  throw catalog::Error(
      "42501", fmt::format("permission denied for role {}", catalog::quote_identifier(role.text)))
      .with_detail(std::string(why))
      .with_position(role.position);
}

}  // namespace metadb::server
