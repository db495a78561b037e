#include "catalog/dependents.h"

#include <fmt/format.h>

#include <algorithm>

namespace metadb::catalog {
namespace {

// Main table, current table, history and its leaves.
constexpr std::string_view kTree =
    "WITH RECURSIVE tree(oid) AS (SELECT to_regclass($1)::oid UNION ALL SELECT i.inhrelid FROM "
    "tree t "
    "JOIN pg_inherits i ON i.inhparent = t.oid) ";

constexpr std::string_view kLocksInTree =
    "FROM tree t JOIN pg_locks l ON l.relation = t.oid AND l.granted AND l.database = (SELECT oid "
    "FROM pg_database WHERE datname = current_database()) ";

std::string list_of(const Result& rows) {
  return rows.rows() == 0 || rows.is_null(0, 0) ? "" : std::string(rows.text(0, 0));
}

}  // namespace

std::string views_on(Connection& connection, const Table& table, const std::string& column) {
  return list_of(connection.exec(
      std::string(kTree) +
          "SELECT string_agg(DISTINCT format('%s %I.%I of %I', CASE c.relkind WHEN 'm' THEN "
          "'materialized view' WHEN 'v' THEN 'view' ELSE 'a rule of' END, n.nspname, c.relname, "
          "pg_get_userbyid(c.relowner)), ', ') FROM tree t "
          "JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = $2 "
          "JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND "
          "d.refobjsubid = a.attnum AND d.classid = 'pg_rewrite'::regclass "
          "JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class c ON c.oid = r.ev_class "
          "JOIN pg_namespace n ON n.oid = c.relnamespace",
      {table.main(), column}));
}

std::string lock_holders(Connection& connection, const Table& table) {
  return list_of(connection.exec(
      std::string(kTree) +
          "SELECT string_agg(DISTINCT format('process %s of %I', l.pid, coalesce(s.usename, "
          "'nobody')), ', ') " +
          std::string(kLocksInTree) +
          "JOIN pg_stat_activity s ON s.pid = l.pid WHERE l.pid <> pg_backend_pid()",
      {table.main()}));
}

bool is_closed_to_writers(Connection& connection, const std::vector<std::string>& main_tables) {
  return std::ranges::any_of(main_tables, [&](const std::string& main_table) {
    return connection
        .exec(std::string(kTree) + "SELECT EXISTS (SELECT " + std::string(kLocksInTree) +
                  "WHERE l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', "
                  "'AccessExclusiveLock') AND l.pid <> pg_backend_pid())",
              {main_table})
        .boolean(0, 0);
  });
}

}  // namespace metadb::catalog
