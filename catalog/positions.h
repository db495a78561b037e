// How far each partition of each source has been applied, and what its last record was.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catalog/postgres.h"

namespace metadb::catalog {

// The last record delivered from a partition: shows on the next start whether the topic is still
// the one it was.
struct LastRecord {
  int64_t offset = 0;
  int64_t timestamp_ms = 0;
  int64_t hash = 0;  // of key and value
};

// Largest position seen of one server's events in a partition (debezium-format 14.3). Several
// events may share it: the rows of one multi-row insert do.
struct Watermark {
  uint64_t commit_lsn = 0;
  uint64_t lsn = 0;
  int64_t ts_us = 0;
  int64_t seen = 1;  // events applied at this position
  int64_t owed = 0;  // of these, how many a producer that repeats itself has yet to repeat
};

struct Position {
  std::string topic;
  int32_t part = 0;
  std::string cluster_id;
  int64_t next_offset = 0;
  std::optional<LastRecord> last;
  bool streaming_seen = false;
  // Where the newest snapshot begins that was seen since the last ENDSYNC, and whether a streaming
  // event was applied behind it.
  std::optional<int64_t> snapshot_begin;
  bool has_streamed_since = false;
  // Why its topic stands until it is resynchronized, where a look at it may not show that any more.
  std::optional<std::string> discontinuity;
  int64_t epoch = 0;
  std::map<std::string, Watermark> watermarks;  // by source.name of the events
};

// Fences every earlier holder of these partitions and reads where to go on. In one transaction:
// locks the rows (which waits for a backend of a killed process that is still committing), raises
// the epoch, then reads. A partition without a row gets one, with next_offset -1: nothing has been
// applied, begin at the beginning. Throws Error 55P03 if somebody keeps a row for ten seconds.
std::map<std::pair<std::string, int32_t>, Position> take_over(
    Connection& connection, const std::string& source_name,
    const std::vector<std::pair<std::string, int32_t>>& partitions, const std::string& cluster_id);

// Throws Error 40001 (fenced) if another process has taken the partition over since, and keeps
// others from doing so until the transaction ends. REQUIRES: a transaction.
void hold_epoch(Connection& connection, const std::string& source_name, const Position& position);

// Writes positions and their watermarks, in this order. REQUIRES: the transaction that wrote the
// rows. Throws Error 40001 (fenced) if another process has taken a partition over since. `then`:
// statements that are run afterwards, in the same exchange.
void advance(Connection& connection, const std::string& source_name,
             const std::vector<Position>& positions, const std::string& then = "");

}  // namespace metadb::catalog
