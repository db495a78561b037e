#include "catalog/catalog.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "catalog/access.h"
#include "catalog/migrations.h"
#include "catalog/origins.h"

namespace metadb::catalog {
namespace {

void create_admin_role(Connection& connection) {
  if (connection.exec("SELECT 1 FROM pg_roles WHERE rolname = 'metadb_admin'").rows() > 0) return;
  try {
    connection.exec("CREATE ROLE metadb_admin NOLOGIN");
  } catch (const Error& error) {
    const bool is_there_now = error.sqlstate == "42710" || error.sqlstate == "23505";
    if (is_there_now) return;  // another server was faster
    if (error.sqlstate != "42501") throw;
    spdlog::warn(
        "the role metadb_admin could not be created ({}): only superusers and the system user can "
        "run "
        "metadb's commands",
        error.what());
  }
}

// So that public.ps(), which is the system user's, sees what others run.
void let_system_user_see_activity(Connection& superuser, const std::string& system_user) {
  if (superuser
          .exec("SELECT pg_has_role(rolname, 'pg_read_all_stats', 'USAGE') FROM pg_roles "
                "WHERE rolname = $1",
                {system_user})
          .boolean(0, 0)) {
    return;
  }
  try {
    superuser.exec("GRANT pg_read_all_stats TO " + quote_identifier(system_user));
  } catch (const Error& error) {
    spdlog::warn("ps() can't show what users run: {}", error.what());
  }
}

void create_version_function(Connection& connection, const std::string& version) {
  connection.exec(
      fmt::format("CREATE OR REPLACE FUNCTION public.mdbversion() RETURNS text LANGUAGE sql "
                  "IMMUTABLE PARALLEL SAFE AS $$ SELECT {}::text $$",
                  quote_literal(version)));
}

Snapshot load(Connection& connection) {
  Snapshot out;
  for (DataSource& source : load_sources(connection))
    out.sources.emplace(source.name, std::move(source));
  for (SourceTable& table : load_source_tables(connection))
    out.source_tables.emplace(table.key, std::move(table));
  for (Table& table : load_tables(connection)) {
    const TableName name(table.schema, table.current_name);
    out.tables.emplace(name, std::make_shared<const Table>(std::move(table)));
  }
  out.origins = load_origins(connection);
  out.json_mappings = load_json_mappings(connection);
  out.users = load_users(connection);
  out.settings = load_settings(connection);
  out.installation_id = connection.exec("SELECT id FROM metadb.installation LIMIT 1").text(0, 0);
  return out;
}

// What ALTER ROLE, ALTER DATABASE or the server's configuration may have set otherwise. What we do
// ends by limits of its own, if any; and who looks behind a lock wants to see what its last holder
// has committed, which the other levels of isolation do not show. A database that is made read-only
// stays so.
constexpr std::string_view kSessionSettings =
    "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
    "SET default_transaction_isolation = 'read committed'; SET default_transaction_deferrable = "
    "off; SET search_path = pg_catalog";

}  // namespace

Connection Catalog::connected(const std::string& conninfo) {
  Connection connection(conninfo);
  connection.exec(std::string(kSessionSettings));
  if (connection.server_version() >= 140000) connection.exec("SET idle_session_timeout = 0");
  if (connection.server_version() >= 170000) connection.exec("SET transaction_timeout = 0");
  return connection;
}

void Catalog::open(const std::string& version) {
  Connection connection = connect();
  migrate(connection);
  create_version_function(connection, version);
  Connection superuser = connect_superuser();
  create_admin_role(superuser);
  create_access_trigger(superuser);
  let_system_user_see_activity(superuser, connection.user());
  reload(connection);
}

std::shared_ptr<const Snapshot> Catalog::snapshot() const {
  const std::scoped_lock lock(mutex_);
  return current_;
}

void Catalog::reload(Connection& connection) {
  const std::scoped_lock publishing(publishing_);
  // One REPEATABLE READ transaction, so that all parts are of one moment.
  Transaction transaction(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  // The names of types must say their schema, since writers have no other in their search path.
  connection.exec("SET LOCAL search_path = pg_catalog");
  // Better to say so and come again than to hang behind somebody's lock.
  connection.exec("SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '30s'");
  auto loaded = std::make_shared<const Snapshot>(load(connection));
  transaction.commit();
  const std::scoped_lock lock(mutex_);
  current_ = std::move(loaded);
}

void Catalog::publish(const std::function<void(Snapshot&)>& change) {
  const std::scoped_lock publishing(publishing_);
  auto copy = std::make_shared<Snapshot>(*snapshot());
  change(*copy);
  const std::scoped_lock lock(mutex_);
  current_ = std::move(copy);
}

}  // namespace metadb::catalog
