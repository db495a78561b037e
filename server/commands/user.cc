#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "catalog/access.h"
#include "catalog/external_sql.h"
#include "catalog/users.h"
#include "server/commands/access_change.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"
#include "server/scram.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::Connection;
using catalog::Error;
using catalog::quote_identifier;

// Most objects that a notice names, as PostgreSQL names dependent objects.
constexpr int kObjectsNamed = 100;
constexpr std::string_view kHeir = "metadb_estate";

// What PostgreSQL stores: a text that is a verifier or a hash already is taken as it is, as CREATE
// ROLE does.
std::string stored_form(const ast::Secret& password) {
  if (password.text.empty()) {
    throw Error("22023", "the password is empty").with_position(password.position);
  }
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const bool is_md5 = password.text.size() == 35 && password.text.starts_with("md5") &&
                      std::all_of(password.text.begin() + 3, password.text.end(), is_hex);
  if (is_md5 || read_verifier(password.text)) return password.text;
  return make_verifier(password.text);
}

void create_role(Connection& connection, const ast::Name& name, const std::string& verifier) {
  try {
    connection.exec(fmt::format("CREATE ROLE {} LOGIN PASSWORD {}", quote_identifier(name.text),
                                catalog::quote_literal(verifier)));
  } catch (Error& error) {
    error.position = name.position;
    if (error.sqlstate == "42710") {
      error.hint = fmt::format("To register a role that exists, use: register user {}",
                               quote_identifier(name.text));
    }
    throw;
  }
}

// Shown by psql, too, and by other tools.
void comment_on_role(Connection& connection, const ast::CreateUser& command) {
  if (!command.comment) return;
  connection.exec(fmt::format("COMMENT ON ROLE {} IS {}", quote_identifier(command.name.text),
                              catalog::quote_literal(command.comment->text)));
}

// A workspace that a user of this name left behind: it belongs to the system user, and nobody
// writes tables there but users.
bool is_abandoned(Connection& connection, const std::string& schema, const std::string& owner) {
  return connection
             .exec(
                 "SELECT FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner"
                 " WHERE n.nspname = $1 AND r.rolname = $2"
                 " AND n.nspname NOT IN ('metadb', 'public', 'information_schema')"
                 " AND NOT EXISTS (SELECT FROM aclexplode(n.nspacl) x WHERE x.grantee <> n.nspowner"
                 "   AND x.privilege_type = 'CREATE')"
                 " AND NOT EXISTS (SELECT FROM metadb.base_table WHERE schema_name = n.nspname)"
                 " AND NOT EXISTS (SELECT FROM metadb.table_update WHERE schema_name = n.nspname)",
                 {schema, owner})
             .rows() > 0;
}

// External SQL runs as the system user in its schema, whether that is made yet or not: nobody else
// may create anything there.
void refuse_schema_of_external_sql(Connection& connection, const ast::Name& user) {
  for (const catalog::ExternalSql& each :
       catalog::load_external_sql(connection, catalog::load_settings(connection))) {
    if (each.schema != user.text) continue;
    throw Error("42P06", fmt::format("schema {} is that of external SQL \"{}\"",
                                     quote_identifier(user.text), each.name))
        .with_hint("The workspace of a user has the user's name.")
        .with_position(user.position);
  }
}

// The schema where the user works, named like the user.
void make_workspace(Connection& connection, const ast::Name& user, const std::string& owner,
                    std::vector<Notice>& notices) {
  refuse_schema_of_external_sql(connection, user);
  const std::string name = quote_identifier(user.text);
  const bool exists =
      connection.exec("SELECT FROM pg_namespace WHERE nspname = $1", {user.text}).rows() > 0;
  if (!exists) {
    connection.exec(
        fmt::format("CREATE SCHEMA {} AUTHORIZATION {}", name, quote_identifier(owner)));
  } else if (is_abandoned(connection, user.text, owner)) {
    notices.push_back({.message = fmt::format("schema {} was there already", name),
                       .detail = "What is in it belongs to its owners as before."});
  } else {
    throw Error("42P06", fmt::format("schema {} already exists", name))
        .with_hint("The workspace of a user has the user's name.")
        .with_position(user.position);
  }
  connection.exec(fmt::format("GRANT CREATE ON SCHEMA {0} TO {0}", name));
  connection.exec(fmt::format("GRANT USAGE ON SCHEMA {0} TO {0} WITH GRANT OPTION", name));
}

bool role_exists(Connection& connection, const std::string& name) {
  return connection.exec("SELECT FROM pg_roles WHERE rolname = $1", {name}).rows() > 0;
}

// Published by name, in the order of the commits: no SQL is run after COMMIT that a cancel request
// could end, with a user who is registered and not known.
template <class Change>
void change_users(CommandContext& context, const Change& change, const AccessWork& work) {
  const Turns::Turn turn = context.user_turns().take(context.session().stop());
  change_access(context, work);
  context.catalog().publish([&](catalog::Snapshot& next) { change(next.users); });
}

void register_as(CommandContext& context, const std::string& user, const AccessWork& work) {
  change_users(
      context, [&](catalog::Users& users) { users.insert(user); }, work);
}

void forget(CommandContext& context, const std::string& user, const AccessWork& work) {
  change_users(
      context, [&](catalog::Users& users) { users.erase(user); }, work);
}

// PostgreSQL's words for one list of objects.
std::string lines_of(const catalog::Result& objects, std::string_view prefix) {
  std::vector<std::string> lines;
  for (int row = 0; row < std::min(objects.rows(), kObjectsNamed); ++row) {
    lines.push_back(fmt::format("{}{}", prefix, objects.text(row, 0)));
  }
  if (objects.rows() > kObjectsNamed) {
    lines.push_back(fmt::format("and {} other objects", objects.rows() - kObjectsNamed));
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

// A database is not this one's to hand over.
void refuse_owner_of_databases(Connection& connection, const ast::Name& user) {
  const catalog::Result shared = connection.exec(
      "SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_shdepend d"
      " JOIN pg_roles r ON r.oid = d.refobjid WHERE d.refclassid = 'pg_authid'::regclass"
      " AND d.deptype = 'o' AND d.dbid = 0 AND r.rolname = $1 ORDER BY 1",
      {user.text});
  if (shared.rows() == 0) return;
  throw Error("2BP01", fmt::format("role {} cannot be dropped because some objects depend on it",
                                   quote_identifier(user.text)))
      .with_detail(lines_of(shared, "owner of "))
      .with_position(user.position);
}

// Of what depends on another object, that one is named.
catalog::Result owned_objects(Connection& connection, const std::string& user) {
  return connection.exec(
      "SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_shdepend d"
      " JOIN pg_roles r ON r.oid = d.refobjid JOIN pg_database b ON b.oid = d.dbid"
      " WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o' AND r.rolname = $1"
      " AND b.datname = current_database() AND NOT EXISTS (SELECT FROM pg_depend p"
      "   WHERE p.classid = d.classid AND p.objid = d.objid AND p.deptype IN ('a', 'i')"
      "   AND p.refclassid = 'pg_class'::regclass)"
      " UNION ALL SELECT 'schema ' || quote_ident(n.nspname) FROM pg_namespace n"
      " JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = $1 AND r.rolname <> $1"
      " ORDER BY 1",
      {user});
}

// Who is no superuser acts for a role as its member.
void join(Connection& connection, const std::string& role) {
  const catalog::Result has = connection.exec("SELECT pg_has_role($1, 'USAGE')", {role});
  if (has.boolean(0, 0)) return;
  connection.exec(fmt::format("GRANT {} TO CURRENT_USER", quote_identifier(role)));
}

// The heir of dropped users. A function that runs as its owner, a view, a default or an index of
// theirs would do with the rights of whoever owns it what its author wrote: the heir has none, and
// nobody logs in as it. The system user is a member, and can give things away.
void make_heir(Connection& connection, const std::string& system_user) {
  const std::string heir = quote_identifier(kHeir);
  if (!role_exists(connection, std::string(kHeir)))
    connection.exec(fmt::format("CREATE ROLE {} NOLOGIN", heir));
  connection.exec(fmt::format("GRANT {} TO {}", heir, quote_identifier(system_user)));
}

// Who owns something in a schema needs CREATE there, unless a superuser makes it the owner.
void reassign(Connection& connection, const ast::Name& user) {
  const std::string name = quote_identifier(user.text);
  const std::string heir = quote_identifier(kHeir);
  const bool has_workspace =
      connection.exec("SELECT FROM pg_namespace WHERE nspname = $1", {user.text}).rows() > 0;
  if (has_workspace)
    connection.exec(fmt::format("GRANT USAGE, CREATE ON SCHEMA {} TO {}", name, heir));
  connection.exec(fmt::format("REASSIGN OWNED BY {} TO {}", name, heir));
  if (has_workspace) connection.exec(fmt::format("REVOKE CREATE ON SCHEMA {} FROM {}", name, heir));
}

void drop_role(Connection& connection, const ast::Name& user, const std::string& system_user,
               std::vector<Notice>& notices) {
  const std::string name = quote_identifier(user.text);
  refuse_owner_of_databases(connection, user);
  const catalog::Result kept = owned_objects(connection, user.text);
  join(connection, user.text);
  make_heir(connection, system_user);
  join(connection, std::string(kHeir));
  reassign(connection, user);
  // Only privileges are left to it.
  if (connection.exec("SELECT rolsuper FROM pg_roles WHERE rolname = session_user").boolean(0, 0))
    catalog::revoke_foreign_grants(connection, user.text);
  connection.exec(fmt::format("DROP OWNED BY {}", name));
  connection.exec(fmt::format("DROP ROLE {}", name));
  // Of those to whom it had granted the use of its workspace.
  catalog::repair_access(connection, user.text);
  if (kept.rows() == 0) return;
  notices.push_back({.message = fmt::format("what user {} owned is kept and belongs to {} now",
                                            name, quote_identifier(kHeir)),
                     .detail = lines_of(kept, "")});
}

void log_change(CommandContext& context, std::string_view user, std::string_view what) {
  spdlog::info("user {} {} by {}", user, what, context.session().caller.user);
}

}  // namespace

Reply run(const ast::CreateUser& command, CommandContext& context) {
  require_administrator(context, ast::CreateUser::kTag);
  const std::string verifier = stored_form(command.password);
  const std::string owner = context.connection().user();
  register_as(context, command.name.text,
              [&](Connection& connection, std::vector<Notice>& notices) {
                create_role(connection, command.name, verifier);
                // A registration under this name is that of a role which somebody dropped.
                connection.exec("DELETE FROM metadb.auth WHERE username = $1", {command.name.text});
                catalog::register_user(
                    connection, {command.name.text, command.comment ? command.comment->text : ""});
                comment_on_role(connection, command);
                make_workspace(connection, command.name, owner, notices);
              });
  log_change(context, command.name.text, "created");
  return {};
}

Reply run(const ast::DropUser& command, CommandContext& context) {
  require_administrator(context, ast::DropUser::kTag);
  const std::string& name = command.name.text;
  require_power_over(context, command.name);
  if (name == context.session().caller.user) {
    throw Error("55006", "current user cannot be dropped").with_position(command.name.position);
  }
  const std::string system_user = context.connection().user();
  forget(context, name, [&](Connection& connection, std::vector<Notice>& notices) {
    require_registration(connection, command.name);
    catalog::forget_access(connection, name);
    catalog::deregister_user(connection, name);
    if (role_exists(connection, name)) {
      drop_role(connection, command.name, system_user, notices);
    } else {
      notices.push_back(
          {.message = fmt::format("role {} does not exist, its registration is removed",
                                  quote_identifier(name))});
    }
  });
  log_change(context, name, "dropped");
  return {};
}

Reply run(const ast::RegisterUser& command, CommandContext& context) {
  require_administrator(context, ast::RegisterUser::kTag);
  require_power_over(context, command.name);
  register_as(context, command.name.text, [&](Connection& connection, std::vector<Notice>&) {
    if (!role_exists(connection, command.name.text)) {
      throw Error("42704",
                  fmt::format("role {} does not exist", quote_identifier(command.name.text)))
          .with_hint(fmt::format("Create it with: create user {} with password '...'",
                                 quote_identifier(command.name.text)))
          .with_position(command.name.position);
    }
    catalog::register_user(connection, {command.name.text, ""});
  });
  log_change(context, command.name.text, "registered");
  return {};
}

Reply run(const ast::DeregisterUser& command, CommandContext& context) {
  require_administrator(context, ast::DeregisterUser::kTag);
  require_power_over(context, command.name);
  forget(context, command.name.text, [&](Connection& connection, std::vector<Notice>&) {
    require_registration(connection, command.name);
    catalog::forget_access(connection, command.name.text);
    catalog::deregister_user(connection, command.name.text);
  });
  log_change(context, command.name.text, "deregistered");
  return {};
}

Reply run(const ast::CreateSchemaForUser& command, CommandContext& context) {
  require_administrator(context, "CREATE SCHEMA FOR USER");
  const std::string owner = context.connection().user();
  change_access(context, [&](Connection& connection, std::vector<Notice>& notices) {
    require_registration(connection, command.user);
    make_workspace(connection, command.user, owner, notices);
  });
  log_change(context, command.user.text, "given a schema");
  return {};
}

}  // namespace metadb::server
