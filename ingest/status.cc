#include "ingest/status.h"

#include <chrono>

namespace metadb::ingest {

std::string_view name_of(SourceState state) {
  switch (state) {
    case SourceState::starting:
      return "starting";
    case SourceState::streaming:
      return "streaming";
    case SourceState::snapshot:
      return "snapshot";
    case SourceState::snapshot_complete:
      return "snapshot complete";
    case SourceState::retrying:
      return "retrying";
    case SourceState::needs_resync:
      return "needs resync";
    case SourceState::lanes_stopped:
      return "retrying";
    case SourceState::paused:
      return "paused";
    case SourceState::waiting:
      return "waiting";
    case SourceState::stopped:
      return "stopped";
  }
  return "";
}

int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void StatusBoard::enter(SourceState state) {
  const std::scoped_lock lock(mutex_);
  enter_locked(state);
}

EventCounts& EventCounts::operator+=(const EventCounts& more) {
  applied += more.applied;
  filtered += more.filtered;
  duplicates += more.duplicates;
  return *this;
}

void StatusBoard::report_error(Trouble kind, std::string text) {
  const std::scoped_lock lock(mutex_);
  report_locked(kind, std::move(text));
}

void StatusBoard::report_retry(std::string text, int64_t next_retry_us) {
  const std::scoped_lock lock(mutex_);
  enter_locked(SourceState::retrying);
  report_locked(Trouble::stream, std::move(text));
  status_.next_retry_us = next_retry_us;
}

void StatusBoard::source_is_away() {
  const std::scoped_lock lock(mutex_);
  is_source_away_ = true;
  enter_locked(SourceState::retrying);
  if (status_.last_error.empty()) report_locked(Trouble::source, "no broker answers");
}

void StatusBoard::source_is_back() {
  const std::scoped_lock lock(mutex_);
  if (is_source_away_ && last_trouble_ == Trouble::source) forget_error_locked();
  is_source_away_ = false;
}

void StatusBoard::enter_locked(SourceState state) {
  if (is_source_away_ && state != SourceState::stopped) state = SourceState::retrying;
  if (status_.state == state && status_.since_us != 0) return;
  status_.state = state;
  status_.since_us = now_us();
  if (state != SourceState::retrying) status_.next_retry_us.reset();
}

void StatusBoard::report_locked(Trouble kind, std::string text) {
  last_trouble_ = kind;
  status_.last_error = std::move(text);
  status_.last_error_us = now_us();
  status_.next_retry_us.reset();
}

void StatusBoard::recovered(int64_t now_us) {
  const std::scoped_lock lock(mutex_);
  if (!status_.last_error_us || !status_.stopped_lanes.empty()) return;
  const bool is_silent =
      now_us - *status_.last_error_us > std::chrono::microseconds(kTroubleMax).count();
  const bool is_over =
      last_trouble_ == Trouble::stream || (last_trouble_ == Trouble::source && is_silent);
  if (is_over) forget_error_locked();
}

void StatusBoard::group_is_whole() {
  const std::scoped_lock lock(mutex_);
  if (last_trouble_ == Trouble::group) forget_error_locked();
}

void StatusBoard::asked(int backend_pid, std::string what) {
  const std::scoped_lock lock(mutex_);
  status_.asked[backend_pid] = {std::move(what), now_us()};
}

void StatusBoard::answered(int backend_pid) {
  const std::scoped_lock lock(mutex_);
  status_.asked.erase(backend_pid);
}

void StatusBoard::builds(int backend_pid, const std::string& table) {
  const std::scoped_lock lock(mutex_);
  if (table.empty()) {
    status_.builds.erase(backend_pid);
  } else {
    status_.builds[backend_pid] = {"the indexes of " + table, now_us()};
  }
}

void StatusBoard::forget_error_locked() {
  status_.last_error.clear();
  status_.last_error_us.reset();
}

void StatusBoard::count(const std::map<TopicPartition, EventCounts>& events) {
  const std::scoped_lock lock(mutex_);
  for (const auto& [at, counts] : events) {
    partitions_[at].events += counts;
    status_.filtered += counts.filtered;
    status_.duplicates += counts.duplicates;
  }
}

void StatusBoard::see_end(const TopicPartition& at, int64_t end) {
  const std::scoped_lock lock(mutex_);
  partitions_[at].end = end;
}

void StatusBoard::keep_topics(const std::set<std::string>& topics) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(partitions_, [&](const auto& one) { return !topics.contains(one.first.topic); });
  std::erase_if(status_.stopped_lanes,
                [&](const auto& lane) { return !topics.contains(lane.first); });
}

std::map<TopicPartition, PartitionStatus> StatusBoard::partitions() const {
  const std::scoped_lock lock(mutex_);
  return partitions_;
}

SourceStatus StatusBoard::read() const {
  const std::scoped_lock lock(mutex_);
  return status_;
}

}  // namespace metadb::ingest
