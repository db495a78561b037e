#include "catalog/tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "catalog/access.h"
#include "catalog/bit_types.h"
#include "catalog/carried_types.h"
#include "catalog/table_indexes.h"

namespace metadb::catalog {
namespace {

std::string text_array(const std::vector<std::string>& items) {
  std::vector<std::string> quoted;
  for (const std::string& item : items) quoted.push_back(quote_literal(item));
  return fmt::format("ARRAY[{}]::text[]", fmt::join(quoted, ", "));
}

// Each new version of a row is a new row, and the old one is dead: by default a fifth of the table,
// and more of its indexes, would be, and be cleared more slowly than ingest fills it. No fillfactor
// helps, since __id is indexed.
constexpr std::string_view kVacuumedEarly =
    "autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_limit = 2000, "
    "toast.autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_cost_limit = 2000";

std::string column_list_sql(const Table& table) {
  std::string out;
  for (const Column& column : table.columns) {
    out += fmt::format(", {} {}", quote_identifier(column.name), column.type_name);
  }
  return out;
}

// Returns the revision.
int64_t register_table(Connection& connection, const Table& table) {
  connection.exec(
      "INSERT INTO metadb.base_table (schema_name, table_name, source_name, transformed, "
      "parent_schema_name, parent_table_name) VALUES ($1, $2, $3, $4, $5, $6)",
      {table.schema, table.current_name, table.source_name, table.is_transformed ? "t" : "f",
       table.parent.first, table.parent.second});
  return connection
      .exec(fmt::format("INSERT INTO metadb.managed_table (schema_name, table_name, history_name, "
                        "sync_name, key_columns, lacks_indexes) VALUES ($1, $2, $3, $4, {}, $5) "
                        "RETURNING revision",
                        text_array(table.key_columns)),
            {table.schema, table.current_name, table.history_name, table.sync_name,
             table.lacks_indexes ? "t" : "f"})
      .int64(0, 0);
}

// Rows of one query, each with (schema, table) first, handed to the table they belong to.
using TableIndex = std::map<TableName, Table*>;

// What restricts a query over managed tables `m` to one of them.
std::string only_sql(const std::optional<TableName>& only) {
  if (!only) return "";
  return fmt::format(" AND m.schema_name = {} AND m.table_name = {}", quote_literal(only->first),
                     quote_literal(only->second));
}

// nullptr: the catalog names a table that somebody dropped.
Table* table_of(const TableIndex& by_name, const Result& rows, int row) {
  const auto found = by_name.find({std::string(rows.text(row, 0)), std::string(rows.text(row, 1))});
  return found == by_name.end() ? nullptr : found->second;
}

TypeChoice choice_of(const Result& rows, int row, int column) {
  if (rows.is_null(row, column)) return TypeChoice::events;
  return rows.boolean(row, column) ? TypeChoice::inferred : TypeChoice::by_hand;
}

// Modifiers are not carried: values are the source's, whatever a modifier would make of them. Those
// of bit and character are part of what a cast means: `bit` is one bit, `character` one character.
void load_columns(Connection& connection, const TableIndex& by_name,
                  const std::optional<TableName>& only) {
  const Result rows = connection.exec(
      "SELECT m.schema_name, m.table_name, a.attname, format_type(a.atttypid, "
      "CASE WHEN a.atttypid IN ('bit'::regtype, 'bpchar'::regtype) THEN a.atttypmod END), "
      "t.is_inferred, CASE WHEN a.atttypid = 'uuid'::regtype THEN NOT EXISTS (SELECT FROM "
      "pg_inherits h JOIN pg_attribute o ON o.attrelid = h.inhparent AND o.attname = a.attname "
      "JOIN pg_index x ON x.indrelid = h.inhparent AND x.indkey[0] = o.attnum WHERE h.inhrelid = "
      "c.oid) ELSE false END "
      "FROM metadb.managed_table m JOIN pg_namespace n ON n.nspname = m.schema_name "
      "JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = m.table_name "
      "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
      "LEFT JOIN metadb.chosen_type t ON t.schema_name = m.schema_name AND t.table_name = "
      "m.table_name AND t.column_name = a.attname "
      "WHERE a.attname NOT IN ('__id', '__start', '__end', '__current', '__origin') " +
      only_sql(only) + " ORDER BY m.schema_name, m.table_name, a.attnum");
  for (int row = 0; row < rows.rows(); ++row) {
    Table* table = table_of(by_name, rows, row);
    if (table == nullptr) continue;
    const std::string type_name(rows.text(row, 3));
    table->columns.push_back({std::string(rows.text(row, 2)), type_name, pg_type_named(type_name),
                              choice_of(rows, row, 4)});
    if (rows.boolean(row, 5)) table->unindexed.emplace(rows.text(row, 2));
  }
}

void load_keys(Connection& connection, const TableIndex& by_name,
               const std::optional<TableName>& only) {
  const Result rows = connection.exec(
      "SELECT m.schema_name, m.table_name, k.name FROM metadb.managed_table m, "
      "unnest(m.key_columns) WITH ORDINALITY k(name, position) WHERE true" +
      only_sql(only) + " ORDER BY 1, 2, k.position");
  for (int row = 0; row < rows.rows(); ++row) {
    if (Table* table = table_of(by_name, rows, row))
      table->key_columns.emplace_back(rows.text(row, 2));
  }
}

// A leaf is named by its year. One that somebody else has made is known by its bounds, which are
// printed in the session's time zone and style, and read in the same. Printing them waits for a
// lock on the leaf, which a command that rewrites the table holds for as long as that takes.
void load_years(Connection& connection, const TableIndex& by_name,
                const std::optional<TableName>& only) {
  const Result rows = connection.exec(
      "SELECT m.schema_name, m.table_name, CASE WHEN starts_with(c.relname, m.history_name) AND "
      "substr(c.relname, length(m.history_name) + 1) ~ '^[0-9]{4}$' "
      "THEN substr(c.relname, length(m.history_name) + 1)::int ELSE "
      "extract(year FROM substring(pg_get_expr(c.relpartbound, "
      "c.oid) FROM 'FROM \\(''([^'']+)''\\)')::timestamptz AT TIME ZONE 'UTC')::int END "
      "FROM metadb.managed_table m JOIN pg_namespace n ON n.nspname = m.schema_name "
      "JOIN pg_class h ON h.relnamespace = n.oid AND h.relname = m.history_name "
      "JOIN pg_inherits i ON i.inhparent = h.oid JOIN pg_class c ON c.oid = i.inhrelid WHERE true" +
      only_sql(only));
  for (int row = 0; row < rows.rows(); ++row) {
    if (rows.is_null(row, 2)) continue;
    if (Table* table = table_of(by_name, rows, row))
      table->years.insert(static_cast<int>(rows.int64(row, 2)));
  }
}

void load_renamed(Connection& connection, const TableIndex& by_name,
                  const std::optional<TableName>& only) {
  const Result rows = connection.exec(
      "SELECT m.schema_name, m.table_name, m.source_column, m.column_name FROM metadb.column_name "
      "m WHERE true" +
      only_sql(only));
  for (int row = 0; row < rows.rows(); ++row) {
    if (Table* table = table_of(by_name, rows, row)) {
      table->renamed[std::string(rows.text(row, 2))] = rows.text(row, 3);
    }
  }
}

}  // namespace

const Column* Table::column(std::string_view name) const {
  const auto found = std::ranges::find(columns, name, &Column::name);
  return found == columns.end() ? nullptr : &*found;
}

const Column* Table::column_of_source(const std::string& name) const {
  const auto found = renamed.find(name);
  if (found != renamed.end()) return column(found->second);
  // A column that stands for another source column is not ours to use under its own name.
  const bool is_taken =
      std::ranges::any_of(renamed, [&](const auto& pair) { return pair.second == name; });
  return is_taken ? nullptr : column(name);
}

std::vector<Table> load_tables(Connection& connection, const std::optional<TableName>& only) {
  const Result rows = connection.exec(
      "SELECT m.schema_name, m.table_name, m.history_name, m.sync_name, b.source_name, "
      "b.transformed, "
      "c.relname, pg_get_serial_sequence(quote_ident(m.schema_name) || '.' || "
      "quote_ident(c.relname), '__id'), m.revision, b.parent_schema_name, b.parent_table_name, "
      "m.key_since > 0, m.lacks_indexes "
      "FROM metadb.managed_table m JOIN metadb.base_table b USING (schema_name, table_name) "
      "JOIN pg_namespace n ON n.nspname = m.schema_name "
      "JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = m.table_name "
      "JOIN pg_inherits i ON i.inhrelid = t.oid JOIN pg_class c ON c.oid = i.inhparent WHERE "
      "true" +
      only_sql(only) + " ORDER BY 1, 2");
  std::vector<Table> tables(static_cast<size_t>(rows.rows()));
  TableIndex by_name;
  for (int row = 0; row < rows.rows(); ++row) {
    Table& table = tables[static_cast<size_t>(row)];
    table.schema = rows.text(row, 0);
    table.current_name = rows.text(row, 1);
    table.history_name = rows.text(row, 2);
    table.sync_name = rows.text(row, 3);
    table.source_name = rows.text(row, 4);
    table.is_transformed = rows.boolean(row, 5);
    table.main_name = rows.text(row, 6);
    table.id_sequence = rows.text(row, 7);
    table.revision = rows.int64(row, 8);
    table.parent = {std::string(rows.text(row, 9)), std::string(rows.text(row, 10))};
    table.has_changed_key = rows.boolean(row, 11);
    table.lacks_indexes = rows.boolean(row, 12);
    by_name[{table.schema, table.current_name}] = &table;
  }
  load_columns(connection, by_name, only);
  load_keys(connection, by_name, only);
  load_years(connection, by_name, only);
  load_renamed(connection, by_name, only);
  return tables;
}

std::string columns_sql(const Table& table, std::string_view prefix) {
  std::string out;
  for (const Column& column : table.columns)
    out += fmt::format(", {}{}", prefix, quote_identifier(column.name));
  return out;
}

Table create_table(Connection& connection, const Table& table) {
  connection.exec("CREATE SCHEMA IF NOT EXISTS " + quote_identifier(table.schema));
  connection.exec(
      fmt::format("CREATE TABLE {} (__id bigint GENERATED BY DEFAULT AS IDENTITY, __start "
                  "timestamptz NOT NULL, "
                  "__end timestamptz NOT NULL, __current boolean NOT NULL, __origin varchar(63) "
                  "NOT NULL DEFAULT ''{}) "
                  "PARTITION BY LIST (__current)",
                  table.main(), column_list_sql(table)));
  connection.exec(fmt::format("CREATE TABLE {} PARTITION OF {} FOR VALUES IN (true) WITH ({})",
                              table.current(), table.main(), kVacuumedEarly));
  connection.exec(fmt::format(
      "CREATE TABLE {} PARTITION OF {} FOR VALUES IN (false) PARTITION BY RANGE (__start)",
      table.history(), table.main()));
  connection.exec(
      fmt::format("CREATE TABLE {} (__id bigint PRIMARY KEY, generation bigint NOT NULL)",
                  quote_qualified(table.schema, table.sync_name)));
  create_indexes(connection, table);
  Table created = table;
  created.revision = register_table(connection, table);
  created.id_sequence =
      connection.exec("SELECT pg_get_serial_sequence($1, '__id')", {table.main()}).text(0, 0);
  apply_access(connection, table.schema, table.main_name);
  apply_access(connection, table.schema, table.current_name);
  return created;
}

namespace {

void record_choice(Connection& connection, const Table& table, const Column& column) {
  if (column.choice == TypeChoice::events) {
    connection.exec(
        "DELETE FROM metadb.chosen_type WHERE schema_name = $1 AND table_name = $2 AND column_name "
        "= $3",
        {table.schema, table.current_name, column.name});
    return;
  }
  connection.exec(
      "INSERT INTO metadb.chosen_type (schema_name, table_name, column_name, is_inferred) VALUES "
      "($1, $2, $3, $4) ON CONFLICT (schema_name, table_name, column_name) DO UPDATE SET "
      "is_inferred = $4",
      {table.schema, table.current_name, column.name,
       column.choice == TypeChoice::inferred ? "t" : "f"});
}

}  // namespace

void add_column(Connection& connection, const Table& table, const Column& column) {
  connection.exec(fmt::format("ALTER TABLE {} ADD COLUMN {} {}", table.main(),
                              quote_identifier(column.name), column.type_name));
  record_choice(connection, table, column);  // or forget that of one which somebody dropped
}

void drop_column(Connection& connection, const Table& table, const Column& column) {
  connection.exec(
      fmt::format("ALTER TABLE {} DROP COLUMN {}", table.main(), quote_identifier(column.name)));
  Column forgotten = column;
  forgotten.choice = TypeChoice::events;
  record_choice(connection, table, forgotten);
}

void record_column_name(Connection& connection, const Table& table, std::string_view source_column,
                        std::string_view column) {
  connection.exec(
      "INSERT INTO metadb.column_name (schema_name, table_name, source_column, column_name) VALUES "
      "($1, $2, $3, $4)",
      {table.schema, table.current_name, std::string(source_column), std::string(column)});
}

namespace {

// A uuid column has a btree, which refuses long values of a wider type.
void drop_plain_indexes(Connection& connection, const Table& table, const Column& column) {
  const Result indexes = connection.exec(
      "SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
      "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid "
      "WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 AND i.indnatts = 1 "
      "AND i.indkey[0] = a.attnum",
      {table.schema, table.main_name, column.name});
  for (int row = 0; row < indexes.rows(); ++row)
    connection.exec(fmt::format("DROP INDEX {}", indexes.text(row, 0)));
}

}  // namespace

std::string cast_column_sql(const Column& from, const Column& to) {
  const std::string name = quote_identifier(from.name);
  if (from.type && to.type) return cast_sql(*from.type, *to.type, name);
  if (from.type == PgType::bytea) {
    if (const auto sql = carried_cast_sql(PgType::bytea, to.type_name, name)) return *sql;
  }
  if (bit_length(to.type_name)) return exact_bits_sql(name, to.type_name);
  return fmt::format("{}::text::{}", name, to.type_name);
}

void change_types(Connection& connection, const Table& table, const std::vector<Column>& to) {
  const auto is_key = [&](const Column& column) {
    return std::ranges::find(table.key_columns, column.name) != table.key_columns.end();
  };
  const bool has_key = std::ranges::any_of(to, is_key);
  if (has_key) drop_key_indexes(connection, table);
  Table changed = table;
  std::vector<std::string> actions;
  for (const Column& column : to) {
    Column& from = *std::ranges::find(changed.columns, column.name, &Column::name);
    if (from.type == PgType::uuid) drop_plain_indexes(connection, table, from);
    actions.push_back(fmt::format("ALTER COLUMN {} TYPE {} USING {}", quote_identifier(column.name),
                                  column.type_name, cast_column_sql(from, column)));
    from = column;
  }
  connection.exec(fmt::format("ALTER TABLE {} {}", table.main(), fmt::join(actions, ", ")));
  if (has_key) create_key_indexes(connection, changed);
  for (const Column& column : to) {
    index_uuid_column(connection, changed, column);
    record_choice(connection, table, column);
  }
}

void revise(Connection& connection, const Table& table) {
  connection.exec(
      "UPDATE metadb.managed_table SET revision = nextval('metadb.table_revision') WHERE "
      "schema_name = $1 AND table_name = $2",
      {table.schema, table.current_name});
}

void add_year(Connection& connection, const Table& table, int year) {
  // PARTITION OF would lock out readers of the whole table; ATTACH does not. From PostgreSQL 17 on
  // the history inherits the identity of __id, and a leaf gets it by being attached: one that has
  // an identity of its own is refused. Up to 16 no partition has one, and nothing of ours needs it:
  // rows take __id from the main table's sequence.
  connection.exec(fmt::format("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING IDENTITY)",
                              table.leaf(year), table.history()));
  connection.exec(
      fmt::format("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ('{:04}-01-01 00:00:00+00') "
                  "TO ('{:04}-01-01 00:00:00+00')",
                  table.history(), table.leaf(year), year, year + 1));
}

std::set<int> years_of_rows(Connection& connection, const Table& table) {
  const Result rows = connection.exec(
      fmt::format("SELECT DISTINCT extract(year FROM __start AT TIME ZONE 'UTC')::int FROM {} "
                  "UNION SELECT extract(year FROM last_end AT TIME ZONE 'UTC')::int FROM "
                  "metadb.source_table WHERE schema_name = $1 AND table_name = $2 AND "
                  "isfinite(last_end)",
                  table.current()),
      {table.schema, table.current_name});
  std::set<int> out;
  for (int row = 0; row < rows.rows(); ++row) out.insert(static_cast<int>(rows.int64(row, 0)));
  return out;
}

namespace {

// What rows of one current row per origin and key have in common.
std::vector<std::string> identity_of(const Table& table) {
  std::vector<std::string> identity = {"__origin"};
  for (const std::string& name : table.key_columns)
    identity.push_back(key_expression(key_column(table, name)));
  return identity;
}

// Rows with NULL in the key are rows without key, each of its own.
std::string has_key(const Table& table) {
  std::vector<std::string> present;
  for (const std::string& name : table.key_columns)
    present.push_back(quote_identifier(name) + " IS NOT NULL");
  return fmt::format("{}", fmt::join(present, " AND "));
}

void refuse_collisions_elsewhere(Connection& connection, const Table& table,
                                 const std::string& origin) {
  const Result found = connection.exec(
      fmt::format("SELECT __origin FROM {0} WHERE __origin <> $1 AND __origin NOT IN (SELECT "
                  "origin FROM metadb.source_table WHERE schema_name = $2 AND table_name = $3 AND "
                  "wanted_key = {3}) AND {1} GROUP BY {2} HAVING count(*) > 1 LIMIT 1",
                  table.current(), has_key(table), fmt::join(identity_of(table), ", "),
                  text_array(table.key_columns)),
      {origin, table.schema, table.current_name});
  if (found.rows() == 0) return;
  throw Error(
      "55006",
      fmt::format("origins disagree about the key of {}: \"{}\" has it as ({}), which does "
                  "not tell the rows of \"{}\" apart",
                  table.main(), origin, fmt::join(table.key_columns, ", "), found.text(0, 0)));
}

// Where several current rows share the key, all but the newest go to history; they end when the
// newest of them starts.
int64_t end_collisions(Connection& connection, const Table& table) {
  std::vector<std::string> columns = {"__id", "__start", "__origin"};
  for (const Column& column : table.columns) columns.push_back(quote_identifier(column.name));
  std::vector<std::string> numbered;
  for (size_t i = 0; i < columns.size(); ++i)
    numbered.push_back(fmt::format("t.{} AS c{}", columns[i], i));
  std::vector<std::string> aliases;
  for (size_t i = 0; i < columns.size(); ++i) aliases.push_back(fmt::format("c{}", i));
  return connection
      .exec(fmt::format(
          "WITH ranked AS (SELECT __id AS id, row_number() OVER (PARTITION BY {1} ORDER BY __id "
          "DESC) AS rank, "
          "max(__start) OVER (PARTITION BY {1}) AS ended FROM {0} WHERE {6}), "
          "gone AS (DELETE FROM {0} t USING ranked r WHERE t.__id = r.id AND r.rank > 1 RETURNING "
          "{4}, r.ended) "
          "INSERT INTO {2} ({3}, __end, __current) SELECT {5}, ended, false FROM gone",
          table.current(), fmt::join(identity_of(table), ", "), table.history(),
          fmt::join(columns, ", "), fmt::join(numbered, ", "), fmt::join(aliases, ", "),
          has_key(table)))
      .affected();
}

}  // namespace

void record_updates(Connection& connection,
                    const std::vector<std::pair<std::string, std::string>>& tables) {
  if (tables.empty()) return;
  std::vector<std::string> rows;
  for (const auto& [schema, table] : tables)
    rows.push_back(fmt::format("({}, {}, now())", quote_literal(schema), quote_literal(table)));
  connection.exec(fmt::format(
      "INSERT INTO metadb.table_update (schema_name, table_name, last_update) VALUES {} ON CONFLICT"
      " (schema_name, table_name) DO UPDATE SET last_update = EXCLUDED.last_update",
      fmt::join(rows, ", ")));
}

void want_key(Connection& connection, const SourceTableKey& source,
              const std::optional<std::vector<std::string>>& key) {
  connection.exec(
      fmt::format("UPDATE metadb.source_table SET wanted_key = {0} WHERE source_name = $1 AND "
                  "source_db = $2 AND source_schema = $3 AND source_table = $4 AND wanted_key IS "
                  "DISTINCT FROM {0}",
                  key ? text_array(*key) : "NULL::text[]"),
      {source.source_name, source.db, source.schema, source.table});
}

std::optional<SourceTableKey> other_with_key_of(Connection& connection, const Table& table,
                                                const SourceTableKey& source) {
  const Result rows = connection.exec(
      "SELECT source_name, source_db, source_schema, source_table FROM metadb.source_table WHERE "
      "schema_name = $1 AND table_name = $2 AND wanted_key IS NULL AND (source_name, source_db, "
      "source_schema, source_table) <> ($3, $4, $5, $6) ORDER BY 1, 2, 3, 4 LIMIT 1",
      {table.schema, table.current_name, source.source_name, source.db, source.schema,
       source.table});
  if (rows.rows() == 0) return std::nullopt;
  return SourceTableKey{std::string(rows.text(0, 0)), std::string(rows.text(0, 1)),
                        std::string(rows.text(0, 2)), std::string(rows.text(0, 3))};
}

void record_key_change(Connection& connection, const Table& table) {
  connection.exec(
      "UPDATE metadb.managed_table SET key_since = nextval($3::regclass) WHERE schema_name = $1 "
      "AND "
      "table_name = $2",
      {table.schema, table.current_name, table.id_sequence});
}

int64_t change_key(Connection& connection, const Table& table, const KeyChange& change) {
  drop_key_indexes(connection, table);
  Table changed = table;
  changed.key_columns = change.key;
  int64_t ended = 0;
  if (!change.key.empty()) {
    refuse_collisions_elsewhere(connection, changed, change.origin);
    ended = end_collisions(connection, changed);
  }
  create_key_indexes(connection, changed);
  // Under the new key, any version may be the last of its row.
  connection.exec(
      fmt::format("UPDATE metadb.source_table SET last_end = greatest(last_end, (SELECT max(__end) "
                  "FROM {})) WHERE schema_name = $1 AND table_name = $2",
                  table.history()),
      {table.schema, table.current_name});
  connection.exec(
      fmt::format("UPDATE metadb.source_table SET wanted_key = NULL WHERE schema_name = $1 AND "
                  "table_name = $2 AND wanted_key = {}",
                  text_array(change.key)),
      {table.schema, table.current_name});
  connection.exec(fmt::format("UPDATE metadb.managed_table SET key_columns = {} WHERE schema_name "
                              "= $1 AND table_name = $2",
                              text_array(change.key)),
                  {table.schema, table.current_name});
  record_key_change(connection, table);
  return ended;
}

}  // namespace metadb::catalog
