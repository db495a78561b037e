#include "server/external_sql_require.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <set>

#include "ingest/names.h"

namespace metadb::server {
namespace {

using catalog::Column;
using catalog::Connection;
using catalog::Error;
using catalog::Table;

// Readers of the table must not queue behind the DDL for longer.
constexpr std::string_view kLockTimeout = "SET LOCAL lock_timeout = '3s'";

// Length and precision are not carried: varchar(36) is text, numeric(10,2) numeric.
std::string without_modifiers(std::string type) {
  const size_t open = type.find('(');
  const size_t close = type.find(')', open);
  if (open != std::string::npos && close != std::string::npos) type.erase(open, close + 1 - open);
  return type;
}

Column column_of(Connection& connection, const RequiredColumn& required) {
  const auto found =
      connection.exec("SELECT pg_catalog.format_type(pg_catalog.to_regtype($1), NULL)",
                      {without_modifiers(required.type)});
  const std::string name = found.optional_text(0, 0).value_or("");
  const auto type = catalog::pg_type_named(name);
  if (!type) {
    throw Error("42704",
                fmt::format("--metadb:require: there is no type \"{}\" for column {}.{}.{}",
                            required.type, required.schema, required.table, required.column));
  }
  return {required.column, std::string(catalog::row_of(*type).name), type};
}

std::string source_for(const catalog::Snapshot& snapshot, const RequiredColumn& required) {
  std::set<std::string> candidates;
  for (const auto& [name, table] : snapshot.tables) {
    if (name.first == required.schema) candidates.insert(table->source_name);
  }
  if (candidates.empty()) {
    for (const auto& [name, source] : snapshot.sources) candidates.insert(name);
  }
  if (candidates.size() == 1) return *candidates.begin();
  throw Error("55000",
              fmt::format("--metadb:require: table {}.{} does not exist, and {} it would be of",
                          required.schema, required.table,
                          candidates.empty() ? "there is no data source that"
                                             : "it is open which data source"));
}

Table new_table(const catalog::Snapshot& snapshot, const RequiredColumn& required, Column column) {
  const ingest::TableNames names(required.table);
  Table table;
  table.schema = required.schema;
  table.current_name = names.current;
  table.main_name = names.main;
  table.history_name = names.history;
  table.sync_name = names.sync;
  table.source_name = source_for(snapshot, required);
  table.columns = {std::move(column)};
  return table;
}

// A table or view that is not managed has the column.
bool is_elsewhere(Connection& connection, const RequiredColumn& required) {
  const auto columns = connection.exec(
      "SELECT bool_or(a.attname = $3) FROM pg_catalog.pg_class c"
      " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
      " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped"
      " WHERE n.nspname = $1 AND c.relname = $2",
      {required.schema, required.table, required.column});
  if (columns.is_null(0, 0)) return false;
  if (columns.boolean(0, 0)) return true;
  throw Error("42703",
              fmt::format("--metadb:require: column {}.{}.{} does not exist, and the table "
                          "is none of a data source",
                          required.schema, required.table, required.column));
}

}  // namespace

void require_column(catalog::Catalog& catalog, Connection& connection,
                    const RequiredColumn& required) {
  const auto snapshot = catalog.snapshot();
  const auto found = snapshot->tables.find({required.schema, required.table});
  const bool is_managed = found != snapshot->tables.end();
  const bool is_ours = required.column.starts_with("__");
  if (is_managed && (is_ours || found->second->column(required.column) != nullptr)) return;
  if (!is_managed && is_elsewhere(connection, required)) return;
  const Column column = column_of(connection, required);
  catalog::Transaction transaction(connection);
  connection.exec(std::string(kLockTimeout));
  if (is_managed) {
    catalog::add_column(connection, *found->second, column);
  } else {
    catalog::create_table(connection, new_table(*snapshot, required, column));
  }
  transaction.commit();
  catalog.reload(connection);
  spdlog::info("external SQL requires {}.{}.{}: {} made", required.schema, required.table,
               required.column, is_managed ? "column" : "table");
}

}  // namespace metadb::server
