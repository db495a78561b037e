#include "catalog/table_indexes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace metadb::catalog {
namespace {

bool is_bounded(const Column& column) {
  return column.type && row_of(*column.type).is_bounded && row_of(*column.type).has_btree;
}

// The text of arrays and ranges depends on settings, as far as PostgreSQL knows: no index may be
// built over it. They are indexed as they are, and a long one is refused.
bool has_stable_text(const Column& column) {
  return column.type && row_of(*column.type).has_btree &&
         (row_of(*column.type).element || *column.type == PgType::numrange);
}

// On the current leaf: at most one current row per origin and key (invariant 1).
void create_unique_index(Connection& connection, const Table& table) {
  if (table.key_columns.empty()) return;
  std::vector<std::string> unique;
  for (const std::string& name : table.key_columns)
    unique.push_back("(" + key_expression(key_column(table, name)) + ")");
  connection.exec(fmt::format("CREATE UNIQUE INDEX {} ON {} (__origin, {})",
                              quote_identifier(table.history_name + "key"), table.current(),
                              fmt::join(unique, ", ")));
}

// On the main table, to find versions: a btree over the bounded columns of the key, a hash index
// for each other one, since a btree entry refuses long values.
std::vector<std::string> version_index_sql(const Table& table) {
  std::vector<std::string> out;
  std::vector<std::string> bounded;
  for (const std::string& name : table.key_columns) {
    if (is_bounded(key_column(table, name))) bounded.push_back(quote_identifier(name));
  }
  int number = 0;
  const auto index_name = [&] {
    return quote_identifier(fmt::format("{}k{}", table.history_name, number++));
  };
  if (!bounded.empty()) {
    out.push_back(fmt::format("CREATE INDEX IF NOT EXISTS {} ON {} ({})", index_name(),
                              table.main(), fmt::join(bounded, ", ")));
  }
  for (const std::string& name : table.key_columns) {
    const Column& column = key_column(table, name);
    if (is_bounded(column)) continue;
    const bool is_hashable = column.type && has_hash(*column.type);
    out.push_back(fmt::format(
        "CREATE INDEX IF NOT EXISTS {} ON {} USING hash ({})", index_name(), table.main(),
        is_hashable ? quote_identifier(name) : "(" + key_expression(column) + ")"));
  }
  return out;
}

bool is_indexed(Connection& connection, const Table& table, const std::string& column) {
  return connection
      .exec(
          "SELECT EXISTS (SELECT FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid "
          "AND a.attnum = x.indkey[0] WHERE x.indrelid = $1::regclass AND a.attname = $2)",
          {table.main(), column})
      .boolean(0, 0);
}

}  // namespace

const Column& key_column(const Table& table, const std::string& name) {
  const Column* column = table.column(name);
  if (column == nullptr) {
    throw Error("XX000",
                fmt::format("key column \"{}\" is missing in table {}", name, table.main()));
  }
  return *column;
}

std::string key_expression(const Column& column, std::string_view prefix) {
  const std::string name = std::string(prefix) + quote_identifier(column.name);
  if (is_bounded(column) || has_stable_text(column)) return name;
  return fmt::format("md5({}::text)",
                     column.type == PgType::numeric ? fmt::format("trim_scale({})", name) : name);
}

void drop_key_indexes(Connection& connection, const Table& table) {
  // A primary key has at most 32 columns (INDEX_MAX_KEYS), so there are at most 33 of these.
  std::vector<std::string> names = {quote_qualified(table.schema, table.history_name + "key")};
  for (int i = 0; i <= 32; ++i) {
    names.push_back(quote_qualified(table.schema, fmt::format("{}k{}", table.history_name, i)));
  }
  connection.exec(fmt::format("DROP INDEX IF EXISTS {}", fmt::join(names, ", ")));
}

void create_key_indexes(Connection& connection, const Table& table) {
  create_unique_index(connection, table);
  for (const std::string& sql : version_index_sql(table)) connection.exec(sql);
}

void create_indexes(Connection& connection, const Table& table) {
  if (table.lacks_indexes) {
    create_unique_index(connection, table);
    return;
  }
  connection.exec(fmt::format("CREATE INDEX ON {} (__id)", table.main()));
  create_key_indexes(connection, table);
  for (const Column& column : table.columns) index_uuid_column(connection, table, column);
}

bool build_indexes(Connection& connection, const Table& table) {
  const Result lacking = connection.exec(
      "SELECT FROM metadb.managed_table WHERE schema_name = $1 AND table_name = $2 AND "
      "lacks_indexes FOR UPDATE",
      {table.schema, table.current_name});
  if (lacking.rows() == 0) return false;
  connection.exec(
      "SELECT set_config(name, wanted, true) FROM pg_settings JOIN (VALUES "
      "('maintenance_work_mem', 262144, '256MB'), ('max_parallel_maintenance_workers', 4, '4')) "
      "v(name, number, wanted) USING (name) WHERE setting::bigint < number");
  if (!is_indexed(connection, table, "__id"))
    connection.exec(fmt::format("CREATE INDEX ON {} (__id)", table.main()));
  for (const std::string& sql : version_index_sql(table)) connection.exec(sql);
  for (const Column& column : table.columns) {
    if (column.type == PgType::uuid && !is_indexed(connection, table, column.name))
      index_uuid_column(connection, table, column);
  }
  connection.exec(
      "UPDATE metadb.managed_table SET lacks_indexes = false WHERE schema_name = $1 AND table_name "
      "= $2",
      {table.schema, table.current_name});
  return true;
}

std::vector<TableName> tables_loaded(Connection& connection, const std::string& source_name) {
  const Result rows = connection.exec(
      "SELECT m.schema_name, m.table_name FROM metadb.managed_table m JOIN metadb.base_table b "
      "USING (schema_name, table_name) LEFT JOIN metadb.table_update u USING (schema_name, "
      "table_name) "
      "WHERE m.lacks_indexes AND b.source_name = $1 AND coalesce(u.last_update, '-infinity') < "
      "now() - interval '30 s'",
      {source_name});
  std::vector<TableName> out;
  for (int row = 0; row < rows.rows(); ++row)
    out.emplace_back(std::string(rows.text(row, 0)), std::string(rows.text(row, 1)));
  return out;
}

void index_uuid_column(Connection& connection, const Table& table, const Column& column) {
  if (column.type != PgType::uuid) return;
  const bool is_indexed_key = table.key_columns.size() == 1 && table.key_columns[0] == column.name;
  if (is_indexed_key) return;
  connection.exec(
      fmt::format("CREATE INDEX ON {} ({})", table.main(), quote_identifier(column.name)));
}

}  // namespace metadb::catalog
