// The statements for changes of rows without key, which are told apart by their images.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "catalog/sql_time.h"
#include "ingest/merge_sql.h"

namespace metadb::ingest {
namespace {

using catalog::quote_literal;
using catalog::time_literal;

}  // namespace

// An old image stands before its new one.
std::string MergeSql::fill_from_before(const std::set<uint16_t>& unavailable) const {
  std::string sets;
  for (const uint16_t i : unavailable) {
    sets += fmt::format("{0} = CASE WHEN {1} = ANY (s.u) THEN o.{0} ELSE s.{0} END, ",
                        columns_[i].stage, i);
  }
  return fmt::format(
      "UPDATE {0} s SET {1}u = NULL FROM {0} o WHERE o.n = s.n - 1 AND s.u IS NOT NULL", stage(),
      sets);
}

std::string MergeSql::origin_of(const std::string& alias, bool of_stage) const {
  return of_stage ? quote_literal(shape_.origin) + "::varchar" : alias + ".__origin";
}

// Equal images have equal hashes. Hashing the text of a row takes five times as long, and is what
// there is before PostgreSQL 14, and where no column can be hashed.
std::string MergeSql::image_hash(const std::string& alias, bool of_stage,
                                 bool has_record_hash) const {
  std::vector<std::string> hashable = {origin_of(alias, of_stage)};
  for (const StageColumn& column : columns_) {
    if (!column.column.type || !catalog::has_hash(*column.column.type)) continue;
    hashable.push_back(alias + "." +
                       (of_stage ? column.stage : catalog::quote_identifier(column.column.name)));
  }
  if (!has_record_hash || hashable.size() == 1)
    return fmt::format("hashtextextended({}::text, 0)", event_image(alias, of_stage));
  return fmt::format("hash_record_extended(ROW({}), 0)", fmt::join(hashable, ", "));
}

// Images are numbered in the one order that they all have, that of their bytes.
std::string MergeSql::images(bool has_record_hash) const {
  // As part of the images the origin does not make the planner take the table for a small one.
  const auto with_origin = [&](const std::string& alias, bool of_stage) {
    return fmt::format("ROW({}, {})", origin_of(alias, of_stage), event_image(alias, of_stage));
  };
  return fmt::format(
      "WITH staged AS MATERIALIZED (SELECT n, d, count(*) FILTER (WHERE same IS NOT TRUE) OVER "
      "(ORDER BY img USING *<, n) AS image FROM (SELECT n, d, img, record_image_eq(img, lag(img) "
      "OVER (ORDER BY img USING *<, n)) AS same FROM (SELECT s.n, s.d, {0} AS img FROM {1} s) a) "
      "b), old AS MATERIALIZED (SELECT image, min(n) AS n, count(*) AS rows_max FROM staged WHERE "
      "d GROUP BY image), present AS (SELECT old.image, old.rows_max, t.__id AS id, t.__start AS "
      "began, t.ctid AS place, row_number() OVER (PARTITION BY old.image ORDER BY t.__id) AS k "
      "FROM old JOIN {1} o ON o.n = old.n JOIN {2} t ON {3} = {4} AND record_image_eq({5}, {6})) "
      "SELECT n, image, NULL::bigint AS id, NULL::bigint, NULL FROM staged "
      "UNION ALL SELECT NULL, image, id, (extract(epoch FROM began) * 1000000)::bigint, "
      "place::text FROM present WHERE k <= rows_max ORDER BY id",
      event_image("s", true), stage(), table_.current(), image_hash("t", false, has_record_hash),
      image_hash("o", true, has_record_hash), with_origin("t", false), with_origin("o", true));
}

std::string MergeSql::put_work(const std::vector<Work>& rows) const {
  std::string values;
  for (const Work& row : rows) {
    values += fmt::format("{}({}, {}, {}, {}, {}, {})", values.empty() ? "" : ", ", row.n,
                          row.is_delete, time_literal(row.at_us),
                          row.next_us ? time_literal(*row.next_us) : "NULL::timestamptz",
                          row.current_id ? std::to_string(*row.current_id) : "NULL::bigint",
                          row.place.empty() ? "NULL::tid" : quote_literal(row.place) + "::tid");
  }
  return fmt::format(
      "INSERT INTO pg_temp.work SELECT n, CASE WHEN d THEN NULL ELSE nextval({}::regclass) END, d, "
      "e, nxt, cur_id, cur_place FROM (VALUES {}) v(n, d, e, nxt, cur_id, cur_place)",
      quote_literal(table_.id_sequence), values);
}

}  // namespace metadb::ingest
