#include "catalog/transformed_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "catalog/sql_time.h"

namespace metadb::catalog {
namespace {

constexpr std::string_view kRoot = "__root__";

}  // namespace

std::string root_source_column(std::string_view key_column) {
  return fmt::format("{}{}", kRoot, key_column);
}

bool names_roots(const Table& parent, const Table& child) {
  std::vector<std::string> roots;
  for (const std::string& name : parent.key_columns) {
    const Column* root = child.column_of_source(root_source_column(name));
    if (root == nullptr || parent.column(name) == nullptr) return false;
    roots.push_back(root->name);
  }
  // What else is in its key counts elements.
  const auto is_root = [&](const std::string& name) {
    const auto found =
        std::ranges::find(child.renamed, name, [](const auto& pair) { return pair.second; });
    return (found == child.renamed.end() ? name : found->first).starts_with(kRoot);
  };
  std::vector<std::string> named;
  std::ranges::copy_if(child.key_columns, std::back_inserter(named), is_root);
  return !roots.empty() && named == roots;
}

// Of a mapping that was dropped, the rows keep the types that the key had then.
std::string same_root(const Table& parent, const Table& child) {
  std::string same = "p.__origin = c.__origin";
  for (const std::string& name : parent.key_columns) {
    const Column& key = *parent.column(name);
    const Column& root = *child.column_of_source(root_source_column(name));
    if (key.type_name == root.type_name) {
      same += fmt::format(" AND {} = {}", key_expression(key, "p."), key_expression(root, "c."));
    } else {
      same += fmt::format(" AND p.{}::text = c.{}::text", quote_identifier(key.name),
                          quote_identifier(root.name));
    }
  }
  return same;
}

bool may_hold_json(const Column& column) {
  return column.type == PgType::json || column.type == PgType::jsonb || column.type == PgType::text;
}

std::vector<TableName> derived_from(Connection& connection, const TableName& parent) {
  const Result rows = connection.exec(
      "WITH RECURSIVE derived AS (SELECT $1::text AS s, $2::text AS t UNION SELECT "
      "b.schema_name::text, b.table_name::text FROM derived d JOIN metadb.base_table b ON "
      "b.transformed AND b.parent_schema_name = d.s AND b.parent_table_name = d.t) SELECT s, t "
      "FROM derived WHERE (s, t) <> ($1, $2) ORDER BY 1, 2",
      {parent.first, parent.second});
  std::vector<TableName> out;
  for (int row = 0; row < rows.rows(); ++row)
    out.emplace_back(std::string(rows.text(row, 0)), std::string(rows.text(row, 1)));
  return out;
}

void adopt_table(Connection& connection, const Table& table) {
  connection.exec(
      "UPDATE metadb.base_table SET transformed = true, source_name = $3, parent_schema_name = $4, "
      "parent_table_name = $5 WHERE schema_name = $1 AND table_name = $2",
      {table.schema, table.current_name, table.source_name, table.parent.first,
       table.parent.second});
}

void add_ordinal(Connection& connection, const Table& table, const Column& column) {
  const std::string name = quote_identifier(column.name);
  connection.exec(fmt::format("ALTER TABLE {} ADD COLUMN {} {} DEFAULT 1", table.main(), name,
                              column.type_name));
  connection.exec(fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT", table.main(), name));
  Table with = table;
  with.columns.push_back(column);
  std::vector<std::string> key = table.key_columns;
  key.push_back(column.name);
  change_key(connection, with, {key, ""});
}

void rename_column_source(Connection& connection, const Table& table, const std::string& source,
                          const std::string& column) {
  connection.exec(
      "DELETE FROM metadb.column_name WHERE schema_name = $1 AND table_name = $2 AND "
      "(source_column "
      "= $3 OR column_name = $4)",
      {table.schema, table.current_name, source, column});
  if (source != column) record_column_name(connection, table, source, column);
}

int64_t end_rows_now(Connection& connection, const Table& table) {
  return connection
      .exec(fmt::format(
          "WITH gone AS (DELETE FROM {0} RETURNING *) INSERT INTO {1} (__id, __start, __end, "
          "__current, __origin{2}) SELECT __id, __start, greatest(__start, now()), false, "
          "__origin{2} FROM gone",
          table.current(), table.history(), columns_sql(table)))
      .affected();
}

int64_t end_rows_without_root(Connection& connection, const Table& parent, const Table& child,
                              const RootsGone& gone) {
  return connection
      .exec(fmt::format(
          "WITH gone AS (DELETE FROM {0} c WHERE c.__origin = {1} AND NOT EXISTS (SELECT FROM {2} "
          "p WHERE {3}) RETURNING *) INSERT INTO {4} (__id, __start, __end, __current, "
          "__origin{5}) SELECT __id, __start, greatest(__start, {6}), false, __origin{5} FROM gone",
          child.current(), quote_literal(gone.origin), parent.current(), same_root(parent, child),
          child.history(), columns_sql(child), time_literal(gone.end_us)))
      .affected();
}

int64_t empty_columns_now(Connection& connection, const Table& table,
                          const std::vector<std::string>& columns) {
  std::vector<std::string> present;
  std::string emptied;
  for (const Column& column : table.columns) {
    const std::string name = quote_identifier(column.name);
    const bool is_emptied = std::ranges::find(columns, column.name) != columns.end();
    if (is_emptied) present.push_back(name + " IS NOT NULL");
    emptied += is_emptied ? fmt::format(", NULL::{}", column.type_name) : ", " + name;
  }
  if (present.empty()) return 0;
  // Both in one statement, which sees no row of its own.
  return connection
      .exec(fmt::format(
          "WITH gone AS (DELETE FROM {0} WHERE {6} RETURNING *), kept AS (INSERT INTO {1} (__id, "
          "__start, __end, __current, __origin{2}) SELECT __id, __start, greatest(__start, now()), "
          "false, __origin{2} FROM gone) INSERT INTO {0} (__id, __start, __end, __current, "
          "__origin{2}) SELECT nextval({3}::regclass), greatest(__start, now()), {4}, true, "
          "__origin{5} FROM gone ORDER BY __id",
          table.current(), table.history(), columns_sql(table), quote_literal(table.id_sequence),
          kNoEnd, emptied, fmt::join(present, " OR ")))
      .affected();
}

void raise_last_end_to_now(Connection& connection, const TableName& parent) {
  connection.exec(
      "UPDATE metadb.source_table SET last_end = greatest(last_end, now()) WHERE schema_name = $1 "
      "AND table_name = $2",
      {parent.first, parent.second});
}

}  // namespace metadb::catalog
