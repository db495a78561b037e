#include "ingest/replay_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "catalog/error.h"

namespace metadb::ingest {

ReplaySource::ReplaySource(std::vector<RecordedMessage> messages) {
  for (RecordedMessage& message : messages) add(std::move(message));
  hand_out();
}

std::unique_ptr<ReplaySource> ReplaySource::from_file(const std::string& path) {
  return std::make_unique<ReplaySource>(read_recording(path));
}

SourceEvent ReplaySource::poll(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  SourceEvent event;
  arrived_.wait_for(lock, timeout, [&] { return take_event(event); });
  return event;
}

bool ReplaySource::take_event(SourceEvent& event) {
  if (!events_.empty()) {
    event = std::move(events_.front());
    events_.pop_front();
    return true;
  }
  Partition* first = nullptr;
  for (auto& [at, partition] : partitions_) {
    if (!partition.is_assigned || partition.is_paused || partition.is_leaderless) continue;
    if (partition.next == partition.entries.size()) {
      if (!partition.owes_end) continue;
      partition.owes_end = false;
      event = EndOfPartition{at, partition.high};
      return true;
    }
    const auto order = [](const Partition& each) { return each.entries[each.next].order; };
    if (first == nullptr || order(partition) < order(*first)) first = &partition;
  }
  if (first == nullptr) return false;
  event = message_of(first->entries[first->next].message);
  first->owes_end = true;
  ++first->next;
  return true;
}

Message ReplaySource::message_of(const std::shared_ptr<const RecordedMessage>& record) {
  Message message;
  message.topic = record->topic;
  message.partition = record->partition;
  message.offset = record->offset;
  message.timestamp_ms = record->timestamp_ms;
  message.key = record->key;
  message.value = record->value;
  message.headers = record->headers;
  message.owner = record;
  return message;
}

void ReplaySource::assign(const std::vector<PartitionOffset>& start) {
  const std::lock_guard lock(mutex_);
  if (!is_handed_out_) return;
  for (auto& [at, partition] : partitions_) partition.is_assigned = false;
  for (const PartitionOffset& each : start) {
    const auto found = partitions_.find(each.at);
    if (found == partitions_.end()) continue;
    found->second.is_assigned = true;
    found->second.is_paused = false;
    start_over(each.at, found->second, each.offset);
  }
  arrived_.notify_all();
}

// An offset outside the watermarks stops the partition, as `auto.offset.reset=error` does.
void ReplaySource::start_over(const TopicPartition& at, Partition& partition, int64_t offset) {
  const auto& entries = partition.entries;
  const auto below = [](const Entry& entry, int64_t wanted) {
    return entry.message->offset < wanted;
  };
  partition.next = static_cast<size_t>(
      std::lower_bound(entries.begin(), entries.end(), offset, below) - entries.begin());
  partition.owes_end = true;
  if (offset == kOffsetBeginning) return;
  if (offset < partition.low || offset > partition.high) {
    partition.is_assigned = false;
    events_.emplace_back(SourceFailure{
        fmt::format("topic \"{}\" partition {}: no offset {}", at.topic, at.partition, offset),
        true, at});
  }
}

void ReplaySource::set_paused(const std::vector<TopicPartition>& partitions, bool is_paused) {
  const std::lock_guard lock(mutex_);
  for (const TopicPartition& at : partitions) {
    const auto found = partitions_.find(at);
    if (found != partitions_.end()) found->second.is_paused = is_paused;
  }
  arrived_.notify_all();
}

void ReplaySource::pause(const std::vector<TopicPartition>& partitions) {
  set_paused(partitions, true);
}

void ReplaySource::resume(const std::vector<TopicPartition>& partitions) {
  set_paused(partitions, false);
}

void ReplaySource::seek(const PartitionOffset& start) {
  const std::lock_guard lock(mutex_);
  const auto found = partitions_.find(start.at);
  if (found == partitions_.end() || !found->second.is_assigned) {
    throw catalog::Error("08001", fmt::format("topic \"{}\" partition {} is not assigned",
                                              start.at.topic, start.at.partition));
  }
  start_over(start.at, found->second, start.offset);
  arrived_.notify_all();
}

// Throws Error 08001.
Watermarks ReplaySource::watermarks_of(const TopicPartition& at) const {
  const auto found = partitions_.find(at);
  if (found == partitions_.end()) {
    throw catalog::Error("08001",
                         fmt::format("no topic \"{}\" partition {}", at.topic, at.partition));
  }
  if (found->second.is_leaderless) {
    throw catalog::Error(
        "08001", fmt::format("topic \"{}\" partition {} has no leader", at.topic, at.partition));
  }
  return {found->second.low, found->second.high};
}

std::vector<WatermarksAnswer> ReplaySource::watermarks(const std::vector<TopicPartition>& of,
                                                       std::chrono::milliseconds) {
  const std::lock_guard lock(mutex_);
  std::vector<WatermarksAnswer> answers;
  for (const TopicPartition& at : of) {
    try {
      answers.emplace_back(watermarks_of(at));
    } catch (const catalog::Error& error) {
      answers.emplace_back(error);
    }
  }
  return answers;
}

std::vector<int64_t> ReplaySource::ends(const std::vector<TopicPartition>& of,
                                        std::chrono::milliseconds) {
  const std::lock_guard lock(mutex_);
  std::vector<int64_t> ends;
  for (const TopicPartition& at : of) ends.push_back(watermarks_of(at).high);
  return ends;
}

std::optional<int64_t> ReplaySource::known_end(const TopicPartition& at) {
  const std::lock_guard lock(mutex_);
  const auto found = partitions_.find(at);
  if (found == partitions_.end()) return std::nullopt;
  return found->second.high;
}

std::optional<size_t> ReplaySource::matching(std::chrono::milliseconds) {
  const std::lock_guard lock(mutex_);
  return partitions_.size() + elsewhere_;
}

void ReplaySource::set_elsewhere(size_t partitions) {
  const std::lock_guard lock(mutex_);
  elsewhere_ = partitions;
}

std::string ReplaySource::cluster_id(std::chrono::milliseconds) {
  return "replay";
}

void ReplaySource::publish(const std::vector<PartitionOffset>& next) {
  const std::lock_guard lock(mutex_);
  for (const PartitionOffset& each : next) published_[each.at] = each.offset;
}

void ReplaySource::append(RecordedMessage message) {
  const std::lock_guard lock(mutex_);
  const bool is_new = !partitions_.contains({message.topic, message.partition});
  add(std::move(message));
  if (is_new) {
    take_away();
    hand_out();
  }
  arrived_.notify_all();
}

void ReplaySource::begin_at(const PartitionOffset& begin) {
  const std::lock_guard lock(mutex_);
  Partition& partition = partitions_.at(begin.at);
  auto& entries = partition.entries;
  while (!entries.empty() && entries.front().message->offset < begin.offset) {
    entries.pop_front();
    if (partition.next > 0) --partition.next;
  }
  partition.low = begin.offset;
  partition.high = std::max(partition.high, partition.low);
}

void ReplaySource::end_at(const PartitionOffset& end) {
  const std::lock_guard lock(mutex_);
  const bool is_new = !partitions_.contains(end.at);
  Partition& partition = partitions_[end.at];
  partition.high = end.offset;
  partition.owes_end = true;
  if (is_new) {
    take_away();
    hand_out();
  }
  arrived_.notify_all();
}

void ReplaySource::inject(SourceEvent event) {
  const std::lock_guard lock(mutex_);
  if (std::holds_alternative<Revoked>(event)) {
    take_away();
  } else if (std::holds_alternative<Assigned>(event)) {
    hand_out();
  } else {
    events_.push_back(std::move(event));
  }
  arrived_.notify_all();
}

void ReplaySource::set_leaderless(const TopicPartition& at, bool is_leaderless) {
  const std::lock_guard lock(mutex_);
  partitions_.at(at).is_leaderless = is_leaderless;
  arrived_.notify_all();
}

void ReplaySource::remove(const std::string& topic) {
  const std::lock_guard lock(mutex_);
  take_away();
  std::erase_if(partitions_, [&](const auto& entry) { return entry.first.topic == topic; });
  hand_out();
  arrived_.notify_all();
}

std::map<TopicPartition, int64_t> ReplaySource::published() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

void ReplaySource::add(RecordedMessage message) {
  TopicPartition at{message.topic, message.partition};
  Partition& partition = partitions_[at];
  if (message.offset < partition.high) {
    throw catalog::Error("22023",
                         fmt::format("topic \"{}\" partition {}: offset {} follows {}", at.topic,
                                     at.partition, message.offset, partition.high - 1));
  }
  if (partition.high == 0) partition.low = message.offset;
  partition.high = message.offset + 1;
  partition.entries.push_back(
      {count_++, std::make_shared<const RecordedMessage>(std::move(message))});
}

void ReplaySource::take_away() {
  for (auto& [at, partition] : partitions_) partition.is_assigned = false;
  if (is_handed_out_) events_.emplace_back(Revoked{});
  is_handed_out_ = false;
}

void ReplaySource::hand_out() {
  Assigned all;
  for (const auto& [at, partition] : partitions_) all.partitions.push_back(at);
  events_.emplace_back(std::move(all));
  is_handed_out_ = true;
}

}  // namespace metadb::ingest
