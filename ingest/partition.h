// One assigned partition: where it stands, and whether it is still the one it was.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "catalog/positions.h"
#include "ingest/change.h"
#include "ingest/source.h"
#include "ingest/status.h"

namespace metadb::ingest {

// A finding that stops the lane until it is resynchronized.
struct Discontinuity {
  std::string what_happened;
  // Each start finds it again. Of other findings the traces go: the topic grows, records are
  // deleted.
  bool is_seen_again = false;
};

// What became of a message before it is decoded or applied.
enum class Delivery : uint8_t { fresh, repeated_last };

// What becomes of the event in a message; ignored, if there is none.
enum class Fate : uint8_t { ignored, applied, filtered, duplicate };

class Partition {
 public:
  Partition(TopicPartition at, catalog::Position position)
      : at_(std::move(at)), position_(std::move(position)) {}

  // Where to begin, given what the broker holds now; or why not (design, section 4: replaced
  // topic, gap). Remembers which record to compare first.
  std::variant<PartitionOffset, Discontinuity> begin(const Watermarks& held,
                                                     const std::string& cluster_id);

  // Takes note of a delivered message. repeated_last: it was applied before this start.
  std::variant<Delivery, Discontinuity> deliver(const Message& message);

  // Whether the event was proven to have been seen before (debezium-format 14.3); else moves the
  // watermark of its server.
  bool is_duplicate(const Change& change);

  // The delivered message is dealt with: its change is in a batch, or it has none.
  void settle(Fate fate = Fate::ignored);
  // The partition was read to its end at `offset`: all records before it were delivered. Returns
  // whether that moves the position, past what is no record: markers of transactions, what was
  // aborted. The last record stays what it is.
  bool reach_end(int64_t offset);
  // Nothing was delivered since.
  [[nodiscard]] bool is_at_end() const { return is_at_end_; }
  // What has been settled since this was asked last.
  EventCounts take_counts() { return std::exchange(counts_, {}); }

  // The position after the messages that are settled. A message in hand does not count, so that
  // a batch which is cut before its change never commits a position past it.
  // Keeps no message: that would hold back all that librdkafka had fetched along with it.
  catalog::Position position();
  [[nodiscard]] const TopicPartition& at() const { return at_; }
  // What proves that the partition is still ours: its epoch, and not how far it was read.
  [[nodiscard]] catalog::Position fence() const {
    catalog::Position fence;
    fence.topic = at_.topic;
    fence.part = at_.partition;
    fence.epoch = position_.epoch;
    return fence;
  }
  [[nodiscard]] int64_t next_offset() const { return position_.next_offset; }
  // How many offsets are not dealt with, where all before `committed_offset` is committed. Behind
  // the last record nothing waits for a commit.
  [[nodiscard]] int64_t lag(int64_t committed_offset) const;
  // The largest position of each log among what is settled.
  [[nodiscard]] const std::map<std::string, catalog::Watermark>& watermarks() const {
    return position_.watermarks;
  }

  int64_t high_watermark = 0;  // as last heard of

 private:
  // What settle() will make of the message in hand.
  struct InHand {
    Message message;
    std::optional<std::pair<std::string, catalog::Watermark>> watermark;  // of a server
    bool is_streaming = false;
    bool is_of_snapshot = false;
    bool is_first = false;  // of its snapshot
  };

  [[nodiscard]] std::string named() const;
  void note_snapshot();

  TopicPartition at_;
  catalog::Position position_;
  std::optional<catalog::LastRecord> expected_;  // the record that must come first
  std::optional<InHand> in_hand_;
  bool is_at_end_ = false;
  int64_t behind_records_ = 0;   // next_offset, but for what reach_end() made of it
  std::optional<Message> last_;  // settled since position() was asked
  EventCounts counts_;
};

// The log that the change's sequence is a place in: positions of one log come one after the other.
std::string log_of(const Change& change);

// FNV-1a over key and value; tells records apart, proves nothing.
int64_t record_hash(const Message& message);

}  // namespace metadb::ingest
