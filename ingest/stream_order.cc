// How a stream brings the records of a topic's partitions into one order: they are decoded as they
// come, and everything else is done when their turn has come, so that positions move with what was
// released. What is held belongs to the stream, and is read again by the next.
#include <spdlog/spdlog.h>

#include "ingest/stream.h"

namespace metadb::ingest {
namespace {

using std::chrono::milliseconds;

// For so long what has waited is dealt with before the source is asked again.
constexpr milliseconds kReleaseMax{10};
constexpr milliseconds kCheckEvery{100};
// A question that truncates wait for is asked when nothing more comes: they often come together.
constexpr milliseconds kQuestionMax{100};

}  // namespace

void Stream::hold(const Message& message, const Partition& partition) {
  HeldMessage held{message, std::nullopt, nullptr};
  // One that was applied before is only compared.
  if (message.offset >= partition.next_offset()) {
    try {
      held.decoded = parts_.lanes.at(partition.at().topic).decode(message);
    } catch (const DecodeError&) {
      held.failure = std::current_exception();
    } catch (const SchemaMissing&) {
      held.failure = std::current_exception();
    }
  }
  orders_.push(partition.at(), std::move(held));
}

void Stream::release() {
  if (!orders_.is_due()) return;
  const Clock::time_point until = Clock::now() + kReleaseMax;
  while (!must_restart_ && Clock::now() < until) {
    const auto released = orders_.next();
    if (!released) return;
    release(*released);
    if (!must_restart_) flush_if_due(false);
  }
}

void Stream::ask_ends(bool has_nothing) {
  const auto since = orders_.asks_since();
  if (!since || (!has_nothing && Clock::now() - *since < kQuestionMax)) return;
  for (const LaneStopped& silent : orders_.ask()) stop_lane(silent);
}

void Stream::release(const TopicOrders::Released& released) {
  if (const auto* end = std::get_if<PartitionOrder::End>(&released.record.what)) {
    reached_end({released.at, end->offset});
    return;
  }
  const Stopwatch watch(times_.decode);
  const auto& held = std::get<HeldMessage>(released.record.what);
  take_turn({held.message, &held, released.record.is_late}, partitions_.at(released.at));
}

// Rows that came before a truncate and were made after it are known by their time: while a table is
// truncated nobody else changes it.
void Stream::note_late(const Change& change, Batch& batch) const {
  const std::string table = change.table->schema + "." + change.table->table;
  if (change.op == Op::truncate) {
    batch.spare_newer(change.table);
    spdlog::warn(
        "data source {}: a truncate of {} came behind changes that were made after it; only rows "
        "that began before it end",
        options_.source_name, table);
  } else if (change.op != Op::remove) {
    spdlog::warn(
        "data source {}: a change of {} came behind a truncate in its topic that was made after "
        "it; "
        "if that was one of this table, the row stays",
        options_.source_name, table);
  }
}

void Stream::watch_orders() {
  if (Clock::now() < next_order_check_) return;
  next_order_check_ = Clock::now() + kCheckEvery;
  orders_.look_again();
  const std::string wait = orders_.wait(Clock::now());
  bool is_news = false;
  parts_.board.update([&](SourceStatus& status) {
    is_news = status.wait.empty() && !wait.empty();
    if (is_news) status.wait_since_us = now_us();
    status.wait = wait;
  });
  if (is_news) spdlog::warn("data source {}: {}", options_.source_name, wait);
}

}  // namespace metadb::ingest
