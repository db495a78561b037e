// How far a snapshot is, for `list status` and the log.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "catalog/source_tables.h"
#include "ingest/snapshot_watch.h"
#include "ingest/status.h"

namespace metadb::ingest {

// Belongs to one stream; used by its thread.
class SnapshotReport {
 public:
  using Clock = std::chrono::steady_clock;

  // REQUIRES: `board` outlives it.
  SnapshotReport(std::string source_name, StatusBoard& board);

  // Tells the board what is committed, once a second, and the log once a minute.
  void tell(const SnapshotWatch& watch, Clock::time_point now);
  // The next time, whenever that is.
  void tell_soon() { next_ = {}; }

 private:
  // Rows that were committed when rates began to be counted.
  struct Since {
    Clock::time_point time;
    int64_t rows = 0;
    std::map<catalog::SourceTableKey, int64_t> by_table;
  };

  [[nodiscard]] SnapshotProgress progress(const SnapshotWatch& watch, Clock::time_point now);
  void log(const SnapshotProgress& progress, bool is_open, Clock::time_point now);

  std::string source_name_;
  StatusBoard& board_;
  Clock::time_point next_{};
  Clock::time_point next_log_{Clock::now() + std::chrono::minutes(1)};
  int64_t rows_logged_ = 0;
  std::optional<Since> since_;
  double rate_ = 0;  // rows per second
};

}  // namespace metadb::ingest
