// A source that plays back recorded messages.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "ingest/json_lines.h"
#include "ingest/source.h"

namespace metadb::ingest {

// Behaves as a Kafka consumer does that gets all partitions: Assigned first, nothing until
// assign(), EndOfPartition each time a partition's end is reached, a new assignment when a new
// partition appears. Among partitions that may be read it keeps the order of the recording.
// Offsets may have gaps; a partition's low watermark is its first offset, its high watermark
// the last one plus one, unless begin_at() and end_at() say otherwise.
// append(), begin_at(), end_at(), inject(), set_leaderless(), set_elsewhere(), remove() and
// published() may be called from other threads, the rest from one.
class ReplaySource final : public Source {
 public:
  explicit ReplaySource(std::vector<RecordedMessage> messages);
  static std::unique_ptr<ReplaySource> from_file(const std::string& path);

  SourceEvent poll(std::chrono::milliseconds timeout) override;
  void assign(const std::vector<PartitionOffset>& start) override;
  void pause(const std::vector<TopicPartition>& partitions) override;
  void resume(const std::vector<TopicPartition>& partitions) override;
  void seek(const PartitionOffset& start) override;
  std::vector<WatermarksAnswer> watermarks(const std::vector<TopicPartition>& of,
                                           std::chrono::milliseconds timeout) override;
  std::vector<int64_t> ends(const std::vector<TopicPartition>& of,
                            std::chrono::milliseconds timeout) override;
  std::optional<int64_t> known_end(const TopicPartition& at) override;
  std::optional<size_t> matching(std::chrono::milliseconds timeout) override;
  std::string cluster_id(std::chrono::milliseconds timeout) override;
  void publish(const std::vector<PartitionOffset>& next) override;

  // Adds a message at the end of its partition; its offset must be above all others there.
  void append(RecordedMessage message);
  // Retention has removed what stood before.
  void begin_at(const PartitionOffset& begin);
  // What lies between the last message and `end` is no message: a marker of a transaction.
  void end_at(const PartitionOffset& end);
  // poll() returns `event` next; Revoked takes the partitions away, Assigned gives all of them.
  void inject(SourceEvent event);
  // The partition gives no answer any more, as one without a leader; or does again.
  void set_leaderless(const TopicPartition& at, bool is_leaderless);
  // As many partitions are another consumer's.
  void set_elsewhere(size_t partitions);
  // Deletes the topic; what is left is assigned anew.
  void remove(const std::string& topic);
  // What publish() was told last.
  [[nodiscard]] std::map<TopicPartition, int64_t> published() const;

 private:
  struct Entry {
    size_t order;  // in the recording
    std::shared_ptr<const RecordedMessage> message;
  };
  struct Partition {
    std::deque<Entry> entries;  // by offset
    int64_t low = 0;
    int64_t high = 0;
    size_t next = 0;  // index of the entry to deliver next
    bool is_assigned = false;
    bool is_paused = false;
    bool is_leaderless = false;
    bool owes_end = false;  // its end is still to be reported
  };

  void add(RecordedMessage message);
  void start_over(const TopicPartition& at, Partition& partition, int64_t offset);
  void take_away();
  void hand_out();
  void set_paused(const std::vector<TopicPartition>& partitions, bool is_paused);
  bool take_event(SourceEvent& event);
  [[nodiscard]] Watermarks watermarks_of(const TopicPartition& at) const;
  static Message message_of(const std::shared_ptr<const RecordedMessage>& record);

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<TopicPartition, Partition> partitions_;
  std::deque<SourceEvent> events_;
  std::map<TopicPartition, int64_t> published_;
  size_t count_ = 0;
  size_t elsewhere_ = 0;
  bool is_handed_out_ = false;  // between Assigned and Revoked
};

}  // namespace metadb::ingest
