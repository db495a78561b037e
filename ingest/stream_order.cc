// How a stream brings the records of a topic's partitions into one order: they are decoded as they
// come, and everything else is done when their turn has come, so that positions move with what was
// released. What is held belongs to the stream, and is read again by the next.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "ingest/copy_format.h"
#include "ingest/stream.h"

namespace metadb::ingest {
namespace {

using std::chrono::milliseconds;

// For so long what has waited is dealt with before the source is asked again.
constexpr milliseconds kReleaseMax{10};
constexpr milliseconds kLookEvery{100};
// A question that truncates wait for is asked when nothing more comes: they often come together.
constexpr milliseconds kQuestionMax{100};

// That the row which the change leaves is gone.
Change end_of(const Change& change, int64_t ts_us) {
  const RowSchema& schema = *change.schema;
  Change end = change;
  end.op = Op::remove;
  end.ts_us = ts_us;
  end.fill_key.reset();
  end.row = {};
  bool has_key = !schema.key.empty();
  size_t at = 0;
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    const int32_t length = read_int32(change.row.fields.data() + at);
    const size_t size = 4 + (length > 0 ? static_cast<size_t>(length) : 0);
    const bool is_key = std::ranges::find(schema.key, i) != schema.key.end();
    if (is_key) {
      end.row.fields += change.row.fields.substr(at, size);
    } else {
      append_null(end.row.fields);
    }
    has_key = has_key && (!is_key || length >= 0);
    at += size;
  }
  end.before.reset();
  if (!has_key) end.before = change.row;
  return end;
}

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
  if (!orders_.is_due() && !orders_.rests()) return;
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
// truncated nobody else changes it. A row that comes behind the truncate that has ended it ends at
// once.
void Stream::heed_truncates(const Change& change, const Turn& turn, Batch& batch) {
  if (!change.sequence) return;
  const EventTable& table = *change.table;
  const std::string name = log_of(change) + "." + table.schema + "." + table.table;
  if (change.op == Op::truncate) {
    Truncated& last = truncated_[name];
    if (*change.sequence > last.at) last = {*change.sequence, change.ts_us};
    if (!turn.is_late) return;
    batch.spare_newer(change.table);
    spdlog::warn(
        "data source {}: a truncate of {}.{} came behind changes that were made after it; only "
        "rows that began before it end",
        options_.source_name, table.schema, table.table);
    return;
  }
  const auto found = truncated_.find(name);
  const bool has_ended = turn.is_late && change.op != Op::remove && found != truncated_.end() &&
                         *change.sequence < found->second.at;
  if (!has_ended) return;
  batch.add(end_of(change, found->second.ts_us), turn.message);
  spdlog::warn("data source {}: a change of {}.{} came behind the truncate that has ended its row",
               options_.source_name, table.schema, table.table);
}

void Stream::watch_orders() {
  if (Clock::now() < next_order_check_) return;
  next_order_check_ = Clock::now() + kLookEvery;
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
