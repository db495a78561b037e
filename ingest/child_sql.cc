#include "ingest/child_sql.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "catalog/sql_time.h"
#include "catalog/transformed_tables.h"

namespace metadb::ingest {
namespace {

using catalog::Column;
using catalog::quote_identifier;
using catalog::quote_literal;
using catalog::time_literal;

// The order of staged rows: by the version of the root, rows before deletes.
constexpr int kVersionShift = 40;
constexpr int kDeleteShift = 39;

std::string key_of(const catalog::Table& parent, std::string_view alias) {
  std::string out;
  for (const std::string& name : parent.key_columns)
    out += fmt::format(", {}.{}", alias, quote_identifier(name));
  return out;
}

}  // namespace

std::string MergeSql::keep_roots(const std::string& roots) const {
  std::string keys;
  for (const StageColumn* column : key()) keys += ", s." + column->stage;
  return fmt::format(
      "INSERT INTO pg_temp.{} SELECT w.n, first_value(w.n) OVER (PARTITION BY {} ORDER BY w.n), "
      "w.id, w.d, w.e, s.u{} FROM pg_temp.work w JOIN {} s ON s.n = w.n",
      roots, partition_by("s"), keys, stage());
}

std::string MergeSql::documents(const std::string& roots, uint16_t column) const {
  return fmt::format(
      "SELECT r.n, s.{0}::text FROM pg_temp.{1} r JOIN {2} s ON s.n = r.n WHERE NOT r.d AND {3} "
      "AND s.{0} IS NOT NULL ORDER BY r.n",
      columns_[column].stage, roots, stage(), ChildSql::available("r", column));
}

std::optional<uint16_t> MergeSql::stage_index(const std::string& column) const {
  const auto found =
      std::ranges::find(columns_, column, [](const StageColumn& c) { return c.column.name; });
  if (found == columns_.end()) return std::nullopt;
  return static_cast<uint16_t>(found - columns_.begin());
}

ChildSql::ChildSql(const catalog::Table& parent, const catalog::Table& child,
                   const ChildShape& shape, Names names)
    : parent_(parent),
      child_(child),
      shape_(shape),
      names_(std::move(names)),
      merge_(child, shape.schema, {names_.stage, names_.origin}) {}

// Whether the document of version `alias` is known.
std::string ChildSql::available(const std::string& alias, std::optional<uint16_t> document) {
  if (!document) return "true";
  return fmt::format("({0}.d OR {0}.u IS NULL OR NOT {1} = ANY ({0}.u))", alias, *document);
}

std::string ChildSql::create_roots(const catalog::Table& parent, const std::string& name) {
  std::string keys;
  for (size_t i = 0; i < parent.key_columns.size(); ++i)
    keys += fmt::format(", r{} {}", i, parent.column(parent.key_columns[i])->type_name);
  return fmt::format(
      "CREATE TEMP TABLE {} (n bigint, g bigint, id bigint, d boolean, e timestamptz, u "
      "smallint[]{})",
      name, keys);
}

std::string ChildSql::has_chains(const std::string& roots) {
  return fmt::format("SELECT EXISTS (SELECT FROM pg_temp.{} WHERE n <> g)", roots);
}

// Rows with NULL in the key are rows without key: nothing could name them as its root.
std::string ChildSql::take_current(const catalog::Table& parent, const std::string& origin,
                                   const std::string& roots, Chunk chunk) {
  std::string has_key;
  for (const std::string& name : parent.key_columns)
    has_key += fmt::format(" AND p.{} IS NOT NULL", quote_identifier(name));
  return fmt::format(
      "INSERT INTO pg_temp.{} SELECT row_number() OVER (ORDER BY p.__id), row_number() OVER (ORDER "
      "BY p.__id), p.__id, false, p.__start, NULL{} FROM {} p WHERE p.__origin = {} AND p.__id > {}"
      "{} ORDER BY p.__id LIMIT {}",
      roots, key_of(parent, "p"), parent.current(), quote_literal(origin), chunk.after_id, has_key,
      chunk.rows_max);
}

std::string ChildSql::current_documents(const catalog::Table& parent, const std::string& column,
                                        const std::string& roots) {
  return fmt::format(
      "SELECT r.n, p.{0}::text FROM pg_temp.{1} r JOIN {2} p ON p.__id = r.id WHERE p.{0} IS NOT "
      "NULL ORDER BY r.n",
      quote_identifier(column), roots, parent.current());
}

std::string ChildSql::create_rows() const {
  std::string columns;
  for (size_t i = 0; i < shape_.levels.size(); ++i) columns += fmt::format(", o{} integer", i);
  const size_t first = shape_.roots.size() + shape_.levels.size();
  for (size_t i = 0; i < shape_.values.size(); ++i) {
    columns +=
        fmt::format(", v{} {}", i, catalog::row_of(shape_.schema.columns[first + i].type).sql);
  }
  return fmt::format("CREATE TEMP TABLE {} (p bigint, i bigint{})", names_.rows, columns);
}

std::string ChildSql::drop_rows() const {
  return "DROP TABLE IF EXISTS " + rows();
}

std::string ChildSql::truncate_rows() const {
  return "TRUNCATE " + rows();
}

std::string ChildSql::copy_rows() const {
  return fmt::format("COPY {} FROM STDIN (FORMAT binary)", rows());
}

// Where a type of the parent's key is none of ours, its values pass as text.
std::string ChildSql::root_values(const std::string& alias) const {
  std::string out;
  for (size_t i = 0; i < shape_.roots.size(); ++i) {
    const bool is_text = !parent_.column(parent_.key_columns[i])->type;
    out += fmt::format(", {}.r{}{}", alias, i, is_text ? "::text" : "");
  }
  return out;
}

std::string ChildSql::stage_rows() const {
  std::string to = "n, d, r, ts";
  for (size_t i = 0; i < shape_.schema.columns.size(); ++i) to += fmt::format(", c{}", i);
  std::string from;
  for (size_t i = 0; i < shape_.levels.size(); ++i) from += fmt::format(", j.o{}", i);
  for (size_t i = 0; i < shape_.values.size(); ++i) from += fmt::format(", j.v{}", i);
  return fmt::format(
      "INSERT INTO {} ({}) SELECT (j.p << {}) | j.i, false, false, r.e{}{} FROM {} j JOIN {} r ON "
      "r.n = j.p",
      merge_.target(), to, kVersionShift, root_values("r"), from, rows(), roots());
}

// The versions of each root whose documents are known, each with the one that follows it.
std::string ChildSql::versions(std::optional<uint16_t> document) const {
  return fmt::format(
      "(SELECT r.*, lead(r.n) OVER k AS next_n, lead(r.e) OVER k AS next_e, row_number() OVER k = "
      "1 AS is_first FROM {} r WHERE {} WINDOW k AS (PARTITION BY r.g ORDER BY r.n))",
      roots(), available("r", document));
}

std::string ChildSql::insert_deletes(const std::string& keys) const {
  std::string to = "n, d, r, ts";
  const size_t key_columns = shape_.roots.size() + shape_.levels.size();
  for (size_t i = 0; i < key_columns; ++i) to += fmt::format(", c{}", i);
  return fmt::format(
      "INSERT INTO {} ({}) SELECT (x.n << {}) | (1::bigint << {}) | row_number() OVER (), true, "
      "false, x.e{} FROM ",
      merge_.target(), to, kVersionShift, kDeleteShift, keys);
}

std::string ChildSql::stage_superseded(std::optional<uint16_t> document) const {
  std::string keys = root_values("x");
  std::string ordinals;
  std::string same;
  for (size_t i = 0; i < shape_.levels.size(); ++i) {
    keys += fmt::format(", x.o{}", i);
    ordinals += fmt::format(", j.o{}", i);
    same += fmt::format(" AND y.o{0} = j.o{0}", i);
  }
  std::string root;
  for (size_t i = 0; i < shape_.roots.size(); ++i) root += fmt::format(", v.r{}", i);
  return insert_deletes(keys) +
         fmt::format(
             "(SELECT v.next_n AS n, v.next_e AS e{}{} FROM {} j JOIN {} v ON v.n = j.p WHERE "
             "v.next_n IS NOT NULL AND NOT EXISTS (SELECT FROM {} y WHERE y.p = v.next_n{})) x",
             root, ordinals, rows(), versions(document), rows(), same);
}

// As the unique index tells keys apart.
std::string ChildSql::same_root(const std::string& roots_alias,
                                const std::string& child_alias) const {
  std::string out = fmt::format("{}.__origin = {}", child_alias, quote_literal(names_.origin));
  for (size_t i = 0; i < shape_.roots.size(); ++i) {
    Column ours = *child_.column(shape_.roots[i]);
    Column theirs = *parent_.column(parent_.key_columns[i]);
    theirs.name = fmt::format("r{}", i);
    out += fmt::format(" AND {} = {}", catalog::key_expression(ours, child_alias + "."),
                       catalog::key_expression(theirs, roots_alias + "."));
  }
  return out;
}

std::string ChildSql::stage_vanished(std::optional<uint16_t> document) const {
  std::string keys = root_values("x");
  std::string ordinals;
  std::string same;
  for (size_t i = 0; i < shape_.levels.size(); ++i) {
    keys += fmt::format(", x.o{}", i);
    ordinals +=
        fmt::format("{}c.{} AS o{}", i > 0 ? ", " : "", quote_identifier(shape_.ordinals[i]), i);
    same += fmt::format(" AND y.o{0} = c.o{0}", i);
  }
  std::string root;
  for (size_t i = 0; i < shape_.roots.size(); ++i) root += fmt::format(", v.r{}", i);
  // OFFSET 0 keeps the planner from reading the whole table for it.
  return insert_deletes(keys) +
         fmt::format(
             "(SELECT v.n, v.e{}, c.* FROM {} v CROSS JOIN LATERAL (SELECT {} FROM {} c WHERE {} "
             "OFFSET 0) c WHERE v.is_first AND NOT EXISTS (SELECT FROM {} y WHERE y.p = v.n{})) x",
             root, versions(document), ordinals, child_.current(), same_root("v", "c"), rows(),
             same);
}

std::string ChildSql::end_with_roots(int64_t ts_us, bool spares_newer) const {
  // A column of the child may itself be called `ended`.
  std::string of_child = "c.__id AS c0, c.__start AS c1";
  std::string ended = "c0, c1";
  size_t number = 2;
  for (const Column& column : child_.columns) {
    of_child += fmt::format(", c.{} AS c{}", quote_identifier(column.name), number);
    ended += fmt::format(", c{}", number++);
  }
  return fmt::format(
      "WITH gone AS (DELETE FROM {0} c USING {1} p WHERE c.__origin = {2} AND {3}{9} RETURNING "
      "greatest(c.__start, p.__start, {4}) AS ended, {5}) INSERT INTO {6} (__end, __current, "
      "__origin, __id, __start{7}) SELECT ended, false, {2}, {8} FROM gone",
      child_.current(), parent_.current(), quote_literal(names_.origin),
      catalog::same_root(parent_, child_), time_literal(ts_us), of_child, child_.history(),
      catalog::columns_sql(child_), ended,
      spares_newer ? fmt::format(" AND p.__start < {}", time_literal(ts_us)) : "");
}

}  // namespace metadb::ingest
