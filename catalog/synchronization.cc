#include "catalog/synchronization.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/purge.h"

namespace metadb::catalog {
namespace {

constexpr std::string_view kMicros = "(extract(epoch FROM {}) * 1000000)::bigint";

std::string micros(std::string_view column) {
  return fmt::format(fmt::runtime(kMicros), column);
}

Param number(const std::optional<int64_t>& value) {
  if (!value) return std::nullopt;
  return std::to_string(*value);
}

std::optional<int64_t> optional_int64(const Result& rows, int row, int column) {
  if (rows.is_null(row, column)) return std::nullopt;
  return rows.int64(row, column);
}

std::string flag(bool value) {
  return value ? "t" : "f";
}

SourceTableKey table_key(const std::string& source_name, const Result& rows, int row) {
  return {source_name, std::string(rows.text(row, 0)), std::string(rows.text(row, 1)),
          std::string(rows.text(row, 2))};
}

void load_servers(Connection& connection, const std::string& source_name, Synchronization& out) {
  const Result rows = connection.exec(
      fmt::format("SELECT server_name, {}, {} / 1000, is_initial, coalesce(signal, ''), {} FROM "
                  "metadb.snapshot_server WHERE source_name = $1",
                  micros("first_time"), micros("first_record"), micros("first_change")),
      {source_name});
  for (int row = 0; row < rows.rows(); ++row) {
    out.servers[std::string(rows.text(row, 0))] = {
        optional_int64(rows, row, 1), optional_int64(rows, row, 2), rows.boolean(row, 3),
        std::string(rows.text(row, 4)), optional_int64(rows, row, 5)};
  }
}

void load_tables_of(Connection& connection, const std::string& source_name, Synchronization& out) {
  const Result rows = connection.exec(
      fmt::format(
          "SELECT source_db, source_schema, source_table, server_name, row_count, byte_count, "
          "expected, is_scanned, coalesce(problem, ''), EXISTS (SELECT FROM metadb.source_table s "
          "JOIN metadb.ingest_position p ON p.source_name = s.source_name AND p.topic = s.topic "
          "WHERE p.is_unmarked AND s.source_name = t.source_name AND s.source_db = t.source_db AND "
          "s.source_schema = t.source_schema AND s.source_table = t.source_table), begin_id, {} / "
          "1000, {}, begun_anew FROM metadb.snapshot_table t WHERE source_name = $1",
          micros("begin_record"), micros("begin_time")),
      {source_name});
  for (int row = 0; row < rows.rows(); ++row) {
    SnapshotTable& table = out.tables[table_key(source_name, rows, row)];
    table.server_name = rows.text(row, 3);
    table.rows = rows.int64(row, 4);
    table.bytes = rows.int64(row, 5);
    table.expected = optional_int64(rows, row, 6);
    table.is_scanned = rows.boolean(row, 7);
    table.problem = rows.text(row, 8);
    table.is_partial = rows.boolean(row, 9);
    if (!rows.is_null(row, 10))
      table.begin = {rows.int64(row, 10), rows.int64(row, 11), rows.int64(row, 12)};
    table.begun_anew = static_cast<int>(rows.int64(row, 13));
  }
}

std::vector<std::string> names(const Result& rows) {
  std::vector<std::string> out;
  for (int row = 0; row < rows.rows(); ++row) out.emplace_back(rows.text(row, 0));
  return out;
}

// Topics that are read from their beginning: what they hold behind a gap, or in place of what they
// held, tells nothing of what was lost. The rows stay, with their epochs: a late batch must not
// find one that is new.
std::vector<std::string> forget_topics(Connection& connection, const std::string& source_name) {
  return names(connection.exec(
      "WITH forgotten AS (UPDATE metadb.ingest_position p SET next_offset = -1, last_offset = "
      "NULL, last_ts = NULL, last_hash = NULL, streaming_seen = false, snapshot_begin = NULL, "
      "has_streamed_since = false, needs_resync = NULL, discontinuity = NULL WHERE source_name = "
      "$1 AND EXISTS (SELECT FROM metadb.ingest_position r WHERE r.source_name = $1 AND r.topic = "
      "p.topic AND (r.needs_resync IS NOT NULL OR r.discontinuity IS NOT NULL)) RETURNING topic), "
      "watermarks AS (DELETE FROM metadb.ingest_watermark WHERE source_name = $1 AND topic IN "
      "(SELECT topic FROM forgotten)), "
      "letters AS (DELETE FROM metadb.dead_letter WHERE source_name = $1 AND topic IN (SELECT "
      "topic FROM forgotten)) SELECT DISTINCT topic FROM forgotten ORDER BY topic",
      {source_name}));
}

// Partitions that hold the beginning of a new snapshot, one that came since the last ENDSYNC, and
// no streaming event after it: its rows are read again and make no second versions.
std::vector<std::string> rewind(Connection& connection, const std::string& source_name) {
  const Result rows = connection.exec(
      "UPDATE metadb.ingest_position SET next_offset = snapshot_begin, last_offset = NULL, last_ts "
      "= NULL, last_hash = NULL WHERE source_name = $1 AND snapshot_begin IS NOT NULL AND NOT "
      "has_streamed_since RETURNING topic, part, next_offset",
      {source_name});
  std::vector<std::string> out;
  for (int row = 0; row < rows.rows(); ++row) {
    const std::string topic(rows.text(row, 0));
    const std::string part(rows.text(row, 1));
    connection.exec(
        "DELETE FROM metadb.ingest_watermark WHERE source_name = $1 AND topic = $2 AND part = $3",
        {source_name, topic, part});
    connection.exec(
        "DELETE FROM metadb.dead_letter WHERE source_name = $1 AND topic = $2 AND part = $3 AND "
        "\"offset\" >= $4",
        {source_name, topic, part, std::string(rows.text(row, 2))});
    if (out.empty() || out.back() != topic) out.push_back(topic);
  }
  return out;
}

// Tables whose relations somebody has dropped are made anew from the snapshot.
void forget_lost_tables(Connection& connection, const std::string& source_name) {
  const Result rows = connection.exec(
      "SELECT m.schema_name, m.table_name FROM metadb.managed_table m JOIN metadb.base_table b "
      "USING (schema_name, table_name) WHERE b.source_name = $1 AND to_regclass(format('%I.%I', "
      "m.schema_name, m.table_name)) IS NULL",
      {source_name});
  std::set<TableName> lost;
  for (int row = 0; row < rows.rows(); ++row)
    lost.emplace(std::string(rows.text(row, 0)), std::string(rows.text(row, 1)));
  if (!lost.empty()) purge(connection, with_derived(connection, lost));
}

// Where a complete snapshot began is of no concern to the next: its rows would confirm what has
// gone since.
void forget_complete_snapshot(Connection& connection, const std::string& source_name) {
  connection.exec(
      "UPDATE metadb.ingest_position SET snapshot_begin = NULL, has_streamed_since = false WHERE "
      "source_name = $1 AND EXISTS (SELECT FROM metadb.synchronization y WHERE y.source_name = $1 "
      "AND y.complete IS NOT NULL)",
      {source_name});
}

}  // namespace

const SnapshotTable::Begin* Synchronization::newest_begin(const std::string& server_name) const {
  const SnapshotTable::Begin* newest = nullptr;
  for (const auto& [key, table] : tables) {
    if (table.server_name != server_name || !table.begin) continue;
    if (newest == nullptr || table.begin->record_ms > newest->record_ms) newest = &*table.begin;
  }
  return newest;
}

std::optional<int64_t> SnapshotServer::swept_before_us() const {
  if (is_initial || !first_us || !first_change_us) return first_us;
  return std::min(*first_us, *first_change_us);
}

Synchronization load_synchronization(Connection& connection, const std::string& source_name) {
  Synchronization out;
  const Result rows = connection.exec(
      fmt::format("SELECT s.sync, y.generation, {}, coalesce(y.signal, ''), {} FROM "
                  "metadb.source s JOIN metadb.synchronization y ON y.source_name = "
                  "s.name WHERE s.name = $1",
                  micros("y.began"), micros("y.complete")),
      {source_name});
  if (rows.rows() == 0) return out;
  out.mode = static_cast<SyncMode>(rows.int64(0, 0));
  out.generation = rows.int64(0, 1);
  out.began_us = rows.int64(0, 2);
  out.signal = rows.text(0, 3);
  out.complete_us = optional_int64(rows, 0, 4);
  load_servers(connection, source_name, out);
  load_tables_of(connection, source_name, out);
  return out;
}

void record_snapshot(Connection& connection, const std::string& source_name, int64_t generation,
                     const SnapshotNews& news) {
  if (news.is_empty()) return;
  const Result present = connection.exec(
      "SELECT FROM metadb.synchronization WHERE source_name = $1 AND generation = $2 FOR SHARE",
      {source_name, std::to_string(generation)});
  if (present.rows() == 0) return;
  for (const auto& [name, server] : news.servers) {
    connection.exec(
        "INSERT INTO metadb.snapshot_server AS s (source_name, server_name, first_time, "
        "first_record, is_initial, signal, first_change) VALUES ($1, $2, 'epoch'::timestamptz + "
        "$3::bigint * interval '1 us', 'epoch'::timestamptz + $4::bigint * interval '1 ms', $5, "
        "nullif($6, ''), 'epoch'::timestamptz + $7::bigint * interval '1 us') ON CONFLICT "
        "(source_name, server_name) DO UPDATE SET first_time = least(s.first_time, "
        "EXCLUDED.first_time), first_record = least(s.first_record, EXCLUDED.first_record), "
        "is_initial = s.is_initial OR EXCLUDED.is_initial, signal = coalesce(s.signal, "
        "EXCLUDED.signal), first_change = least(s.first_change, EXCLUDED.first_change)",
        {source_name, name, number(server.first_us), number(server.first_record_ms),
         flag(server.is_initial), server.signal, number(server.first_change_us)});
  }
  for (const auto& [key, table] : news.tables) {
    connection.exec(
        "INSERT INTO metadb.snapshot_table AS t (source_name, source_db, source_schema, "
        "source_table, server_name, row_count, byte_count, expected, is_scanned, problem, "
        "begin_id, begin_record, begin_time, begun_anew) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, "
        "$9, nullif($10, ''), $11, 'epoch'::timestamptz + $12::bigint * interval '1 ms', "
        "'epoch'::timestamptz + $13::bigint * interval '1 us', $14) ON CONFLICT (source_name, "
        "source_db, source_schema, source_table) DO UPDATE SET server_name = EXCLUDED.server_name, "
        "row_count = CASE WHEN EXCLUDED.begun_anew = 0 THEN t.row_count ELSE 0 END + "
        "EXCLUDED.row_count, byte_count = CASE WHEN EXCLUDED.begun_anew = 0 THEN t.byte_count ELSE "
        "0 END + EXCLUDED.byte_count, expected = coalesce(EXCLUDED.expected, t.expected), "
        "is_scanned = t.is_scanned AND EXCLUDED.begun_anew = 0 OR EXCLUDED.is_scanned, problem = "
        "CASE WHEN EXCLUDED.is_scanned OR EXCLUDED.begun_anew > 0 THEN EXCLUDED.problem ELSE "
        "coalesce(EXCLUDED.problem, t.problem) END, begin_id = coalesce(EXCLUDED.begin_id, "
        "t.begin_id), begin_record = coalesce(EXCLUDED.begin_record, t.begin_record), begin_time = "
        "coalesce(EXCLUDED.begin_time, t.begin_time), begun_anew = t.begun_anew + "
        "EXCLUDED.begun_anew",
        {source_name, key.db, key.schema, key.table, table.server_name, std::to_string(table.rows),
         std::to_string(table.bytes), number(table.expected), flag(table.is_scanned), table.problem,
         table.begin ? number(table.begin->id) : std::nullopt,
         table.begin ? number(table.begin->record_ms) : std::nullopt,
         table.begin ? number(table.begin->ts_us) : std::nullopt,
         std::to_string(table.begun_anew)});
  }
}

void reopen_snapshot(Connection& connection, const std::string& source_name, int64_t generation,
                     const std::string& server_name) {
  Transaction transaction(connection);
  const Result present = connection.exec(
      "UPDATE metadb.synchronization SET complete = NULL, signal = NULL WHERE source_name = $1 AND "
      "generation = $2",
      {source_name, std::to_string(generation)});
  if (present.affected() == 0) return;
  connection.exec(
      "UPDATE metadb.snapshot_server SET signal = NULL WHERE source_name = $1 AND server_name = $2",
      {source_name, server_name});
  transaction.commit();
}

bool complete_snapshot(Connection& connection, const std::string& source_name, int64_t generation,
                       const std::string& signal) {
  return connection
             .exec(
                 "UPDATE metadb.synchronization SET signal = $3, complete = now() WHERE "
                 "source_name = $1 AND generation = $2 AND complete IS NULL",
                 {source_name, std::to_string(generation), signal})
             .affected() > 0;
}

Resync begin_resync(Connection& connection, const std::string& source_name) {
  const Result before =
      connection.exec("SELECT sync FROM metadb.source WHERE name = $1 FOR UPDATE", {source_name});
  if (before.rows() == 0) throw no_such_source(source_name);
  // What ENDSYNC would have forgotten.
  if (static_cast<SyncMode>(before.int64(0, 0)) != SyncMode::none)
    forget_complete_snapshot(connection, source_name);
  connection.exec("UPDATE metadb.source SET sync = $2 WHERE name = $1",
                  {source_name, std::to_string(static_cast<int>(SyncMode::resync))});
  Resync out;
  out.generation = connection
                       .exec(
                           "INSERT INTO metadb.synchronization AS y (source_name) VALUES ($1) ON "
                           "CONFLICT (source_name) DO UPDATE SET generation = y.generation + 1, "
                           "began = now(), signal = NULL, complete = NULL RETURNING generation",
                           {source_name})
                       .int64(0, 0);
  connection.exec("UPDATE metadb.ingest_position SET epoch = epoch + 1 WHERE source_name = $1",
                  {source_name});
  forget_lost_tables(connection, source_name);
  const auto letters = [&] {
    return connection
        .exec("SELECT count(*) FROM metadb.dead_letter WHERE source_name = $1", {source_name})
        .int64(0, 0);
  };
  const int64_t letters_before = letters();
  out.read_again = forget_topics(connection, source_name);
  for (const std::string& topic : rewind(connection, source_name)) out.read_again.push_back(topic);
  out.dropped_letters = letters_before - letters();
  connection.exec("DELETE FROM metadb.snapshot_server WHERE source_name = $1", {source_name});
  // What was read last is the estimate.
  connection.exec(
      "UPDATE metadb.snapshot_table SET expected = CASE WHEN row_count > 0 THEN row_count ELSE "
      "expected END, row_count = 0, byte_count = 0, is_scanned = false, problem = NULL, begin_id = "
      "NULL, begin_record = NULL, begin_time = NULL, begun_anew = 0 WHERE source_name = $1",
      {source_name});
  // What a partition has of a snapshot behind which it streams can't be read again without making
  // versions that never were.
  connection.exec(
      "UPDATE metadb.ingest_position SET is_unmarked = snapshot_begin IS NOT NULL AND "
      "has_streamed_since WHERE source_name = $1",
      {source_name});
  connection.exec("UPDATE metadb.source_table SET server_name = '' WHERE source_name = $1",
                  {source_name});
  const Result kept = connection.exec(
      "SELECT DISTINCT topic FROM metadb.ingest_position WHERE source_name = $1 AND next_offset > "
      "0 AND NOT (snapshot_begin IS NOT NULL AND NOT has_streamed_since) ORDER BY topic",
      {source_name});
  out.kept = names(kept);
  return out;
}

void end_synchronization(Connection& connection, const std::string& source_name) {
  const Result ended =
      connection.exec("UPDATE metadb.source SET sync = $2 WHERE name = $1",
                      {source_name, std::to_string(static_cast<int>(SyncMode::none))});
  if (ended.affected() == 0) throw no_such_source(source_name);
  connection.exec(
      "UPDATE metadb.ingest_position SET snapshot_begin = NULL, has_streamed_since = false, "
      "is_unmarked = false WHERE source_name = $1 AND (snapshot_begin IS NOT NULL OR is_unmarked)",
      {source_name});
}

void record_needs_resync(Connection& connection, const std::string& source_name,
                         const std::string& topic, const NeedsResync& needs) {
  connection.exec(
      "UPDATE metadb.ingest_position SET needs_resync = $3, discontinuity = nullif($4, '') WHERE "
      "source_name = $1 AND topic = $2",
      {source_name, topic, needs.reason, needs.discontinuity});
}

}  // namespace metadb::catalog
