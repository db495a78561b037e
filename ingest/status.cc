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
    case SourceState::retrying:
      return "retrying";
    case SourceState::needs_resync:
      return "needs resync";
    case SourceState::lanes_stopped:
      return "paused";
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

void StatusBoard::report_error(std::string text) {
  const std::scoped_lock lock(mutex_);
  report_locked(std::move(text));
}

void StatusBoard::report_retry(std::string text, int64_t next_retry_us) {
  const std::scoped_lock lock(mutex_);
  enter_locked(SourceState::retrying);
  report_locked(std::move(text));
  status_.next_retry_us = next_retry_us;
}

void StatusBoard::enter_locked(SourceState state) {
  if (status_.state == state && status_.since_us != 0) return;
  status_.state = state;
  status_.since_us = now_us();
  if (state != SourceState::retrying) status_.next_retry_us.reset();
}

void StatusBoard::report_locked(std::string text) {
  status_.last_error = std::move(text);
  status_.last_error_us = now_us();
  status_.next_retry_us.reset();
}

SourceStatus StatusBoard::read() const {
  const std::scoped_lock lock(mutex_);
  return status_;
}

}  // namespace metadb::ingest
