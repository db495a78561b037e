#include "catalog/positions.h"

#include <fmt/format.h>

#include <set>

namespace metadb::catalog {
namespace {

// As a string: the least bigint is no number that can be written with a sign before it.
std::string quoted(int64_t number) {
  return fmt::format("'{}'::bigint", number);
}
std::string quoted(uint64_t number) {
  return quoted(static_cast<int64_t>(number));
}
uint64_t lsn_of(const Result& rows, int row, int column) {
  return static_cast<uint64_t>(rows.int64(row, column));
}

Position position_of(const Result& rows, int row) {
  Position position;
  position.topic = rows.text(row, 0);
  position.part = static_cast<int32_t>(rows.int64(row, 1));
  position.cluster_id = rows.text(row, 2);
  position.next_offset = rows.int64(row, 3);
  if (!rows.is_null(row, 4)) {
    position.last = LastRecord{rows.int64(row, 4), rows.int64(row, 5), rows.int64(row, 6)};
  }
  position.streaming_seen = rows.boolean(row, 7);
  position.epoch = rows.int64(row, 8);
  if (!rows.is_null(row, 9)) position.snapshot_begin = rows.int64(row, 9);
  position.has_streamed_since = rows.boolean(row, 10);
  if (!rows.is_null(row, 11)) position.discontinuity = rows.text(row, 11);
  return position;
}

void load_watermarks(Connection& connection, const std::string& source_name, Position& position) {
  const Result rows = connection.exec(
      "SELECT server_name, wm_commit, wm_lsn, wm_ts_us, wm_seen, wm_owed FROM "
      "metadb.ingest_watermark "
      "WHERE source_name = $1 AND topic = $2 AND part = $3",
      {source_name, position.topic, std::to_string(position.part)});
  for (int row = 0; row < rows.rows(); ++row) {
    position.watermarks[std::string(rows.text(row, 0))] = {lsn_of(rows, row, 1),
                                                           lsn_of(rows, row, 2), rows.int64(row, 3),
                                                           rows.int64(row, 4), rows.int64(row, 5)};
  }
}

std::string update_sql(const std::string& source_name, const Position& position) {
  const std::string last =
      position.last ? fmt::format("{}, {}, {}", position.last->offset, position.last->timestamp_ms,
                                  quoted(position.last->hash))
                    : "NULL, NULL, NULL";
  return fmt::format(
      "UPDATE metadb.ingest_position SET (next_offset, last_offset, last_ts, last_hash, "
      "streaming_seen, cluster_id, snapshot_begin, has_streamed_since, needs_resync) = ROW({}, {}, "
      "{}, {}, {}, {}, NULL) WHERE source_name = {} AND topic = {} AND part = {} AND epoch = {}; ",
      position.next_offset, last, position.streaming_seen, quote_literal(position.cluster_id),
      position.snapshot_begin ? std::to_string(*position.snapshot_begin) : "NULL",
      position.has_streamed_since, quote_literal(source_name), quote_literal(position.topic),
      position.part, position.epoch);
}

// Empty if there are none.
std::string watermarks_sql(const std::string& source_name, const std::vector<Position>& positions) {
  std::string rows;
  for (const Position& position : positions) {
    for (const auto& [server_name, mark] : position.watermarks) {
      rows += fmt::format("{}({}, {}, {}, {}, {}, {}, {}, {}, {})", rows.empty() ? "" : ", ",
                          quote_literal(source_name), quote_literal(position.topic), position.part,
                          quote_literal(server_name), quoted(mark.commit_lsn), quoted(mark.lsn),
                          mark.ts_us, mark.seen, mark.owed);
    }
  }
  if (rows.empty()) return rows;
  return fmt::format(
      "INSERT INTO metadb.ingest_watermark (source_name, topic, part, server_name, wm_commit, "
      "wm_lsn, wm_ts_us, wm_seen, wm_owed) VALUES {} ON CONFLICT (source_name, topic, part, "
      "server_name) DO UPDATE SET (wm_commit, wm_lsn, wm_ts_us, wm_seen, wm_owed) = "
      "(excluded.wm_commit, excluded.wm_lsn, excluded.wm_ts_us, excluded.wm_seen, "
      "excluded.wm_owed); ",
      rows);
}

Error taken_over(const Position& position) {
  return {"40001",
          fmt::format("partition {} of topic \"{}\" has been taken over by another process",
                      position.part, position.topic)};
}

}  // namespace

std::map<std::pair<std::string, int32_t>, Position> take_over(
    Connection& connection, const std::string& source_name,
    const std::vector<std::pair<std::string, int32_t>>& partitions, const std::string& cluster_id) {
  std::map<std::pair<std::string, int32_t>, Position> out;
  Transaction transaction(connection);
  // Who holds a position waits for something; better to say so and come again than to hang here.
  connection.exec("SET LOCAL lock_timeout = '10s'");
  const std::set<std::pair<std::string, int32_t>> in_order(partitions.begin(), partitions.end());
  for (const auto& [topic, part] : in_order) {
    // A new row starts at offset -1: nothing applied yet, the consumer begins at the beginning.
    const Result rows = connection.exec(
        "INSERT INTO metadb.ingest_position AS p (source_name, topic, part, cluster_id, "
        "next_offset, epoch) "
        "VALUES ($1, $2, $3, $4, -1, 1) ON CONFLICT (source_name, topic, part) DO UPDATE SET epoch "
        "= p.epoch + 1 "
        "RETURNING topic, part, cluster_id, next_offset, last_offset, last_ts, last_hash, "
        "streaming_seen, epoch, snapshot_begin, has_streamed_since, discontinuity",
        {source_name, topic, std::to_string(part), cluster_id});
    Position position = position_of(rows, 0);
    load_watermarks(connection, source_name, position);
    out.emplace(std::pair(topic, part), std::move(position));
  }
  transaction.commit();
  return out;
}

void hold_epoch(Connection& connection, const std::string& source_name, const Position& position) {
  const Result held = connection.exec(
      "SELECT FROM metadb.ingest_position WHERE source_name = $1 AND topic = $2 AND part = $3 AND"
      " epoch = $4 FOR SHARE",
      {source_name, position.topic, std::to_string(position.part), std::to_string(position.epoch)});
  if (held.rows() != 1) throw taken_over(position);
}

void advance(Connection& connection, const std::string& source_name,
             const std::vector<Position>& positions, const std::string& then) {
  std::string sql;
  for (const Position& position : positions) sql += update_sql(source_name, position);
  sql += watermarks_sql(source_name, positions) + then;
  if (sql.empty()) return;
  const std::vector<Result> updated = connection.exec_each(sql);
  for (size_t i = 0; i < positions.size(); ++i) {
    if (updated[i].affected() != 1) throw taken_over(positions[i]);
  }
}

}  // namespace metadb::catalog
