// How a stream finds out that the snapshot which its source synchronizes with is complete: once
// signals say that nothing more comes, it begins anew, asks where all partitions end now, and waits
// until they are applied up to there.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "ingest/stream.h"

namespace metadb::ingest {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kCheckEvery{1};
// Of the group, how many partitions there are.
constexpr milliseconds kMatchingWait{2'000};

}  // namespace

// REQUIRES: the partitions have just told where they end.
void Stream::begin_snapshot_ends() {
  ends_.reset();
  if (watch_.state().mode == catalog::SyncMode::none)
    parts_.board.update([](SourceStatus& status) { status.snapshot.reset(); });
  watch_.check_deadline(Clock::now(), options_.snapshot_deadline);
  if (!watch_.is_open() || watch_.signal().empty()) return;
  ends_.emplace();
  for (const auto& [at, partition] : partitions_)
    ends_->await(at, partition.high_watermark, partition.next_offset());
}

void Stream::watch_snapshot() {
  if (watch_.state().mode == catalog::SyncMode::none) return;
  report_.tell(watch_, Clock::now());
  // Rows have come again since.
  if (watch_.is_open() && watch_.signal().empty()) ends_.reset();
  if (!watch_.is_open() || Clock::now() < next_snapshot_check_) return;
  next_snapshot_check_ = Clock::now() + kCheckEvery;
  watch_.check_deadline(Clock::now(), options_.snapshot_deadline);
  if (!parts_.assigned.partitions || watch_.signal().empty()) return;
  if (!ends_) {
    // What is read ahead is read again: a new start asks all partitions for their ends.
    must_restart_ = true;
    return;
  }
  const std::string obstacle = snapshot_obstacle();
  parts_.board.update([&](SourceStatus& status) {
    if (status.snapshot) status.snapshot->obstacle = obstacle;
  });
  if (obstacle.empty()) finish_snapshot();
}

std::string Stream::snapshot_obstacle() {
  if (!ends_->is_done())
    return fmt::format("{} partitions are not applied to where they ended", ends_->open());
  for (const auto& [topic, lane] : parts_.lanes) {
    if (lane.is_stopped()) return fmt::format("topic {} stands", topic);
  }
  if (newcomers_.is_waiting()) return "partitions that are new in their topics are not read yet";
  const size_t assigned = parts_.assigned.partitions->size();
  const auto matching = parts_.source.matching(kMatchingWait);
  if (!matching) return "no broker says how many partitions there are";
  if (*matching > assigned)
    return fmt::format("{} of {} partitions are assigned here", assigned, *matching);
  return "";
}

void Stream::finish_snapshot() {
  const std::string signal = watch_.signal();
  const bool is_news = catalog::complete_snapshot(connection_, options_.source_name,
                                                  watch_.state().generation, signal);
  watch_.completed(signal, now_us());
  if (!is_news) return;
  spdlog::info("source \"{}\" snapshot complete ({}); consider running \"metadb endsync\"",
               options_.source_name, signal);
  report_.tell_soon();
  report_.tell(watch_, Clock::now());
}

// What was told of a table while its rows were on their way may be the last that comes: no batch is
// waited for to record it.
void Stream::note_snapshot(const catalog::SnapshotNews& committed) {
  const catalog::SnapshotNews late = watch_.committed(committed);
  if (late.is_empty()) return;
  catalog::Transaction transaction(connection_);
  catalog::record_snapshot(connection_, options_.source_name, watch_.state().generation, late);
  transaction.commit();
  watch_.committed(late);
}

}  // namespace metadb::ingest
