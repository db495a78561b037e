#include "ingest/snapshot_report.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace metadb::ingest {
namespace {

constexpr std::chrono::seconds kTellEvery{1};
constexpr std::chrono::minutes kLogEvery{1};

// What all tables have, if something tells of each of them.
std::optional<int64_t> rows_expected(const catalog::Synchronization& state) {
  if (state.tables.empty()) return std::nullopt;
  int64_t rows = 0;
  for (const auto& [key, table] : state.tables) {
    if (!table.expected) return std::nullopt;
    rows += std::max(*table.expected, table.rows);
  }
  return rows;
}

std::optional<int64_t> seconds_left(const std::optional<int64_t>& expected, int64_t rows,
                                    double rate) {
  if (!expected || rate <= 0) return std::nullopt;
  return static_cast<int64_t>(static_cast<double>(std::max<int64_t>(0, *expected - rows)) / rate);
}

}  // namespace

SnapshotReport::SnapshotReport(std::string source_name, StatusBoard& board)
    : source_name_(std::move(source_name)), board_(board) {}

SnapshotProgress SnapshotReport::progress(const SnapshotWatch& watch, Clock::time_point now) {
  const catalog::Synchronization& state = watch.state();
  SnapshotProgress out;
  out.generation = state.generation;
  out.signal = state.signal;
  out.rows_expected = rows_expected(state);
  for (const auto& [key, table] : state.tables) {
    out.rows += table.rows;
    out.bytes += table.bytes;
  }
  if (!since_) {
    since_ = {now, out.rows, {}};
    for (const auto& [key, table] : state.tables) since_->by_table[key] = table.rows;
  }
  const double seconds = std::chrono::duration<double>(now - since_->time).count();
  if (seconds <= 0 || !watch.is_open()) return out;
  rate_ = static_cast<double>(out.rows - since_->rows) / seconds;
  out.seconds_left = seconds_left(out.rows_expected, out.rows, rate_);
  for (const auto& [key, table] : state.tables) {
    const int64_t before = since_->by_table[key];
    if (table.rows == before) continue;
    const double rate = static_cast<double>(table.rows - before) / seconds;
    out.rates[key] = {rate, seconds_left(table.expected, table.rows, rate)};
  }
  return out;
}

void SnapshotReport::tell(const SnapshotWatch& watch, Clock::time_point now) {
  if (now < next_) return;
  next_ = now + kTellEvery;
  SnapshotProgress progress = this->progress(watch, now);
  const bool is_open = watch.is_open();
  board_.update([&](SourceStatus& status) {
    if (status.snapshot && is_open) progress.obstacle = status.snapshot->obstacle;
    status.snapshot = progress;
  });
  if (now >= next_log_) log(progress, is_open, now);
}

void SnapshotReport::log(const SnapshotProgress& progress, bool is_open, Clock::time_point now) {
  next_log_ = now + kLogEvery;
  since_.reset();
  if (!is_open || progress.rows == rows_logged_) return;
  rows_logged_ = progress.rows;
  spdlog::info("data source {}: snapshot: {} rows{}, {:.0f} MB, {:.0f} rows/s{}", source_name_,
               progress.rows,
               progress.rows_expected ? fmt::format(" of {}", *progress.rows_expected) : "",
               static_cast<double>(progress.bytes) / 1e6, rate_,
               progress.seconds_left ? fmt::format(", {} s left", *progress.seconds_left) : "");
}

}  // namespace metadb::ingest
