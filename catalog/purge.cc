#include "catalog/purge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace metadb::catalog {
namespace {

// (schema_name, table_name) IN (...)
std::string named(const std::set<TableName>& tables, std::string_view prefix = "") {
  std::vector<std::string> names;
  for (const auto& [schema, table] : tables)
    names.push_back(fmt::format("({}, {})", quote_literal(schema), quote_literal(table)));
  return fmt::format("({0}schema_name, {0}table_name) IN ({1})", prefix, fmt::join(names, ", "));
}

// Those of a table that still exist; a partition is there twice, by itself and with its parent.
std::vector<std::string> relations_of(Connection& connection, const std::set<TableName>& tables) {
  const Result rows = connection.exec(
      "SELECT format('%I.%I', n.nspname, c.relname) FROM metadb.managed_table m "
      "JOIN pg_namespace n ON n.nspname = m.schema_name JOIN pg_class c ON c.relnamespace = n.oid "
      "AND c.relname IN (m.table_name || '__', m.table_name, m.history_name, m.sync_name) AND "
      "c.relkind IN ('r', 'p') WHERE " +
      named(tables, "m.") + " ORDER BY 1");
  std::vector<std::string> out;
  for (int row = 0; row < rows.rows(); ++row) out.emplace_back(rows.text(row, 0));
  return out;
}

void drop_relations(Connection& connection, const std::set<TableName>& tables) {
  const std::vector<std::string> relations = relations_of(connection, tables);
  if (relations.empty()) return;
  try {
    // In one statement, so that what they have in common is no dependent of one of them.
    connection.exec(fmt::format("DROP TABLE {}", fmt::join(relations, ", ")));
  } catch (Error& error) {
    if (error.sqlstate == "2BP01")
      error.hint = "Drop what depends on it first: PURGE DATA drops nothing of a user's.";
    if (error.sqlstate == "53200" && error.hint.find("max_locks") != std::string::npos) {
      error.hint =
          "Purge fewer tables with one command, or raise max_locks_per_transaction of the "
          "database.";
    }
    throw;
  }
}

void forget_topics(Connection& connection, const std::string& source, const std::string& topic) {
  for (const char* table : {"ingest_position", "ingest_watermark", "dead_letter"}) {
    connection.exec(
        fmt::format("DELETE FROM metadb.{} WHERE source_name = $1 AND topic = $2", table),
        {source, topic});
  }
}

// Locks the row of the source, so that it does not begin to run meanwhile.
bool is_running(Connection& connection, const std::string& source) {
  const Result rows =
      connection.exec("SELECT enable FROM metadb.source WHERE name = $1 FOR SHARE", {source});
  return rows.rows() > 0 && rows.boolean(0, 0);
}

}  // namespace

std::set<TableName> with_derived(Connection& connection, const std::set<TableName>& tables) {
  const Result rows = connection.exec(
      "WITH RECURSIVE wanted AS (SELECT m.schema_name, m.table_name FROM metadb.managed_table m "
      "WHERE " +
      named(tables, "m.") +
      " UNION SELECT b.schema_name, b.table_name FROM wanted w JOIN metadb.base_table b ON "
      "b.parent_schema_name = w.schema_name AND b.parent_table_name = w.table_name) "
      "SELECT schema_name, table_name FROM wanted");
  std::set<TableName> out;
  for (int row = 0; row < rows.rows(); ++row)
    out.emplace(std::string(rows.text(row, 0)), std::string(rows.text(row, 1)));
  return out;
}

Purged purge(Connection& connection, const std::set<TableName>& tables) {
  Purged purged{tables, {}, {}, {}};
  drop_relations(connection, tables);
  const Result fed =
      connection.exec("DELETE FROM metadb.source_table WHERE " + named(tables) +
                      " RETURNING source_name, source_db, source_schema, source_table, topic");
  for (int row = 0; row < fed.rows(); ++row) {
    purged.source_tables.push_back({std::string(fed.text(row, 0)), std::string(fed.text(row, 1)),
                                    std::string(fed.text(row, 2)), std::string(fed.text(row, 3))});
    purged.topics[std::string(fed.text(row, 0))].emplace(fed.text(row, 4));
  }
  for (const char* table :
       {"base_table", "managed_table", "column_name", "chosen_type", "unresolved", "displaced",
        "table_update", "transform_json", "dead_letter"}) {
    connection.exec(fmt::format("DELETE FROM metadb.{} WHERE {}", table, named(tables)));
  }
  for (const auto& [source, of_source] : purged.topics) {
    if (is_running(connection, source)) continue;
    for (const std::string& topic : of_source) {
      const Result others = connection.exec(
          "SELECT FROM metadb.source_table WHERE source_name = $1 AND topic = $2 LIMIT 1",
          {source, topic});
      if (others.rows() > 0) continue;
      forget_topics(connection, source, topic);
      purged.forgotten_topics[source].insert(topic);
    }
  }
  return purged;
}

}  // namespace metadb::catalog
