// The statements that mark what a snapshot has seen.
#include <fmt/format.h>

#include "ingest/merge_sql.h"

namespace metadb::ingest {

// `ids`: a query of one column.
std::string MergeSql::mark(const std::string& ids, int64_t generation) const {
  return fmt::format(
      "INSERT INTO {} AS m (__id, generation) SELECT id, {} FROM ({}) i(id) ON CONFLICT (__id) DO "
      "UPDATE SET generation = EXCLUDED.generation WHERE m.generation < EXCLUDED.generation",
      catalog::quote_qualified(table_.schema, table_.sync_name), generation, ids);
}

std::string MergeSql::mark_keys(int64_t generation) const {
  return mark(
      fmt::format("SELECT DISTINCT c.__id FROM {} s {} WHERE NOT s.d AND c.__id IS NOT NULL",
                  stage(), with_current("c.__id")),
      generation);
}

std::string MergeSql::mark_work(int64_t generation) const {
  return mark("SELECT id FROM pg_temp.work WHERE NOT d AND nxt IS NULL", generation);
}

// Equal images are numbered on both sides, and equal numbers paired. By their text: a json has no
// order of its own.
std::string MergeSql::confirm_by_image(int64_t generation) const {
  const std::string marks = catalog::quote_qualified(table_.schema, table_.sync_name);
  return fmt::format(
      "WITH staged AS (SELECT n, img, row_number() OVER (PARTITION BY img ORDER BY n) AS k FROM "
      "(SELECT s.n, {0}::text AS img FROM {1} s) a), "
      "present AS (SELECT id, img, row_number() OVER (PARTITION BY img ORDER BY id) AS k FROM "
      "(SELECT t.__id AS id, {2}::text AS img FROM {3} t WHERE t.__origin = {4} AND NOT EXISTS "
      "(SELECT FROM {5} m WHERE m.__id = t.__id AND m.generation = {6})) b), "
      "pairs AS (SELECT staged.n, present.id FROM staged JOIN present USING (img, k)), "
      "taken AS (DELETE FROM {1} s USING pairs WHERE s.n = pairs.n) {7}",
      event_image("s", true), stage(), event_image("t", false), table_.current(),
      catalog::quote_literal(shape_.origin), marks, generation,
      mark("SELECT id FROM pairs", generation));
}

std::string MergeSql::copy_mark(int64_t from_id, int64_t to_id) const {
  const std::string marks = catalog::quote_qualified(table_.schema, table_.sync_name);
  return fmt::format(
      "INSERT INTO {0} (__id, generation) SELECT {1}, generation FROM {0} WHERE __id = {2}", marks,
      to_id, from_id);
}

std::string MergeSql::forget_marks(const catalog::Table& table, const std::string& origin) {
  return fmt::format("DELETE FROM {} m USING {} t WHERE m.__id = t.__id AND t.__origin = {}",
                     catalog::quote_qualified(table.schema, table.sync_name), table.current(),
                     catalog::quote_literal(origin));
}

std::string MergeSql::insert_all_marked(int64_t generation) const {
  return fmt::format("WITH made AS ({} RETURNING __id) {}", insert_all(),
                     mark("SELECT __id FROM made", generation));
}

}  // namespace metadb::ingest
