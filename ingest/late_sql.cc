// The statements for a letter that is applied after later events of its key: it goes between its
// neighbours in history.
#include <fmt/format.h>

#include "catalog/sql_time.h"
#include "ingest/merge_sql.h"

namespace metadb::ingest {
namespace {

using catalog::columns_sql;
using catalog::quote_literal;
using catalog::time_literal;

std::string micros(std::string_view time) {
  return fmt::format("(extract(epoch FROM {}) * 1000000)::bigint", time);
}

}  // namespace

// In a subquery with a limit rows are found by their key; not in the order of their __id, by whose
// index a whole leaf might be read for one of them.
std::string MergeSql::find_covering(const std::string& leaf, const Times& times) const {
  return fmt::format(
      "SELECT h.* FROM {} s CROSS JOIN LATERAL (SELECT h.__id, {}, CASE WHEN h.__current THEN NULL "
      "ELSE {} END, record_image_eq({}, {}) FROM {} h WHERE {} AND h.__start <= {} AND h.__end > "
      "{} AND h.__start < {} ORDER BY h.__id + 0 DESC LIMIT 1) h WHERE s.n <> 0",
      stage(), micros("h.__start"), micros("h.__end"), image("s", true), image("h", false), leaf,
      join_condition("s", "h"), time_literal(times.at_us), time_literal(times.at_us),
      time_literal(times.closed_us));
}

std::string MergeSql::find_next(const std::string& leaf, int64_t at_us) const {
  return fmt::format(
      "SELECT h.* FROM {} s CROSS JOIN LATERAL (SELECT h.__id, {}, record_image_eq({}, {}) FROM {} "
      "h WHERE {} AND h.__start >= {} ORDER BY h.__start, h.__id LIMIT 1) h WHERE s.n <> 0",
      stage(), micros("h.__start"), image("s", true), image("h", false), leaf,
      join_condition("s", "h"), time_literal(at_us));
}

// Its year may be another one now, and with that its leaf.
std::string MergeSql::begin_version(const std::string& leaf, int64_t id, int64_t at_us) const {
  return fmt::format(
      "WITH gone AS (DELETE FROM {0} t WHERE t.__id = {3} RETURNING t.*) INSERT INTO {1} (__id,"
      " __start, __end, __current, __origin{2}) SELECT __id, {4}, __end, false, __origin{2} FROM"
      " gone",
      leaf, table_.history(), columns_sql(table_), id, time_literal(at_us));
}

std::string MergeSql::begin_current_row(int64_t id, int64_t at_us) const {
  return fmt::format("UPDATE {} SET __start = {} WHERE __id = {}", table_.current(),
                     time_literal(at_us), id);
}

std::string MergeSql::end_version(const std::string& leaf, int64_t id, int64_t at_us) {
  return fmt::format("UPDATE {} SET __end = {} WHERE __id = {}", leaf, time_literal(at_us), id);
}

std::string MergeSql::end_current_row(int64_t id, int64_t at_us) const {
  return fmt::format(
      "WITH gone AS (DELETE FROM {0} t WHERE t.__id = {3} RETURNING t.*) INSERT INTO {1} (__id,"
      " __start, __end, __current, __origin{2}) SELECT __id, __start, {4}, false, __origin{2} FROM"
      " gone",
      table_.current(), table_.history(), columns_sql(table_), id, time_literal(at_us));
}

std::string MergeSql::insert_late(int64_t start_us, int64_t end_us) const {
  return fmt::format(
      "WITH late AS (INSERT INTO {} ({}) SELECT nextval({}::regclass), {}, {}, false, {}{} FROM {} "
      "s RETURNING __id), w AS (INSERT INTO pg_temp.work (n, id, d) SELECT s.n, late.__id, false "
      "FROM late, {} s) SELECT __id FROM late",
      table_.history(), target_columns(), quote_literal(table_.id_sequence), time_literal(start_us),
      time_literal(end_us), quote_literal(shape_.origin), stage_values("s"), stage(), stage());
}

std::string MergeSql::insert_rest(const std::string& leaf, int64_t id, int64_t start_us,
                                  std::optional<int64_t> end_us) const {
  return fmt::format(
      "INSERT INTO {0} (__id, __start, __end, __current, __origin{1}) SELECT "
      "nextval({2}::regclass), {3}, {4}, {5}, __origin{1} FROM {6} h WHERE h.__id = {7} RETURNING "
      "__id",
      end_us ? table_.history() : table_.current(), columns_sql(table_),
      quote_literal(table_.id_sequence), time_literal(start_us),
      end_us ? time_literal(*end_us) : std::string(catalog::kNoEnd), end_us ? "false" : "true",
      leaf, id);
}

std::string MergeSql::copy_unresolved(int64_t from_id, int64_t to_id) const {
  return fmt::format(
      "INSERT INTO metadb.unresolved (schema_name, table_name, row_id, column_name) SELECT"
      " schema_name, table_name, {}, column_name FROM metadb.unresolved WHERE schema_name = {} AND"
      " table_name = {} AND row_id = {} ON CONFLICT DO NOTHING",
      to_id, quote_literal(table_.schema), quote_literal(table_.current_name), from_id);
}

}  // namespace metadb::ingest
