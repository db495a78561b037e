// The statements for keys that a key change gives to a row while another one still has them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ingest/merge_sql.h"

namespace metadb::ingest {
namespace {

using catalog::quote_literal;

std::string numbers_sql(const std::vector<int64_t>& numbers) {
  return fmt::format("SELECT unnest('{{{}}}'::bigint[])", fmt::join(numbers, ","));
}

std::string of_table(const catalog::Table& table, const std::string& alias) {
  return fmt::format("{0}.schema_name = {1} AND {0}.table_name = {2}", alias,
                     quote_literal(table.schema), quote_literal(table.current_name));
}

std::string microseconds(const std::string& time) {
  return fmt::format("(extract(epoch FROM {}) * 1000000)::bigint", time);
}

}  // namespace

std::string MergeSql::key_chains(const std::vector<int64_t>& key_changes) const {
  // As in paired_in_chains(), OFFSET 0 keeps staging and current columns apart.
  const std::string paired = fmt::format(
      "SELECT s.n, s.d, s.ts, s.n IN ({}) AS moved, c.cur_start, c.same_cur, x.at, p.at AS ended, "
      "{} AS img, first_value(s.n) OVER (PARTITION BY {} ORDER BY s.n) AS g FROM {} s {} LEFT JOIN "
      "metadb.displaced x ON {} AND x.row_id = c.cur_id LEFT JOIN pg_temp.ended p ON p.n = s.n "
      "OFFSET 0",
      numbers_sql(key_changes), image("s", true), partition_by("s"), stage(),
      with_current(compared_current()), of_table(table_, "x"));
  return fmt::format(
      "SELECT g, n, d, moved, CASE WHEN n = g THEN coalesce(same_cur, false) ELSE "
      "record_image_eq(img, lag(img) OVER k) END, {}, {}, {}, {} FROM (SELECT *, bool_or(moved OR "
      "at IS NOT NULL) OVER (PARTITION BY g) AS concerned FROM ({}) a) b WHERE concerned WINDOW k "
      "AS "
      "(PARTITION BY g ORDER BY n) ORDER BY g, n",
      microseconds("ts"), microseconds("cur_start"), microseconds("at"), microseconds("ended"),
      paired);
}

std::string MergeSql::drop_changes(const std::vector<int64_t>& numbers) const {
  return fmt::format("DELETE FROM {} WHERE n IN ({})", stage(), numbers_sql(numbers));
}

std::string MergeSql::forget_displaced(const std::vector<int64_t>& numbers) const {
  return fmt::format(
      "DELETE FROM metadb.displaced x WHERE {} AND (x.row_id IN (SELECT c.__id FROM {} s {} WHERE "
      "s.n IN ({})) OR NOT EXISTS (SELECT FROM {} c WHERE c.__id = x.row_id))",
      of_table(table_, "x"), stage(), with_current("c.__id"), numbers_sql(numbers),
      table_.current());
}

std::string MergeSql::note_displaced(const std::vector<int64_t>& numbers) const {
  return fmt::format(
      "INSERT INTO metadb.displaced (schema_name, table_name, row_id, at) SELECT {}, {}, c.__id, "
      "s.ts FROM {} s {} WHERE s.n IN ({}) AND c.__id IS NOT NULL ON CONFLICT (schema_name, "
      "table_name, row_id) DO UPDATE SET at = EXCLUDED.at",
      quote_literal(table_.schema), quote_literal(table_.current_name), stage(),
      with_current("c.__id"), numbers_sql(numbers));
}

}  // namespace metadb::ingest
