#include "catalog/sweep.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/sql_time.h"

namespace metadb::catalog {
namespace {

// So many ids in one transaction: it is short enough for a batch to wait for.
constexpr int64_t kIdsAtOnce = 100'000;

// The rows of `t` that end. `marks`: a condition on the marks `m` to look at.
std::string unseen(const SweepTarget& target, const std::string& marks = "true") {
  return fmt::format(
      "t.__origin = {} AND t.__start < {} AND NOT EXISTS (SELECT FROM {} m WHERE m.__id = t.__id "
      "AND m.generation >= {} AND {})",
      quote_literal(target.origin), time_literal(target.snapshot_us),
      quote_qualified(target.table.schema, target.table.sync_name), target.generation, marks);
}

}  // namespace

SweepCount count_sweep(Connection& connection, const SweepTarget& target) {
  const Result rows = connection.exec(
      fmt::format("SELECT count(*), count(*) FILTER (WHERE {}) FROM {} t WHERE t.__origin = {}",
                  unseen(target), target.table.current(), quote_literal(target.origin)));
  return {rows.int64(0, 0), rows.int64(0, 1)};
}

void hold_synchronization(Connection& connection, const SweepTarget& target) {
  const Result present = connection.exec(
      "SELECT FROM metadb.synchronization y JOIN metadb.source s ON s.name = y.source_name WHERE "
      "s.name = $1 AND y.generation = $2 AND s.sync <> $3 FOR SHARE OF y, s",
      {target.source.source_name, std::to_string(target.generation),
       std::to_string(static_cast<int>(SyncMode::none))});
  if (present.rows() == 0) {
    throw Error(
        "55000",
        fmt::format(
            "the synchronization of data source \"{}\" has ended, or another has begun, meanwhile",
            target.source.source_name));
  }
}

SweepPlace begin_sweep(Connection& connection, const SweepTarget& target) {
  const Result ids = connection.exec(fmt::format(
      "SELECT coalesce(min(__id), 1) - 1, coalesce(max(__id), 0) FROM {}", target.table.current()));
  return {ids.int64(0, 0), ids.int64(0, 1)};
}

int64_t sweep_some(Connection& connection, const SweepTarget& target, SweepPlace& place) {
  hold_synchronization(connection, target);
  // Ids that are gone are passed over.
  const Result next = connection.exec(
      fmt::format("SELECT min(__id) FROM {} WHERE __id > $1", target.table.current()),
      {std::to_string(place.done_id)});
  if (next.is_null(0, 0)) {
    place.done_id = place.last_id;
    return 0;
  }
  place.done_id = next.int64(0, 0) - 1;
  const int64_t until =
      std::max(place.done_id + 1, std::min(place.last_id, place.done_id + kIdsAtOnce));
  // Without bounds of their own all marks would be read each time.
  const std::string marks = fmt::format("m.__id > {} AND m.__id <= {}", place.done_id, until);
  const Result ended = connection.exec(fmt::format(
      "WITH gone AS (DELETE FROM {0} t WHERE t.__id > {1} AND t.__id <= {2} AND {3} RETURNING "
      "t.*), kept AS (INSERT INTO {4} (__id, __start, __end, __current, __origin{5}) SELECT __id, "
      "__start, {6}, false, __origin{5} FROM gone RETURNING __end) SELECT count(*), (extract(epoch "
      "FROM max(__end)) * 1000000)::bigint FROM kept",
      target.table.current(), place.done_id, until, unseen(target, marks), target.table.history(),
      columns_sql(target.table), time_literal(target.snapshot_us)));
  if (!ended.is_null(0, 1)) raise_last_end(connection, target.source, ended.int64(0, 1));
  place.done_id = until;
  return ended.int64(0, 0);
}

bool has_marks(Connection& connection, const Table& table) {
  const std::string marks = quote_qualified(table.schema, table.sync_name);
  const Result there = connection.exec("SELECT to_regclass($1) IS NOT NULL", {marks});
  return there.boolean(0, 0) &&
         connection.exec(fmt::format("SELECT EXISTS (SELECT FROM {})", marks)).boolean(0, 0);
}

void clear_marks(Connection& connection, const Table& table) {
  connection.exec(fmt::format("TRUNCATE {}", quote_qualified(table.schema, table.sync_name)));
}

}  // namespace metadb::catalog
