// The statements of a truncate.
#include <fmt/format.h>

#include "catalog/sql_time.h"
#include "ingest/merge_sql.h"

namespace metadb::ingest {
namespace {

using catalog::columns_sql;
using catalog::quote_literal;
using catalog::time_literal;

// `which`: of the current rows `t`.
std::string end_where(const catalog::Table& table, const std::string& which, int64_t ts_us) {
  return fmt::format(
      "WITH gone AS (DELETE FROM {0} t WHERE {1} RETURNING t.*), "
      "kept AS (INSERT INTO {2} (__id, __start, __end, __current, __origin{3}) "
      "SELECT __id, __start, greatest(__start, {4}), false, __origin{3} FROM gone RETURNING __end) "
      "SELECT count(*), (extract(epoch FROM max(__end)) * 1000000)::bigint FROM kept",
      table.current(), which, table.history(), columns_sql(table), time_literal(ts_us));
}

}  // namespace

std::string MergeSql::end_all(const catalog::Table& table, const std::string& origin,
                              int64_t ts_us) {
  return end_where(table, fmt::format("t.__origin = {}", quote_literal(origin)), ts_us);
}

std::string MergeSql::end_older(const catalog::Table& table, const std::string& origin,
                                int64_t ts_us) {
  return end_where(
      table,
      fmt::format("t.__origin = {} AND t.__start < {}", quote_literal(origin), time_literal(ts_us)),
      ts_us);
}

std::string MergeSql::cut_older(const std::string& leaf, const std::string& origin, int64_t ts_us) {
  return fmt::format(
      "UPDATE {0} SET __end = {1} WHERE __origin = {2} AND __start < {1} AND __end > {1}", leaf,
      time_literal(ts_us), quote_literal(origin));
}

}  // namespace metadb::ingest
