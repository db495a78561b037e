#include "ingest/lane.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

#include "catalog/dependents.h"
#include "catalog/stream_lock.h"

namespace metadb::ingest {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstRetry{1'000};
// What passes by itself is to be over soon after it has passed. A try holds up the other topics:
// where somebody must do something first, and where a lock is waited for, there are fewer.
constexpr milliseconds kLastRetryOfWeather{10'000};
constexpr milliseconds kLastRetry{60'000};
constexpr std::chrono::minutes kOnlyDropping{10};
constexpr size_t kTablesMax = 10'000;

bool passes_by_itself(const LaneStopped& reason) {
  return disposition(reason) == Disposition::weather && reason.sqlstate != "55P03";
}

// Jitter keeps servers from coming back at once. Topics that were stopped together come back
// together: each start costs the others what they have read ahead.
milliseconds pause_before(int tries, const LaneStopped& reason) {
  static const int64_t part = 75 + std::random_device()() % 26;
  const milliseconds most = passes_by_itself(reason) ? kLastRetryOfWeather : kLastRetry;
  return std::min(most, kFirstRetry * (1 << std::min(tries, 6))) * part / 100;
}

}  // namespace

std::shared_ptr<Decoder> Decoders::take() {
  const bool has_room = current_ != nullptr && current_.use_count() <= kLanesPerDecoder;
  if (!has_room) current_ = std::make_shared<Decoder>(options_);
  return current_;
}

bool Lane::passes(const Rules& rules, const std::shared_ptr<const EventTable>& table) {
  const auto found = passes_.find(table);
  if (found != passes_.end()) return found->second;
  if (passes_.size() >= kTablesMax) passes_.clear();
  return passes_[table] = rules.passes(*table);
}

void Lane::stop(const LaneStopped& reason) {
  const int64_t since_us = is_on_trial() ? report_.since_us : now_us();
  is_limited_ = reason.limited_until.has_value();
  report_ = {catalog::described(reason), reason.needs_resync, since_us, is_limited_};
  const milliseconds pause = pause_before(failures_++, reason);
  busy_table_ = reason.busy_table;
  locked_tables_ = reason.locked_tables;
  has_seen_lock_ = false;
  next_try_ = Clock::now() + pause;
  if (reason.needs_resync) {
    stopped_until_ = Clock::time_point::max();
  } else if (is_limited_) {
    stopped_until_ = *reason.limited_until;
    if (*stopped_until_ != Clock::time_point::max()) {
      const auto left = *stopped_until_ - Clock::now();
      report_.next_retry_us =
          now_us() + std::chrono::duration_cast<std::chrono::microseconds>(left).count();
    }
  } else {
    wait(busy_table_ || !locked_tables_.empty() ? kFirstRetry : pause);
  }
}

void Lane::forgive() {
  letters.forgive();
  if (is_limited_ && stopped_until_) stopped_until_ = Clock::now();
  is_limited_ = false;
}

void Lane::wait(std::chrono::milliseconds time) {
  stopped_until_ = Clock::now() + time;
  report_.next_retry_us = now_us() + std::chrono::microseconds(time).count();
}

bool Lane::resume(catalog::Connection& connection) {
  if (is_kept_waiting(connection)) {
    wait(kFirstRetry);
    return false;
  }
  stopped_until_.reset();
  report_.next_retry_us.reset();
  return true;
}

// A lock on rows can't be seen, nor does one for reading tell whether it was in the way of DDL:
// then the pauses grow.
bool Lane::is_kept_waiting(catalog::Connection& connection) {
  if (busy_table_) return catalog::is_stream_busy(connection, *busy_table_);
  if (locked_tables_.empty()) return false;
  const bool is_locked = catalog::is_closed_to_writers(connection, locked_tables_);
  has_seen_lock_ = has_seen_lock_ || is_locked;
  return is_locked || (!has_seen_lock_ && Clock::now() < next_try_);
}

bool Lane::is_due() const {
  return stopped_until_ && Clock::now() >= *stopped_until_;
}

void Lane::count_duplicate(const std::string& source_name) {
  if (!dropping_since_) {
    dropping_since_ = Clock::now();
    has_warned_ = false;
  }
  if (has_warned_ || Clock::now() - *dropping_since_ < kOnlyDropping) return;
  has_warned_ = true;
  spdlog::warn("data source {}: topic {} has delivered nothing but duplicates for ten minutes",
               source_name, topic_);
}

}  // namespace metadb::ingest
