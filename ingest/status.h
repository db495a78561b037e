// What a worker is doing, for `list status`.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "catalog/source_tables.h"
#include "ingest/source.h"
#include "ingest/stage_times.h"

namespace metadb::ingest {

enum class SourceState : uint8_t {
  starting,
  streaming,
  snapshot,
  snapshot_complete,  // and goes on; ENDSYNC is due
  retrying,
  needs_resync,
  lanes_stopped,  // some of its topics, which are tried again
  paused,
  waiting,
  stopped
};
std::string_view name_of(SourceState state);

// What an error is about, which decides when it is over.
enum class Trouble : uint8_t {
  stream,  // as soon as events arrive and are committed again
  source,  // the consumer tells it again every minute for as long as it stays
  group,   // once the group gives all that the topics have
};

// Events that are dealt with: their position is committed.
struct EventCounts {
  int64_t applied = 0;  // or set aside by PostgreSQL
  int64_t filtered = 0;
  int64_t duplicates = 0;
  EventCounts& operator+=(const EventCounts& more);
};

struct PartitionStatus {
  EventCounts events;
  std::optional<int64_t> end;  // as last heard of
};

struct StoppedLane {
  std::string reason;  // with its hint
  bool needs_resync = false;
  int64_t since_us = 0;
  bool is_over_letter_limit = false;       // goes on once that is forgiven
  std::optional<int64_t> next_retry_us{};  // none: it is being tried, or only a resync helps
};

// How fast rows of a snapshot come.
struct SnapshotRate {
  double rows_per_second = 0;
  // As far as something tells how many there will have been.
  std::optional<int64_t> seconds_left;
};

// How far the snapshot is that the source synchronizes with.
struct SnapshotProgress {
  int64_t generation = 0;
  int64_t rows = 0;
  int64_t bytes = 0;  // of their records
  // Rows it will have had, as far as notifications or the last synchronization tell.
  std::optional<int64_t> rows_expected;
  std::optional<int64_t> seconds_left;
  // By table, where rows of it have come since the stream began.
  std::map<catalog::SourceTableKey, SnapshotRate> rates;
  std::string signal;    // that it is complete; empty: it is not
  std::string obstacle;  // what keeps it from being complete, once a signal said so
};

// What PostgreSQL was given and has not answered yet.
struct Asked {
  std::string what;  // "a batch of 3000 changes"
  int64_t since_us = 0;
};

// All times are microseconds since 1970 UTC.
struct SourceStatus {
  SourceState state = SourceState::starting;
  int64_t since_us = 0;
  int64_t lag_events = 0;
  std::optional<double> lag_seconds;
  double events_per_second = 0;
  int64_t snapshot_rows = 0;                 // since the server was started
  std::optional<SnapshotProgress> snapshot;  // while the source synchronizes
  int64_t applied = 0;
  int64_t filtered = 0;
  int64_t duplicates = 0;
  int64_t dead_letters = 0;
  StageTimes times{};
  std::map<std::string, int64_t> ignored;  // by kind: tombstone, heartbeat, ...
  std::string last_error;
  std::optional<int64_t> last_error_us;
  std::optional<int64_t> next_retry_us;
  std::map<std::string, StoppedLane> stopped_lanes;  // by topic
  // What keeps records that were read from being applied; empty: nothing.
  std::string wait;
  int64_t wait_since_us = 0;
  std::map<int, Asked> asked;   // by the process id of the backend that has it
  std::map<int, Asked> builds;  // of indexes, for a batch that it has or before the next
};

// One worker writes, its writers' threads what PostgreSQL was asked; any thread reads.
class StatusBoard {
 public:
  template <class Change>
  void update(const Change& change) {
    const std::scoped_lock lock(mutex_);
    change(status_);
  }
  // Also notes since when, if the state is another one now.
  void enter(SourceState state);
  void report_error(Trouble kind, std::string text);
  // Enters `retrying`, says why and until when.
  void report_retry(std::string text, int64_t next_retry_us);
  // Events arrive and are committed: what the last error was about is over, if that proves it.
  void recovered(int64_t now_us);
  // No broker of the source answers: until source_is_back() the state is `retrying`, whatever else
  // is entered.
  void source_is_away();
  void source_is_back();
  // The group gives all there is.
  void group_is_whole();
  // PostgreSQL has this, until answered().
  void asked(int backend_pid, std::string what);
  void answered(int backend_pid);
  // The backend builds the indexes of the table from now on; empty: it has.
  void builds(int backend_pid, const std::string& table);
  [[nodiscard]] SourceStatus read() const;

  void count(const std::map<TopicPartition, EventCounts>& events);
  void see_end(const TopicPartition& at, int64_t end);
  // Partitions of other topics are no concern any more.
  void keep_topics(const std::set<std::string>& topics);
  [[nodiscard]] std::map<TopicPartition, PartitionStatus> partitions() const;

  // A trouble that stays would have been told again within this.
  static constexpr std::chrono::seconds kTroubleMax{90};

 private:
  void enter_locked(SourceState state);
  void report_locked(Trouble kind, std::string text);
  void forget_error_locked();

  mutable std::mutex mutex_;
  SourceStatus status_;
  Trouble last_trouble_ = Trouble::stream;
  bool is_source_away_ = false;
  std::map<TopicPartition, PartitionStatus> partitions_;
};

// What PostgreSQL is asked for as long as it lives.
class Asking {
 public:
  Asking(StatusBoard& board, int backend_pid, std::string what)
      : board_(board), backend_pid_(backend_pid) {
    board_.asked(backend_pid_, std::move(what));
  }
  ~Asking() { board_.answered(backend_pid_); }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

 private:
  StatusBoard& board_;
  int backend_pid_;
};

int64_t now_us();

}  // namespace metadb::ingest
