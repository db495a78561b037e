#include "ingest/lane.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "catalog/stream_lock.h"

namespace metadb::ingest {
namespace {

constexpr std::chrono::seconds kFirstRetry{1};
constexpr std::chrono::seconds kLastRetry{60};
constexpr std::chrono::minutes kOnlyDropping{10};
constexpr size_t kTablesMax = 10'000;

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
  const auto wait =
      std::min<std::chrono::seconds>(kLastRetry, kFirstRetry * (1 << std::min(failures_, 6)));
  ++failures_;
  stopped_until_ = reason.needs_resync ? Clock::time_point::max() : Clock::now() + wait;
  busy_table_ = reason.busy_table;
  if (busy_table_) stopped_until_ = Clock::now() + kFirstRetry;
  if (is_limited_) stopped_until_ = *reason.limited_until;
}

void Lane::forgive() {
  letters.forgive();
  if (is_limited_ && stopped_until_) stopped_until_ = Clock::now();
  is_limited_ = false;
}

bool Lane::resume(catalog::Connection& connection) {
  if (busy_table_ && catalog::is_stream_busy(connection, *busy_table_)) {
    stopped_until_ = Clock::now() + kFirstRetry;
    return false;
  }
  stopped_until_.reset();
  return true;
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
