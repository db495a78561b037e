// What a stream tells of itself: how far it is, how fast, whether all goes well.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "ingest/stream.h"

namespace metadb::ingest {
namespace {

using std::chrono::milliseconds;

// Nothing is read meanwhile.
constexpr milliseconds kGroupWait{2'000};
// As much as a large one takes on a busy machine.
constexpr std::chrono::seconds kLongBatch{30};

}  // namespace

// A source that has nothing new commits nothing: reaching an end proves as much.
void Stream::note_recovery(const SourceEvent& event) {
  const bool has_reached_end = std::holds_alternative<EndOfPartition>(event);
  const bool has_applied = !has_batch() && is_idle() && orders_.is_empty();
  if (has_reached_end && has_applied) parts_.board.recovered(now_us());
}

void Stream::refresh_rate() {
  const double seconds = std::chrono::duration<double>(Clock::now() - rate_since_).count();
  if (seconds < 1) return;
  const double rate = static_cast<double>(rate_changes_) / seconds;
  parts_.board.update([rate](SourceStatus& status) { status.events_per_second = rate; });
  rate_changes_ = 0;
  rate_since_ = Clock::now();
}

// Of what is read and not committed nobody has anything.
void Stream::refresh_lag() {
  if (Clock::now() < next_lag_check_) return;
  next_lag_check_ = Clock::now() + std::chrono::seconds(1);
  for (auto& [at, partition] : partitions_) {
    if (const auto end = parts_.source.known_end(at)) partition.high_watermark = *end;
    parts_.board.see_end(at, partition.high_watermark);
  }
  int64_t lag = newcomers_.lag();
  for (const auto& [at, partition] : partitions_) lag += partition.lag(committed_.at(at));
  parts_.board.update([&](SourceStatus& status) {
    status.lag_events = lag;
    status.lag_seconds = lag == 0 || last_change_us_ == 0
                             ? 0
                             : static_cast<double>(now_us() - last_change_us_) / 1e6;
  });
}

// While nothing is read, too.
void Stream::tell_what_waits() {
  refresh_lag();
  refresh_rate();
  for (Slot& slot : slots_) {
    const auto time = Clock::now() - slot.handed_over;
    if (!slot.is_busy || slot.is_said_to_be_slow || time < kLongBatch) continue;
    slot.is_said_to_be_slow = true;
    spdlog::warn("data source {}: PostgreSQL (process {}) has had a batch for {} s",
                 options_.source_name, slot.writer->backend_pid(),
                 std::chrono::floor<std::chrono::seconds>(time).count());
  }
}

void Stream::watch_group() {
  const Clock::time_point now = Clock::now();
  if (!parts_.share.is_due(now)) return;
  const auto& given = parts_.assigned.partitions;
  // Nobody to ask: the group has not answered yet, and the question would wait for its time-out.
  if (!given) return;
  const size_t assigned = given->size();
  const auto matching = parts_.source.matching(kGroupWait);
  if (matching && assigned >= *matching) parts_.board.group_is_whole();
  if (!parts_.share.is_news(assigned, matching, now)) return;
  const std::string text = fmt::format(
      "only {} of the {} partitions that match are assigned here: consumer group \"{}\" has "
      "another member, and what that is given is not read; give this data source a consumer_group "
      "of its own",
      assigned, *matching, options_.consumer_group);
  spdlog::warn("data source {}: {}", options_.source_name, text);
  parts_.board.report_error(Trouble::group, text);
}

void Stream::report_state() {
  if (!parts_.assigned.partitions || parts_.assigned.partitions->empty()) {
    parts_.board.enter(SourceState::starting);
    return;
  }
  bool needs_resync = false;
  bool has_stopped = false;
  for (const auto& [topic, lane] : parts_.lanes) {
    has_stopped = has_stopped || lane.is_on_trial();
    needs_resync = needs_resync || (lane.is_stopped() && lane.report().needs_resync);
  }
  if (needs_resync) {
    parts_.board.enter(SourceState::needs_resync);
  } else if (has_stopped) {
    parts_.board.enter(SourceState::lanes_stopped);
  } else {
    const bool is_complete =
        watch_.state().complete_us.has_value() && watch_.state().mode != catalog::SyncMode::none;
    parts_.board.enter(is_in_snapshot_ ? SourceState::snapshot
                       : is_complete   ? SourceState::snapshot_complete
                                       : SourceState::streaming);
  }
}

}  // namespace metadb::ingest
