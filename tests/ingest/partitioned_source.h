// A topic of several partitions as consumers see it: each partition is fetched by itself, so that
// what is delivered of them interleaves at random, and its end is the one that the last fetch told.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "catalog/error.h"
#include "ingest/json_lines.h"
#include "ingest/source.h"

namespace metadb::tests {

// What its producer writes, in the order of the source, and how much of that has been written.
// All consumers read the same. Any thread.
class PartitionedTopic {
 public:
  explicit PartitionedTopic(unsigned seed) : random_(seed) {}

  // Adds a record that is not written yet; some offsets before it are taken by markers of
  // transactions. Returns its offset.
  int64_t add(ingest::RecordedMessage message) {
    const std::scoped_lock lock(mutex_);
    int64_t& next = ends_[message.partition];
    if (below(6) == 0) ++next;
    message.offset = next++;
    records_.push_back(std::make_shared<const ingest::RecordedMessage>(std::move(message)));
    return next - 1;
  }
  void write_all() {
    const std::scoped_lock lock(mutex_);
    written_ = records_.size();
  }
  // Writes on as consumers read.
  void write_bit_by_bit() {
    const std::scoped_lock lock(mutex_);
    is_live_ = true;
  }
  // The partition delivers nothing, as one whose broker is away; -1: none is.
  void silence(int32_t partition) { silent_ = partition; }
  [[nodiscard]] bool is_silent(int32_t partition) const { return silent_ == partition; }
  [[nodiscard]] bool is_written() const {
    const std::scoped_lock lock(mutex_);
    return written_ == records_.size();
  }
  // The offset after the last record, by partition.
  [[nodiscard]] std::map<int32_t, int64_t> ends() const {
    const std::scoped_lock lock(mutex_);
    return ends_;
  }

  // How a consumer sees it.
  [[nodiscard]] std::string name() const {
    const std::scoped_lock lock(mutex_);
    return records_.front()->topic;
  }
  void go_on() {
    const std::scoped_lock lock(mutex_);
    if (is_live_) written_ = std::min(records_.size(), written_ + below(6));
  }
  // Up to the first record that is not written.
  [[nodiscard]] int64_t end(int32_t partition) const {
    const std::scoped_lock lock(mutex_);
    for (size_t i = written_; i < records_.size(); ++i) {
      if (records_[i]->partition == partition) return records_[i]->offset;
    }
    const auto found = ends_.find(partition);
    return found == ends_.end() ? 0 : found->second;
  }
  // The first from `offset` on and before `end`; null if there is none.
  [[nodiscard]] std::shared_ptr<const ingest::RecordedMessage> record(int32_t partition,
                                                                      int64_t offset,
                                                                      int64_t end) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& record : records_) {
      if (record->partition == partition && record->offset >= offset)
        return record->offset < end ? record : nullptr;
    }
    return nullptr;
  }
  size_t below(size_t bound) {
    const std::scoped_lock lock(random_mutex_);
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }

 private:
  mutable std::mutex mutex_;
  std::mutex random_mutex_;
  std::mt19937 random_;
  std::vector<std::shared_ptr<const ingest::RecordedMessage>> records_;
  std::map<int32_t, int64_t> ends_;
  size_t written_ = 0;
  bool is_live_ = false;
  std::atomic<int32_t> silent_ = -1;
};

class PartitionedSource : public ingest::Source {
 public:
  PartitionedSource(std::shared_ptr<PartitionedTopic> topic, int32_t partitions)
      : topic_(std::move(topic)), parts_(static_cast<size_t>(partitions)) {}

  ingest::SourceEvent poll(std::chrono::milliseconds timeout) override {
    if (!is_given_) {
      is_given_ = true;
      ingest::Assigned all;
      for (int32_t i = 0; i < count(); ++i) all.partitions.push_back(at(i));
      return all;
    }
    topic_->go_on();
    for (int tries = 0; tries < 20; ++tries) {
      const auto which = static_cast<int32_t>(topic_->below(parts_.size()));
      Part& part = parts_[static_cast<size_t>(which)];
      if (!part.is_assigned || part.is_paused) continue;
      // Often the same goes on for a while.
      last_ = topic_->below(3) == 0 ? which : last_;
      if (auto event = next_of(last_)) return *event;
      if (auto event = next_of(which)) return *event;
    }
    std::this_thread::sleep_for(std::min(timeout, std::chrono::milliseconds(1)));
    return ingest::Nothing{};
  }
  void assign(const std::vector<ingest::PartitionOffset>& start) override {
    for (Part& part : parts_) part = {};
    for (const auto& each : start) {
      Part& part = parts_.at(static_cast<size_t>(each.at.partition));
      part.is_assigned = true;
      part.next = std::max<int64_t>(0, each.offset);
    }
  }
  void pause(const std::vector<ingest::TopicPartition>& all) override {
    for (const auto& each : all) parts_.at(static_cast<size_t>(each.partition)).is_paused = true;
  }
  void resume(const std::vector<ingest::TopicPartition>& all) override {
    for (const auto& each : all) parts_.at(static_cast<size_t>(each.partition)).is_paused = false;
  }
  void seek(const ingest::PartitionOffset&) override {}
  std::vector<ingest::WatermarksAnswer> watermarks(const std::vector<ingest::TopicPartition>& of,
                                                   std::chrono::milliseconds) override {
    std::vector<ingest::WatermarksAnswer> out;
    for (const auto& each : of)
      out.emplace_back(ingest::Watermarks{0, topic_->end(each.partition)});
    return out;
  }
  std::vector<int64_t> ends(const std::vector<ingest::TopicPartition>& of,
                            std::chrono::milliseconds) override {
    std::vector<int64_t> out;
    for (const auto& each : of) out.push_back(topic_->end(each.partition));
    return out;
  }
  std::optional<int64_t> known_end(const ingest::TopicPartition& of) override {
    const Part& part = parts_.at(static_cast<size_t>(of.partition));
    if (part.fetched < 0) return std::nullopt;
    return part.fetched;
  }
  std::optional<size_t> matching(std::chrono::milliseconds) override { return parts_.size(); }
  std::string cluster_id(std::chrono::milliseconds) override { return "cluster"; }
  void publish(const std::vector<ingest::PartitionOffset>&) override {}

 private:
  struct Part {
    bool is_assigned = false;
    bool is_paused = false;
    int64_t next = 0;
    int64_t fetched = -1;   // the end that the last fetch told; -1: none yet
    int64_t told_end = -1;  // delivered last
  };

  [[nodiscard]] int32_t count() const { return static_cast<int32_t>(parts_.size()); }
  [[nodiscard]] ingest::TopicPartition at(int32_t partition) const {
    return {topic_->name(), partition};
  }

  std::optional<ingest::SourceEvent> next_of(int32_t partition) {
    Part& part = parts_[static_cast<size_t>(partition)];
    if (!part.is_assigned || part.is_paused || topic_->is_silent(partition)) return std::nullopt;
    if (const auto record = topic_->record(partition, part.next, part.fetched)) {
      part.next = record->offset + 1;
      return message_of(record);
    }
    const int64_t end = std::max(part.next, part.fetched);
    if (part.fetched >= 0 && part.told_end != end) {
      part.told_end = end;
      return ingest::EndOfPartition{at(partition), end};
    }
    if (topic_->below(3) == 0) part.fetched = topic_->end(partition);
    return std::nullopt;
  }

  static ingest::Message message_of(const std::shared_ptr<const ingest::RecordedMessage>& record) {
    ingest::Message message;
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

  std::shared_ptr<PartitionedTopic> topic_;
  std::vector<Part> parts_;
  int32_t last_ = 0;
  bool is_given_ = false;
};

}  // namespace metadb::tests
