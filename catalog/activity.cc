#include "catalog/activity.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "catalog/postgres.h"

namespace metadb::catalog {
namespace {

constexpr std::chrono::seconds kAnswerMax{2};

// The phases that count blocks, tuples or neither are PostgreSQL's affair.
constexpr std::string_view kActivity =
    "SELECT a.pid, pg_catalog.concat_ws(' ', a.wait_event_type, a.wait_event), "
    "pg_catalog.concat_ws(', ', p.phase, "
    "CASE WHEN p.partitions_total > 0 THEN pg_catalog.format('%s of %s partitions', "
    "p.partitions_done, p.partitions_total) END, "
    "CASE WHEN p.blocks_total > 0 THEN pg_catalog.format('%s of %s blocks', p.blocks_done, "
    "p.blocks_total) END, "
    "CASE WHEN p.tuples_total > 0 THEN pg_catalog.format('%s of %s rows', p.tuples_done, "
    "p.tuples_total) END) "
    "FROM pg_catalog.pg_stat_activity a LEFT JOIN pg_catalog.pg_stat_progress_create_index p "
    "USING (pid) WHERE a.pid IN ({})";

}  // namespace

std::map<int, BackendActivity> activity_of(const std::string& conninfo,
                                           const std::vector<int>& backends) {
  std::map<int, BackendActivity> out;
  if (backends.empty()) return out;
  Connection connection(
      conninfo_with(conninfo, {{"connect_timeout", std::to_string(kAnswerMax.count())}}));
  const Result rows = connection.exec_within(
      fmt::format(fmt::runtime(kActivity), fmt::join(backends, ", ")), kAnswerMax);
  for (int row = 0; row < rows.rows(); ++row) {
    out[static_cast<int>(rows.int64(row, 0))] = {std::string(rows.text(row, 1)),
                                                 std::string(rows.text(row, 2))};
  }
  return out;
}

}  // namespace metadb::catalog
