// The statements for the rows of a document that comes after later ones of its root: they go
// between what is there.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "catalog/sql_time.h"
#include "ingest/child_sql.h"

namespace metadb::ingest {
namespace {

using catalog::Column;
using catalog::quote_identifier;
using catalog::quote_literal;
using catalog::time_literal;

constexpr std::string_view kPieces = "pg_temp.json_pieces";

}  // namespace

std::string MergeSql::keep_late_root(const std::string& roots, int64_t at_us) const {
  std::string keys;
  for (const StageColumn* column : key()) keys += ", s." + column->stage;
  return fmt::format("INSERT INTO pg_temp.{} SELECT s.n, s.n, 0, s.d, {}, s.u{} FROM {} s", roots,
                     time_literal(at_us), keys, stage());
}

std::string ChildSql::knows_documents(const std::string& roots, std::optional<uint16_t> document) {
  return fmt::format("SELECT EXISTS (SELECT FROM pg_temp.{} r WHERE {})", roots,
                     available("r", document));
}

// kind: what is before the window, in it, and after it. A column of the table may be called `kind`.
std::string ChildSql::create_pieces() const {
  std::string columns;
  for (size_t i = 0; i < child_.columns.size(); ++i)
    columns += fmt::format(", x{} {}", i, child_.columns[i].type_name);
  return fmt::format(
      "CREATE TEMP TABLE json_pieces (id bigint, s timestamptz, e timestamptz, kind integer{})",
      columns);
}

std::string ChildSql::drop_pieces() {
  return fmt::format("DROP TABLE {}", kPieces);
}

std::vector<std::string> ChildSql::take_pieces(const Window& window) const {
  std::vector<std::string> leaves = {child_.current()};
  for (const int year : child_.years) leaves.push_back(child_.leaf(year));
  std::string taken;
  std::string kept;
  for (size_t i = 0; i < child_.columns.size(); ++i) {
    taken += fmt::format(", c.{} AS x{}", quote_identifier(child_.columns[i].name), i);
    kept += fmt::format(", x{}", i);
  }
  const std::string from = time_literal(window.from_us);
  const std::string until = time_literal(window.until_us);
  std::vector<std::string> out;
  for (const std::string& leaf : leaves) {
    out.push_back(fmt::format(
        "WITH gone AS (DELETE FROM {0} c USING {1} r WHERE {2} AND c.__end > {3} AND c.__start <= "
        "{4} AND c.__start < c.__end RETURNING c.__id AS id, c.__start AS s, c.__end AS e{5}) "
        "INSERT INTO {6} SELECT id, s, least(e, {3}), 1{7} FROM gone WHERE s < {3} UNION ALL "
        "SELECT CASE WHEN s >= {4} THEN id END, greatest(s, {4}), e, 3{7} FROM gone WHERE e > {4}",
        leaf, roots(), same_root("r", "c"), from, until, taken, kPieces, kept));
  }
  return out;
}

std::string ChildSql::add_pieces(const Window& window) const {
  std::string to;
  std::string from;
  for (size_t i = 0; i < child_.columns.size(); ++i) {
    const auto index = merge_.stage_index(child_.columns[i].name);
    if (!index) continue;
    to += fmt::format(", x{}", i);
    from += fmt::format(", s.c{}", *index);
  }
  return fmt::format("INSERT INTO {} (s, e, kind{}) SELECT {}, {}, 2{} FROM pg_temp.{} s", kPieces,
                     to, time_literal(window.from_us), time_literal(window.until_us), from,
                     merge_.stage_name());
}

// Neighbours that are equal are one row, as if the later event had changed nothing in it.
std::string ChildSql::put_pieces() const {
  std::vector<std::string> place;
  std::vector<std::string> values;
  std::vector<std::string> all;
  std::string columns;
  for (size_t i = 0; i < child_.columns.size(); ++i) {
    const std::string& name = child_.columns[i].name;
    all.push_back(fmt::format("x{}", i));
    columns += ", " + quote_identifier(name);
    const bool is_ordinal = std::ranges::find(shape_.ordinals, name) != shape_.ordinals.end();
    if (is_ordinal) place.push_back(all.back());
    const bool is_key = std::ranges::find(child_.key_columns, name) != child_.key_columns.end();
    if (!is_key) values.push_back(all.back());
  }
  const std::string of_place =
      place.empty() ? "" : fmt::format("PARTITION BY {} ", fmt::join(place, ", "));
  const std::string by_place = place.empty() ? "" : fmt::format("{}, ", fmt::join(place, ", "));
  return fmt::format(
      "INSERT INTO {0} (__id, __start, __end, __current, __origin{1}) SELECT coalesce(id, "
      "nextval({2}::regclass)), s, e, e = {3}, {4}, {5} FROM (SELECT DISTINCT ON ({6}part) min(id) "
      "OVER p AS id, min(s) OVER p AS s, max(e) OVER p AS e, {5} FROM (SELECT *, count(*) FILTER "
      "(WHERE begins) OVER ({7}ORDER BY kind) AS part FROM (SELECT *, coalesce(NOT (kind = "
      "lag(kind) OVER k + 1 AND record_image_eq(ROW({8}), lag(ROW({8})) OVER k)), true) AS begins "
      "FROM {9} WINDOW k AS ({7}ORDER BY kind)) a) b WINDOW p AS (PARTITION BY {6}part) ORDER BY "
      "{6}part, kind) m",
      child_.main(), columns, quote_literal(child_.id_sequence), catalog::kNoEnd,
      quote_literal(names_.origin), fmt::join(all, ", "), by_place, of_place,
      fmt::join(values, ", "), kPieces);
}

}  // namespace metadb::ingest
