#include "catalog/consistency.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "catalog/sql_time.h"
#include "catalog/transformed_tables.h"

namespace metadb::catalog {
namespace {

// `rows` selects one text for each violation.
void look(Connection& connection, const std::string& message, const std::string& rows,
          Findings& out) {
  const Result found = connection.exec(fmt::format(
      "SELECT v.detail, count(*) OVER () FROM ({}) v(detail) LIMIT {}", rows, Findings::kShownMax));
  if (found.rows() == 0) return;
  for (int row = 0; row < found.rows(); ++row)
    out.violations.push_back({message, std::string(found.text(row, 0))});
  out.total += found.int64(0, 1);
}

// SQL of a text such as `(id, v)=(1, x)`, from the columns of `alias`.
std::string key_text(const Table& table, std::string_view alias) {
  std::vector<std::string> names;
  std::vector<std::string> values;
  for (const std::string& name : table.key_columns) {
    names.push_back(name);
    values.push_back(fmt::format("left({}.{}::text, 100)", alias, quote_identifier(name)));
  }
  return fmt::format("{} || concat_ws(', ', {}) || ')'",
                     quote_literal(fmt::format("({})=(", fmt::join(names, ", "))),
                     fmt::join(values, ", "));
}

std::vector<std::string> identity(const Table& table) {
  std::vector<std::string> out = {"t.__origin"};
  for (const std::string& name : table.key_columns) {
    if (const Column* column = table.column(name)) out.push_back(key_expression(*column, "t."));
  }
  return out;
}

// Rows with NULL in the key are rows without key, each of its own.
std::string where_keyed(const Table& table) {
  std::vector<std::string> present;
  for (const std::string& name : table.key_columns)
    present.push_back(fmt::format("t.{} IS NOT NULL", quote_identifier(name)));
  return fmt::format("{}", fmt::join(present, " AND "));
}

bool is_keyed(const Table& table) {
  return !table.key_columns.empty() &&
         std::ranges::all_of(table.key_columns, [&](const std::string& name) {
           return table.column(name) != nullptr;
         });
}

void look_for_doubles(Connection& connection, const Table& table, Findings& out) {
  const std::vector<std::string> same = identity(table);
  look(
      connection, fmt::format("table {} has several current rows of one key", table.main()),
      fmt::format("SELECT format('Key %s, origin %L: %s rows, __id %s to %s.', min({}), "
                  "min(t.__origin), count(*), min(t.__id), max(t.__id)) FROM {} t WHERE {} GROUP "
                  "BY {} HAVING count(*) > 1",
                  key_text(table, "t"), table.current(), where_keyed(table), fmt::join(same, ", ")),
      out);
}

// Versions from before the key became what it is were told apart by another one.
void look_for_overlaps(Connection& connection, const Table& table, Findings& out) {
  const std::vector<std::string> same = identity(table);
  const std::string before = fmt::format(
      "(PARTITION BY {} ORDER BY t.__start, t.__end, t.__id ROWS BETWEEN UNBOUNDED "
      "PRECEDING AND 1 PRECEDING)",
      fmt::join(same, ", "));
  look(connection, fmt::format("table {} has versions of one key that overlap", table.main()),
       fmt::format("SELECT format('Key %s, origin %L: the version with __id %s starts at %s, an "
                   "earlier one ends at %s.', k, o, id, s, reached) FROM (SELECT {} AS k, "
                   "t.__origin AS o, t.__id AS id, t.__start AS s, max(t.__end) OVER {} AS reached "
                   "FROM {} t, metadb.managed_table m WHERE m.schema_name = {} AND m.table_name = "
                   "{} AND t.__id > m.key_since AND {}) v WHERE s < reached",
                   key_text(table, "t"), before, table.main(), quote_literal(table.schema),
                   quote_literal(table.current_name), where_keyed(table)),
       out);
}

void look_at_ends(Connection& connection, const Table& table, Findings& out) {
  look(connection, fmt::format("table {} has versions that end before they start", table.main()),
       fmt::format("SELECT format('__id %s starts at %s and ends at %s.', __id, __start, __end) "
                   "FROM {} WHERE __end < __start",
                   table.main()),
       out);
  look(connection, fmt::format("table {} has current rows that have an end", table.main()),
       fmt::format("SELECT format('__id %s ends at %s.', __id, __end) FROM {} WHERE __end <> {}",
                   table.current(), kNoEnd),
       out);
  look(connection, fmt::format("table {} has ended rows without an end", table.main()),
       fmt::format("SELECT format('__id %s ends at %s.', __id, __end) FROM {} WHERE __end >= {}",
                   table.history(), kNoEnd),
       out);
}

void look_at_partitions(Connection& connection, const Table& table, Findings& out) {
  const std::string message =
      fmt::format("table {} has rows whose __current is not that of their partition", table.main());
  const std::pair<std::string, std::string_view> sides[] = {{table.current(), "true"},
                                                            {table.history(), "false"}};
  for (const auto& [side, value] : sides) {
    look(connection, message,
         fmt::format("SELECT format('__id %s in %s.', __id, tableoid::regclass) FROM {} WHERE "
                     "__current IS DISTINCT FROM {}",
                     side, value),
         out);
  }
}

void look_at_indexes(Connection& connection, const Table& table, Findings& out) {
  if (is_keyed(table)) {
    const std::string index = quote_qualified(table.schema, table.history_name + "key");
    look(connection, fmt::format("table {} has no unique index of its key", table.main()),
         fmt::format("SELECT format('Index %s is missing or not valid.', {0}) WHERE NOT EXISTS "
                     "(SELECT FROM pg_index WHERE indexrelid = to_regclass({0}) AND indrelid = "
                     "{1}::regclass AND indisunique AND indisvalid)",
                     quote_literal(index), quote_literal(table.current())),
         out);
  }
  if (table.lacks_indexes) return;
  look(connection, fmt::format("table {} has a uuid column without index", table.main()),
       fmt::format("SELECT format('Column %I.', a.attname) FROM pg_attribute a WHERE a.attrelid = "
                   "{0}::regclass AND a.atttypid = 'uuid'::regtype AND NOT a.attisdropped AND NOT "
                   "EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indkey[0] = "
                   "a.attnum AND i.indisvalid)",
                   quote_literal(table.main())),
       out);
}

// Names of columns in the catalog's rows that the table has not.
constexpr std::string_view kMissingColumns =
    "SELECT format('Column %I of table %I.%I.', k.name, k.s, k.t) FROM ("
    "SELECT schema_name, table_name, unnest(key_columns) FROM metadb.managed_table UNION "
    "SELECT schema_name, table_name, column_name FROM metadb.column_name) k(s, t, name) "
    "JOIN pg_namespace n ON n.nspname = k.s "
    "JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = k.t "
    "WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = k.name "
    "AND NOT a.attisdropped) ORDER BY 1";

constexpr std::string_view kMissingRelations =
    "SELECT format('Relation %I.%I.', r.s, r.name) FROM ("
    "SELECT schema_name, table_name || '__' FROM metadb.managed_table UNION ALL "
    "SELECT schema_name, table_name FROM metadb.managed_table UNION ALL "
    "SELECT schema_name, history_name FROM metadb.managed_table UNION ALL "
    "SELECT schema_name, sync_name FROM metadb.managed_table) r(s, name) WHERE NOT EXISTS "
    "(SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = r.s "
    "AND c.relname = r.name) ORDER BY 1";

constexpr std::string_view kDetached =
    "SELECT format('Relation %I.%I.', m.schema_name, p.name) FROM metadb.managed_table m, "
    "unnest(ARRAY[m.table_name, m.history_name]) p(name) "
    "JOIN pg_namespace n ON true JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.name "
    "WHERE n.nspname = m.schema_name AND NOT EXISTS (SELECT FROM pg_inherits i JOIN pg_class o ON "
    "o.oid = i.inhparent WHERE i.inhrelid = c.oid AND o.relname = m.table_name || '__' AND "
    "o.relnamespace = n.oid) ORDER BY 1";

}  // namespace

Findings check_table(Connection& connection, const Table& table) {
  Findings out;
  // A partition's own bounds must not tell the planner that there is nothing to find.
  connection.exec("SET LOCAL constraint_exclusion = off");
  if (is_keyed(table)) {
    look_for_doubles(connection, table, out);
    look_for_overlaps(connection, table, out);
  }
  look_at_ends(connection, table, out);
  look_at_partitions(connection, table, out);
  look_at_indexes(connection, table, out);
  return out;
}

Findings check_roots(Connection& connection, const Table& derived, const Table& parent) {
  Findings out;
  std::vector<std::string> shown;
  for (const std::string& name : parent.key_columns) {
    const std::string root = root_source_column(name);
    const Column* column = derived.column_of_source(root);
    if (column == nullptr) {
      out.violations.push_back({fmt::format("table {} does not name its rows' roots in {}",
                                            derived.main(), parent.main()),
                                fmt::format("Column \"{}\" is missing.", root)});
      ++out.total;
      return out;
    }
    shown.push_back(fmt::format("c.{}", quote_identifier(column->name)));
  }
  if (shown.empty()) return out;
  look(connection,
       fmt::format("table {} has current rows without a current root in {}", derived.main(),
                   parent.main()),
       fmt::format("SELECT format('__id %s, root (%s).', c.__id, concat_ws(', ', {})) FROM {} c "
                   "WHERE NOT EXISTS (SELECT FROM {} p WHERE {})",
                   fmt::join(shown, ", "), derived.current(), parent.current(),
                   same_root(parent, derived)),
       out);
  return out;
}

Findings check_catalog(Connection& connection) {
  const std::pair<std::string_view, std::string_view> checks[] = {
      {"metadb.base_table and metadb.managed_table disagree",
       "SELECT format('Table %I.%I.', schema_name, table_name) FROM metadb.base_table b FULL JOIN "
       "metadb.managed_table m USING (schema_name, table_name) WHERE b.source_name IS NULL OR "
       "m.revision IS NULL ORDER BY 1"},
      {"metadb.managed_table names relations that there are not", kMissingRelations},
      {"metadb.managed_table names tables that are no partitions of their main table", kDetached},
      {"the catalog names columns that their tables have not", kMissingColumns},
      {"metadb.source_table names tables that are not managed",
       "SELECT format('Table %I.%I.', schema_name, table_name) FROM metadb.source_table s WHERE "
       "NOT EXISTS (SELECT FROM metadb.managed_table m WHERE m.schema_name = s.schema_name AND "
       "m.table_name = s.table_name) ORDER BY 1"},
      {"metadb.base_table names tables that no source table feeds",
       "SELECT format('Table %I.%I.', schema_name, table_name) FROM metadb.base_table b WHERE NOT "
       "transformed AND NOT EXISTS (SELECT FROM metadb.source_table s WHERE s.schema_name = "
       "b.schema_name AND s.table_name = b.table_name AND s.source_name = b.source_name) ORDER BY "
       "1"},
      {"metadb.base_table names transformed tables whose parent is not managed",
       "SELECT format('Table %I.%I.', schema_name, table_name) FROM metadb.base_table b WHERE "
       "transformed AND NOT EXISTS (SELECT FROM metadb.base_table p WHERE p.schema_name = "
       "b.parent_schema_name AND p.table_name = b.parent_table_name) ORDER BY 1"},
  };
  Findings out;
  for (const auto& [message, rows] : checks)
    look(connection, std::string(message), std::string(rows), out);
  return out;
}

}  // namespace metadb::catalog
