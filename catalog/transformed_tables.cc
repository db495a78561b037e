#include "catalog/transformed_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "catalog/sql_time.h"

namespace metadb::catalog {
namespace {

constexpr std::string_view kRoot = "__root__";

// Of leaves: a statement planned over partitions locks them all.
std::vector<std::string> leaves_of(const Table& table) {
  std::vector<std::string> out = {table.current()};
  for (const int year : table.years) out.push_back(table.leaf(year));
  return out;
}

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

int64_t derive_texts(Connection& connection, const Table& parent, const Table& child,
                     const std::string& column, const DocumentPlace& place) {
  const std::string name = quote_identifier(column);
  std::vector<std::string> steps;
  for (const DocumentPlace::Step& step : place.path) {
    steps.push_back(step.is_ordinal ? fmt::format("(c.{} - 1)::text", quote_identifier(step.name))
                                    : quote_literal(step.name));
  }
  // PostgreSQL takes no U+0000 out of a document; what is no json by type may be no JSON at all.
  const std::string document = "p." + quote_identifier(place.document);
  const auto type = parent.column(place.document)->type;
  const std::string value =
      type == PgType::json || type == PgType::jsonb
          ? fmt::format(
                "CASE WHEN {0}::text NOT LIKE {1} THEN {0}::json #>> ARRAY[{2}]::text[] END",
                document, quote_literal("%\\\\u0000%"), fmt::join(steps, ", "))
          : "NULL::text";
  const std::string same = same_root(parent, child);
  int64_t kept = 0;
  for (const std::string& leaf : leaves_of(child)) {
    // Of versions that ended when they began, several of the parent may have been the one.
    kept += connection
                .exec(fmt::format(
                    "WITH derived AS MATERIALIZED (SELECT c.ctid AS at, c.{0} AS former, {1} AS v "
                    "FROM {2} c LEFT JOIN {3} p ON {4} AND p.__start <= c.__start AND c.__start < "
                    "p.__end AND c.__start < c.__end WHERE c.{0} IS NOT NULL), changed AS (UPDATE "
                    "{2} c SET {0} = d.v FROM derived d WHERE c.ctid = d.at AND d.v <> d.former "
                    "RETURNING 1) SELECT count(*) FILTER (WHERE v IS NULL) FROM derived",
                    name, value, leaf, parent.main(), same))
                .int64(0, 0);
  }
  return kept;
}

}  // namespace metadb::catalog
