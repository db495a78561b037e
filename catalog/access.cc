#include "catalog/access.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

namespace metadb::catalog {
namespace {

// Beside those of migrations and claims.
constexpr std::string_view kLock = "SELECT pg_advisory_xact_lock(1835361384, 21)";
constexpr std::string_view kSharedLock = "SELECT pg_advisory_xact_lock_shared(1835361384, 21)";

std::string type_of(const AccessObject& object) {
  return {static_cast<char>(object.type)};
}

// A condition on the rows of the views, with its parameters.
struct Filter {
  std::string condition;
  std::vector<Param> params;
};

Filter filter_of(const AccessChange& change) {
  Filter filter{"user_name = $1", {change.user}};
  if (!change.object) return filter;
  filter.condition += " AND schema_name = $2 AND object_name = $3 AND object_type = $4";
  filter.params.insert(filter.params.end(),
                       {change.object->schema, change.object->name, type_of(*change.object)});
  return filter;
}

void apply_missing(Connection& connection, const Filter& filter) {
  const Result grants = connection.exec(
      fmt::format("SELECT DISTINCT format('GRANT USAGE ON SCHEMA %I TO %I', schema_name, user_name)"
                  " FROM metadb.access WHERE NOT has_usage AND {0}"
                  " UNION ALL SELECT format('GRANT %s ON %s TO %I', privilege, object, user_name)"
                  " FROM metadb.access WHERE NOT is_granted AND {0}",
                  filter.condition),
      filter.params);
  for (int row = 0; row < grants.rows(); ++row) connection.exec(std::string(grants.text(row, 0)));
}

// PostgreSQL only warns where somebody who is not the owner grants what he may not.
void check_applied(Connection& connection, const Filter& filter) {
  const Result missing = connection.exec(
      fmt::format("SELECT object FROM metadb.access WHERE NOT (is_granted AND has_usage) AND {} "
                  "LIMIT 1",
                  filter.condition),
      filter.params);
  if (missing.rows() == 0) return;
  throw Error("42501", fmt::format("permission denied to grant access on {}", missing.text(0, 0)))
      .with_detail(
          fmt::format("It does not belong to \"{}\", which is no superuser.", connection.user()));
}

struct Held {
  std::string schema;
  std::string object;  // as GRANT names it
  std::string privilege;
  auto operator<=>(const Held&) const = default;
};

// What a user has by grants of ours. An owner has it anyway.
std::set<Held> held_by(Connection& connection, const std::string& user) {
  const Result rows = connection.exec(
      "SELECT schema_name, object, privilege FROM metadb.access"
      " WHERE user_name = $1 AND is_granted AND NOT is_owner",
      {user});
  std::set<Held> held;
  for (int row = 0; row < rows.rows(); ++row) {
    held.insert({std::string(rows.text(row, 0)), std::string(rows.text(row, 1)),
                 std::string(rows.text(row, 2))});
  }
  return held;
}

void revoke_usage_if_idle(Connection& connection, const std::string& schema,
                          const std::string& user) {
  const Result idle = connection.exec(
      "SELECT FROM pg_namespace n, pg_roles r WHERE n.nspname = $1 AND r.rolname = $2"
      " AND EXISTS (SELECT FROM aclexplode(n.nspacl) x WHERE x.grantee = r.oid"
      "   AND x.privilege_type = 'USAGE' AND NOT x.is_grantable)"
      " AND NOT EXISTS (SELECT FROM aclexplode(n.nspacl) x WHERE x.grantee = r.oid"
      "   AND x.privilege_type = 'CREATE')"
      " AND NOT EXISTS (SELECT FROM pg_class c, aclexplode(c.relacl) x"
      "   WHERE c.relnamespace = n.oid AND x.grantee = r.oid)"
      " AND NOT EXISTS (SELECT FROM pg_proc p, aclexplode(p.proacl) x"
      "   WHERE p.pronamespace = n.oid AND x.grantee = r.oid)"
      " AND NOT EXISTS (SELECT FROM metadb.access a"
      "   WHERE a.schema_name = n.nspname AND a.user_name = r.rolname)",
      {schema, user});
  if (idle.rows() == 0) return;
  connection.exec(fmt::format("REVOKE USAGE ON SCHEMA {} FROM {}", quote_identifier(schema),
                              quote_identifier(user)));
}

// Takes back what `before` holds and the grants that are left no longer ask for. What the user has
// granted onwards goes with it; those who have access by grants of ours get their own again.
void revoke_unwanted(Connection& connection, const std::string& user,
                     const std::set<Held>& before) {
  const std::set<Held> wanted = held_by(connection, user);
  std::set<std::string> schemas;
  for (const Held& held : before) {
    if (wanted.contains(held)) continue;
    connection.exec(fmt::format("REVOKE {} ON {} FROM {} CASCADE", held.privilege, held.object,
                                quote_identifier(user)));
    schemas.insert(held.schema);
  }
  for (const std::string& schema : schemas) {
    revoke_usage_if_idle(connection, schema, user);
    apply_missing(connection, {"schema_name = $1", {schema}});
  }
}

}  // namespace

std::string AccessObject::described() const {
  if (type == ObjectType::table) return fmt::format("table {}.{}", schema, name);
  return fmt::format("function {}.{}", schema, name);
}

AccessObject access_object(Connection& connection, const TypedFunction& function) {
  std::vector<Param> types;
  connection.exec("SELECT set_config('search_path', 'pg_catalog, public', true)");
  for (const std::string& type : function.argument_types) {
    types.push_back(connection.exec("SELECT to_regtype($1)::oid", {type}).optional_text(0, 0));
  }
  connection.exec("SELECT set_config('search_path', 'pg_catalog', true)");
  std::vector<std::string> names;
  for (size_t i = 0; i < types.size(); ++i) {
    if (!types[i]) names.push_back(function.argument_types[i]);
    if (types[i])
      names.emplace_back(connection.exec("SELECT format_type($1, NULL)", {types[i]}).text(0, 0));
  }
  const Result quoted = connection.exec("SELECT quote_ident($1)", {function.name});
  return {ObjectType::function, function.schema,
          fmt::format("{}({})", quoted.text(0, 0), fmt::join(names, ", "))};
}

namespace {

std::optional<FoundObject> find_table(Connection& connection, const AccessObject& table) {
  const Result rows = connection.exec(
      "SELECT r.rolname, r.rolsuper, c.relkind IN ('r', 'p', 'v', 'm', 'f')"
      " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
      " JOIN pg_roles r ON r.oid = c.relowner WHERE n.nspname = $1 AND c.relname = $2",
      {table.schema, table.name});
  if (rows.rows() == 0) return std::nullopt;
  if (!rows.boolean(0, 2)) {
    throw Error("42809", fmt::format("\"{}.{}\" is not a table, view or materialized view",
                                     table.schema, table.name));
  }
  return FoundObject{table, std::string(rows.text(0, 0)), rows.boolean(0, 1)};
}

std::optional<FoundObject> find_function(Connection& connection, const AccessObject& function) {
  const Result rows = connection.exec(
      "SELECT r.rolname, r.rolsuper FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
      " JOIN pg_roles r ON r.oid = p.proowner WHERE n.nspname = $1"
      " AND quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' = $2",
      {function.schema, function.name});
  if (rows.rows() == 0) return std::nullopt;
  return FoundObject{function, std::string(rows.text(0, 0)), rows.boolean(0, 1)};
}

}  // namespace

std::optional<FoundObject> find_object(Connection& connection, const AccessObject& object) {
  return object.type == ObjectType::table ? find_table(connection, object)
                                          : find_function(connection, object);
}

void lock_access(Connection& connection) {
  const std::string before(connection.exec("SHOW lock_timeout").text(0, 0));
  connection.exec("SET LOCAL lock_timeout = '10s'");
  try {
    connection.exec(std::string(kLock));
  } catch (const Error& error) {
    if (error.sqlstate != "55P03") throw;
    throw Error("55P03", "access cannot be changed while tables are being made")
        .with_detail("A transaction that makes tables has not ended for ten seconds.")
        .with_hint("Try again when it has.");
  }
  connection.exec("SELECT set_config('lock_timeout', $1, true)", {before});
}

void apply_access(Connection& connection, const std::string& schema, const std::string& table) {
  connection.exec(std::string(kSharedLock));
  apply_missing(connection,
                {"schema_name = $1 AND object_name = $2 AND object_type = 't'", {schema, table}});
}

void grant_access(Connection& connection, const AccessChange& change) {
  if (change.object) {
    connection.exec(
        "INSERT INTO metadb.acl (user_name, schema_name, object_name, object_type, privilege)"
        " VALUES ($1, $2, $3, $4, 'a') ON CONFLICT DO NOTHING",
        filter_of(change).params);
  } else {
    connection.exec("INSERT INTO metadb.acl_all (user_name) VALUES ($1) ON CONFLICT DO NOTHING",
                    {change.user});
  }
  const Filter filter = filter_of(change);
  apply_missing(connection, filter);
  check_applied(connection, filter);
}

bool revoke_access(Connection& connection, const AccessChange& change) {
  const std::set<Held> before = held_by(connection, change.user);
  const Filter filter = filter_of(change);
  const Result deleted = connection.exec(
      fmt::format("DELETE FROM {} WHERE {}", change.object ? "metadb.acl" : "metadb.acl_all",
                  filter.condition),
      filter.params);
  revoke_unwanted(connection, change.user, before);
  return deleted.affected() > 0;
}

bool has_access(Connection& connection, const AccessChange& change) {
  const Filter filter = filter_of(change);
  return connection
             .exec(
                 fmt::format("SELECT FROM metadb.access_wanted WHERE {} LIMIT 1", filter.condition),
                 filter.params)
             .rows() > 0;
}

int64_t grants_by_name(Connection& connection, const std::string& user) {
  return connection.exec("SELECT count(*) FROM metadb.acl WHERE user_name = $1", {user})
      .int64(0, 0);
}

void forget_access(Connection& connection, const std::string& user) {
  const std::set<Held> before = held_by(connection, user);
  connection.exec("DELETE FROM metadb.acl WHERE user_name = $1", {user});
  connection.exec("DELETE FROM metadb.acl_all WHERE user_name = $1", {user});
  revoke_unwanted(connection, user, before);
}

// Only a grantor takes back its own grant.
void revoke_foreign_grants(Connection& connection, const std::string& role) {
  const Result rows = connection.exec(
      "SELECT DISTINCT pg_get_userbyid(o.grantor), o.object, o.schema FROM ("
      " SELECT x.grantor, x.grantee, c.relowner AS owner, n.nspname AS schema,"
      "   format('TABLE %I.%I', n.nspname, c.relname) AS object"
      "   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) x"
      "   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')"
      " UNION ALL SELECT x.grantor, x.grantee, p.proowner, n.nspname,"
      "   format('ROUTINE %I.%I(%s)', n.nspname, p.proname,"
      "     pg_get_function_identity_arguments(p.oid))"
      "   FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, aclexplode(p.proacl) x"
      " UNION ALL SELECT x.grantor, x.grantee, n.nspowner, n.nspname,"
      "   format('SCHEMA %I', n.nspname) FROM pg_namespace n, aclexplode(n.nspacl) x) o"
      " JOIN pg_roles r ON r.oid = o.grantee WHERE r.rolname = $1 AND o.grantor <> o.owner",
      {role});
  std::set<std::string> schemas;
  for (int row = 0; row < rows.rows(); ++row) {
    connection.exec("SET LOCAL ROLE " + quote_identifier(rows.text(row, 0)));
    connection.exec(
        fmt::format("REVOKE ALL ON {} FROM {} CASCADE", rows.text(row, 1), quote_identifier(role)));
    connection.exec("RESET ROLE");
    schemas.emplace(rows.text(row, 2));
  }
  for (const std::string& schema : schemas) repair_access(connection, schema);
}

void repair_access(Connection& connection, const std::string& schema) {
  apply_missing(connection, {"schema_name = $1", {schema}});
}

}  // namespace metadb::catalog
