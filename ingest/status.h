// What a worker is doing, for `list status`.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace metadb::ingest {

enum class SourceState : uint8_t {
  starting,
  streaming,
  snapshot,
  retrying,
  needs_resync,
  lanes_stopped,
  stopped
};
std::string_view name_of(SourceState state);

struct StoppedLane {
  std::string reason;  // with its hint
  bool needs_resync = false;
  int64_t since_us = 0;
};

// All times are microseconds since 1970 UTC.
struct SourceStatus {
  SourceState state = SourceState::starting;
  int64_t since_us = 0;
  int64_t lag_events = 0;
  std::optional<double> lag_seconds;
  double events_per_second = 0;
  int64_t snapshot_rows = 0;
  int64_t applied = 0;
  int64_t filtered = 0;
  int64_t duplicates = 0;
  int64_t dead_letters = 0;
  std::map<std::string, int64_t> ignored;  // by kind: tombstone, heartbeat, ...
  std::string last_error;
  std::optional<int64_t> last_error_us;
  std::optional<int64_t> next_retry_us;
  std::map<std::string, StoppedLane> stopped_lanes;  // by topic
};

// One worker writes, any thread reads.
class StatusBoard {
 public:
  template <class Change>
  void update(const Change& change) {
    const std::scoped_lock lock(mutex_);
    change(status_);
  }
  // Also notes since when, if the state is another one now.
  void enter(SourceState state);
  void report_error(std::string text);
  // Enters `retrying`, says why and until when.
  void report_retry(std::string text, int64_t next_retry_us);
  [[nodiscard]] SourceStatus read() const;

 private:
  void enter_locked(SourceState state);
  void report_locked(std::string text);

  mutable std::mutex mutex_;
  SourceStatus status_;
};

int64_t now_us();

}  // namespace metadb::ingest
