#include "ingest/partition_order.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace metadb::ingest {

PartitionOrder::PartitionOrder(const std::vector<int32_t>& partitions) {
  for (const int32_t partition : partitions) queues_.emplace_back().partition = partition;
  std::ranges::sort(queues_, {}, &Queue::partition);
}

const PartitionOrder::Queue& PartitionOrder::at(int32_t partition) const {
  return *std::ranges::lower_bound(queues_, partition, {}, &Queue::partition);
}

PartitionOrder::Queue& PartitionOrder::at(int32_t partition) {
  return *std::ranges::lower_bound(queues_, partition, {}, &Queue::partition);
}

void PartitionOrder::begin(int32_t partition, const Place& highest) {
  at(partition).passed[&logs_[highest.log]] = {highest.at.value_or(Sequence{}), highest.ts_us};
}

void PartitionOrder::push(int32_t partition, HeldMessage message, std::optional<Place> place,
                          Clock::time_point rests_until) {
  Queue& queue = at(partition);
  queue.reach = message.message.offset + 1;
  queue.is_at_end = false;
  const size_t bytes = message.bytes();
  queue.bytes += bytes;
  bytes_ += bytes;
  ++size_;
  Log* const log = place ? &logs_[place->log] : nullptr;
  queue.entries.push_back({std::move(message), std::move(place), log, ++arrivals_, rests_until});
}

void PartitionOrder::push_end(int32_t partition, int64_t offset) {
  Queue& queue = at(partition);
  queue.reach = std::max(queue.reach, offset);
  queue.is_at_end = queue.reach >= queue.must_reach;
  queue.entries.push_back({End{offset}, std::nullopt, nullptr, ++arrivals_});
}

bool PartitionOrder::hear_end(int32_t partition, int64_t end) {
  Queue& queue = at(partition);
  if (queue.reach >= std::max<int64_t>({end, queue.must_reach, 0})) queue.is_at_end = true;
  return queue.is_at_end;
}

void PartitionOrder::tell_end(int32_t partition, int64_t end) {
  Queue& queue = at(partition);
  queue.told_at = arrivals_;
  queue.must_reach = std::max(queue.must_reach, end);
  queue.is_at_end = queue.reach >= queue.must_reach;
}

std::optional<PartitionOrder::Released> PartitionOrder::next(Clock::time_point now) {
  rests_ = false;
  awaited_.clear();
  unasked_.clear();
  for (auto& [name, log] : logs_) catch_up(log);
  for (Queue& queue : queues_) judge(queue);
  if (Queue* const free = first_free()) return release(*free);
  if (is_empty()) return std::nullopt;
  note_awaited();
  if (!awaited_.empty()) return std::nullopt;
  std::vector<Queue*> candidates = lowest();
  if (has_empty()) {
    std::erase_if(candidates,
                  [now](const Queue* queue) { return queue->entries.front().rests_until > now; });
    rests_ = candidates.empty();
  }
  const auto is_truncate = [](const Queue* queue) {
    return queue->entries.front().place->is_truncate;
  };
  const auto found = std::ranges::find_if_not(candidates, is_truncate);
  if (found != candidates.end()) return release(**found);
  for (Queue* const queue : candidates) {
    if (may_pass(*queue)) return release(*queue);
  }
  return std::nullopt;
}

// A change with a lower place and a later time than what its partition has told is in a log that
// began anew (Partition::is_duplicate). What the other partitions have before that point can't be
// compared with what comes behind it.
void PartitionOrder::judge(Queue& queue) {
  if (queue.entries.empty() || queue.entries.front().is_judged) return;
  Entry& entry = queue.entries.front();
  entry.is_judged = true;
  if (!entry.place || !entry.place->at || !entry.place->is_streaming) return;
  const auto passed = queue.passed.find(entry.log);
  if (passed == queue.passed.end()) return;
  const bool is_anew =
      *entry.place->at < passed->second.highest && entry.place->ts_us > passed->second.latest_us;
  if (!is_anew) return;
  passed->second = {};
  Log& log = *entry.log;
  if (log.anew.empty()) {
    for (const Queue& other : queues_) log.behind.insert(other.partition);
  }
  log.behind.erase(queue.partition);
  log.anew.insert(queue.partition);
  catch_up(log);
}

// A partition that is at its end has come to the point where the log began anew, or has nothing
// before it.
void PartitionOrder::catch_up(Log& log) {
  if (log.anew.empty()) return;
  std::erase_if(log.behind, [&](int32_t partition) {
    const Queue& queue = at(partition);
    return queue.entries.empty() && queue.is_at_end;
  });
  if (!log.behind.empty()) return;
  for (Queue& queue : queues_) {
    if (!log.anew.contains(queue.partition)) queue.passed.erase(&log);
  }
  log.anew.clear();
  log.truncated = {};
}

bool PartitionOrder::is_free(const Entry& entry) {
  return !entry.place || !entry.place->at || !entry.log->behind.empty();
}

PartitionOrder::Queue* PartitionOrder::first_free() {
  Queue* first = nullptr;
  for (Queue& queue : queues_) {
    if (queue.entries.empty() || !is_free(queue.entries.front())) continue;
    if (first == nullptr || queue.entries.front().arrival < first->entries.front().arrival)
      first = &queue;
  }
  return first;
}

void PartitionOrder::note_awaited() {
  for (const Queue& queue : queues_) {
    if (queue.entries.empty() && !queue.is_at_end) awaited_.push_back(queue.partition);
  }
}

bool PartitionOrder::has_empty() const {
  return std::ranges::any_of(queues_, [](const Queue& queue) { return queue.entries.empty(); });
}

// Of each log the partition that has its lowest place; as they arrived. REQUIRES: none is free.
std::vector<PartitionOrder::Queue*> PartitionOrder::lowest() {
  std::vector<Queue*> lowest;
  const auto order = [](const Queue& queue) {
    const Entry& entry = queue.entries.front();
    return std::tuple(*entry.place->at, entry.arrival);
  };
  for (Queue& queue : queues_) {
    if (queue.entries.empty()) continue;
    const auto same = std::ranges::find(lowest, queue.entries.front().log, [](const Queue* other) {
      return other->entries.front().log;
    });
    if (same == lowest.end()) {
      lowest.push_back(&queue);
    } else if (order(queue) < order(**same)) {
      *same = &queue;
    }
  }
  std::ranges::sort(lowest, {}, [](const Queue* queue) { return queue->entries.front().arrival; });
  return lowest;
}

// What waits in other partitions comes after it. REQUIRES: it is the lowest, none is awaited.
bool PartitionOrder::may_pass(const Queue& truncate) {
  const uint64_t arrival = truncate.entries.front().arrival;
  for (const Queue& queue : queues_) {
    if (queue.entries.empty() && queue.told_at < arrival) unasked_.push_back(queue.partition);
  }
  return unasked_.empty();
}

bool PartitionOrder::is_late(const Queue& queue) const {
  const Entry& entry = queue.entries.front();
  if (!entry.place || !entry.place->at || !entry.log->behind.empty()) return false;
  return entry.place->is_truncate ? is_late_truncate(queue)
                                  : *entry.place->at < entry.log->truncated;
}

bool PartitionOrder::is_late_truncate(const Queue& queue) const {
  const Entry& entry = queue.entries.front();
  const auto passed_of = [&](const Queue& of) {
    const auto found = of.passed.find(entry.log);
    return found == of.passed.end() ? Passed() : found->second;
  };
  const bool has_later_rows = passed_of(queue).rows_us > entry.place->ts_us;
  return std::ranges::any_of(queues_, [&](const Queue& other) {
    if (&other == &queue) return false;
    const Passed passed = passed_of(other);
    return passed.highest > *entry.place->at ||
           (!has_later_rows && passed.rows_us > entry.place->ts_us);
  });
}

// The first of the queue is released.
void PartitionOrder::note_passed(Queue& queue) {
  const Entry& entry = queue.entries.front();
  if (!entry.place) return;
  Passed& passed = queue.passed[entry.log];
  if (!entry.place->at) {
    if (!entry.place->is_streaming) passed.rows_us = std::max(passed.rows_us, entry.place->ts_us);
    return;
  }
  if (!entry.place->is_streaming) return;
  passed.highest = std::max(passed.highest, *entry.place->at);
  passed.latest_us = std::max(passed.latest_us, entry.place->ts_us);
  if (entry.place->is_truncate)
    entry.log->truncated = std::max(entry.log->truncated, *entry.place->at);
}

PartitionOrder::Released PartitionOrder::release(Queue& queue) {
  Released released{queue.partition, End{}, is_late(queue)};
  Entry& entry = queue.entries.front();
  note_passed(queue);
  if (const auto* message = std::get_if<HeldMessage>(&entry.what)) {
    const size_t bytes = message->bytes();
    queue.bytes -= bytes;
    bytes_ -= bytes;
    --size_;
  }
  released.what = std::move(entry.what);
  queue.entries.pop_front();
  return released;
}

}  // namespace metadb::ingest
