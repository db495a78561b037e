#include "catalog/positions.h"

#include <fmt/format.h>

#include <set>

namespace metadb::catalog {
namespace {

std::string text(uint64_t number) {
  return std::to_string(static_cast<int64_t>(number));
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
        "streaming_seen, epoch, snapshot_begin, has_streamed_since",
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

void advance(Connection& connection, const std::string& source_name, const Position& position) {
  const LastRecord last = position.last.value_or(LastRecord{});
  const auto number = [&](int64_t value) -> Param {
    if (!position.last) return std::nullopt;
    return std::to_string(value);
  };
  const Result updated = connection.exec(
      "UPDATE metadb.ingest_position SET next_offset = $5, last_offset = $6, last_ts = $7, "
      "last_hash = $8, "
      "streaming_seen = $9, cluster_id = $10, snapshot_begin = $11, has_streamed_since = $12, "
      "needs_resync = NULL WHERE source_name = $1 AND topic = $2 AND part = $3 AND epoch = $4",
      {source_name, position.topic, std::to_string(position.part), std::to_string(position.epoch),
       std::to_string(position.next_offset), number(last.offset), number(last.timestamp_ms),
       number(last.hash), position.streaming_seen ? "t" : "f", position.cluster_id,
       position.snapshot_begin ? Param(std::to_string(*position.snapshot_begin)) : std::nullopt,
       position.has_streamed_since ? "t" : "f"});
  if (updated.affected() != 1) throw taken_over(position);
  for (const auto& [server_name, mark] : position.watermarks) {
    connection.exec(
        "INSERT INTO metadb.ingest_watermark (source_name, topic, part, server_name, wm_commit, "
        "wm_lsn, wm_ts_us, wm_seen, wm_owed) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
        "ON CONFLICT (source_name, topic, part, server_name) "
        "DO UPDATE SET wm_commit = $5, wm_lsn = $6, wm_ts_us = $7, wm_seen = $8, wm_owed = $9",
        {source_name, position.topic, std::to_string(position.part), server_name,
         text(mark.commit_lsn), text(mark.lsn), std::to_string(mark.ts_us),
         std::to_string(mark.seen), std::to_string(mark.owed)});
  }
}

}  // namespace metadb::catalog
