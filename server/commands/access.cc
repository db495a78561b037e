#include "catalog/access.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "server/commands/access_change.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::AccessObject;
using catalog::Connection;
using catalog::Error;
using catalog::FoundObject;
using catalog::ObjectType;

const ast::Name& schema_of(const ast::AccessObject& object) {
  if (const auto* table = std::get_if<ast::QualifiedName>(&object)) return table->schema;
  return std::get<ast::FunctionSignature>(object).name.schema;
}

// As the log names it.
std::string words_of(const ast::AccessObject& object) {
  if (const auto* table = std::get_if<ast::QualifiedName>(&object)) {
    return fmt::format("table {}.{}", table->schema.text, table->name.text);
  }
  const auto* function = std::get_if<ast::FunctionSignature>(&object);
  if (function == nullptr) return "all";
  return fmt::format("function {}.{}", function->name.schema.text, function->name.name.text);
}

AccessObject access_object(Connection& connection, const ast::AccessObject& object) {
  if (const auto* table = std::get_if<ast::QualifiedName>(&object)) {
    return {ObjectType::table, table->schema.text, table->name.text};
  }
  const auto& function = std::get<ast::FunctionSignature>(object);
  std::vector<std::string> types;
  for (const ast::TypeName& type : function.argument_types) types.push_back(type.sql);
  return catalog::access_object(connection,
                                {function.name.schema.text, function.name.name.text, types});
}

Error no_such_object(const AccessObject& object) {
  if (object.type == ObjectType::table) {
    return {"42P01", fmt::format("relation \"{}.{}\" does not exist", object.schema, object.name)};
  }
  return {"42883", fmt::format("{} does not exist", object.described())};
}

// What the system user keeps in its own schema holds the secrets of data sources; the rest of these
// is PostgreSQL's. Nobody but a superuser decides about what a superuser owns.
void require_grantable(CommandContext& context, const FoundObject& found) {
  const AccessObject& object = found.object;
  const bool is_system = object.schema.starts_with("pg_") || object.schema == "information_schema";
  const bool is_ours = object.schema == "metadb" && object.name != "base_table" &&
                       object.name != "log" && object.name != "table_update";
  Connection& connection = context.connection();
  const bool is_foreign = found.is_owner_superuser && found.owner != connection.user() &&
                          connection
                                  .exec("SELECT FROM pg_roles WHERE rolname = $1 AND rolsuper",
                                        {context.session().caller.user})
                                  .rows() == 0;
  if (!is_system && !is_ours && !is_foreign) return;
  throw Error("42501", fmt::format("permission denied for {}", object.described()))
      .with_detail(is_system || is_ours
                       ? "Access to system objects is not granted."
                       : "Only a superuser may grant access to what a superuser owns.");
}

template <class Work>
void at_object(const ast::AccessObject& object, const Work& work) {
  try {
    work();
  } catch (Error& error) {
    if (error.position == 0) error.position = schema_of(object).position;
    throw;
  }
}

// Everybody may execute a new function, and rights come by other ways as well.
void tell_what_stays(Connection& connection, const std::string& user, const FoundObject& found,
                     std::vector<Notice>& notices) {
  const bool is_table = found.object.type == ObjectType::table;
  const catalog::Result has = connection.exec(
      is_table ? "SELECT has_table_privilege($1, format('%I.%I', $2::text, $3::text), 'SELECT')"
               : "SELECT has_function_privilege($1, format('%I.', $2::text) || $3, 'EXECUTE')",
      {user, found.object.schema, found.object.name});
  if (!has.boolean(0, 0)) return;
  notices.push_back(
      {.message = fmt::format("{} still has access to {}", catalog::quote_identifier(user),
                              found.object.described()),
       .detail = "It owns it, is a member of a role that has access, or everybody has."});
}

void grant_on(CommandContext& context, Connection& connection, const ast::GrantAccess& command) {
  at_object(command.object, [&] {
    const AccessObject object = access_object(connection, command.object);
    const auto found = catalog::find_object(connection, object);
    if (!found) throw no_such_object(object);
    require_grantable(context, *found);
    catalog::grant_access(connection, {command.user.text, object});
  });
}

void revoke_on(Connection& connection, const ast::RevokeAccess& command,
               std::vector<Notice>& notices) {
  const std::string& user = command.user.text;
  const AccessObject object = access_object(connection, command.object);
  const auto found = catalog::find_object(connection, object);
  const bool was_granted = catalog::revoke_access(connection, {user, object});
  if (!found && !was_granted) throw no_such_object(object);
  if (catalog::has_access(connection, {user, object})) {
    throw Error("55000", fmt::format("user {} has access on all, which covers {}",
                                     catalog::quote_identifier(user), object.described()))
        .with_hint(fmt::format("Revoke it with: revoke access on all from {}",
                               catalog::quote_identifier(user)));
  }
  if (!was_granted) {
    notices.push_back(
        {.message = fmt::format("access on {} was not granted to {}", object.described(),
                                catalog::quote_identifier(user))});
  }
  if (found) tell_what_stays(connection, user, *found, notices);
}

void revoke_on_all(Connection& connection, const std::string& user, std::vector<Notice>& notices) {
  const std::string name = catalog::quote_identifier(user);
  if (!catalog::revoke_access(connection, {user, std::nullopt})) {
    notices.push_back({.message = fmt::format("access on all was not granted to {}", name)});
  }
  const int64_t kept = catalog::grants_by_name(connection, user);
  if (kept == 0) return;
  notices.push_back({.message = fmt::format("{} keeps what was granted by name ({})", name, kept),
                     .hint = "LIST authorizations names it; revoke it object by object."});
}

}  // namespace

Reply run(const ast::GrantAccess& command, CommandContext& context) {
  require_administrator(context, "GRANT ACCESS");
  change_access(context, [&](Connection& connection, std::vector<Notice>&) {
    require_registration(connection, command.user);
    if (std::holds_alternative<ast::AllObjects>(command.object)) {
      catalog::grant_access(connection, {command.user.text, std::nullopt});
    } else {
      grant_on(context, connection, command);
    }
  });
  spdlog::info("access on {} granted to {} by {}", words_of(command.object), command.user.text,
               context.session().caller.user);
  return {};
}

Reply run(const ast::RevokeAccess& command, CommandContext& context) {
  require_administrator(context, "REVOKE ACCESS");
  change_access(context, [&](Connection& connection, std::vector<Notice>& notices) {
    require_registration(connection, command.user);
    if (!std::holds_alternative<ast::AllObjects>(command.object)) {
      at_object(command.object, [&] { revoke_on(connection, command, notices); });
    } else {
      revoke_on_all(connection, command.user.text, notices);
    }
  });
  spdlog::info("access on {} revoked from {} by {}", words_of(command.object), command.user.text,
               context.session().caller.user);
  return {};
}

}  // namespace metadb::server
