// The topics that are read in several partitions: what was read of them and waits for its turn.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ingest/outcome.h"
#include "ingest/partition.h"
#include "ingest/partition_order.h"
#include "ingest/source.h"

namespace metadb::ingest {

// One PartitionOrder for each such topic, and what these need from the source: ends of partitions,
// and that it delivers no more of those of which much waits. A topic of which one partition is read
// is none of its business.
//
// Belongs to one stream; used by its thread.
class TopicOrders {
 public:
  using Clock = std::chrono::steady_clock;

  // About `bytes_max` are held of a partition, twice as many of all together; where they are
  // exceeded, little of each, at most half as many again of all, and at least a record. `rest`: how
  // long a record rests where another partition is at its end.
  TopicOrders(Source& source, size_t bytes_max, std::chrono::milliseconds rest)
      : source_(source), bytes_max_(bytes_max), rest_(rest) {}
  // What was paused is resumed.
  ~TopicOrders();
  TopicOrders(const TopicOrders&) = delete;
  TopicOrders& operator=(const TopicOrders&) = delete;

  // These are read, from where they stand. REQUIRES: called once.
  void begin(const std::map<TopicPartition, Partition>& partitions);

  [[nodiscard]] bool holds(const std::string& topic) const { return topics_.contains(topic); }
  // REQUIRES: holds(its topic), for both.
  void push(const TopicPartition& at, HeldMessage message);
  void push(const EndOfPartition& end);

  struct Released {
    TopicPartition at;
    PartitionOrder::Released record;
  };
  // What comes next of any topic; nullopt: nothing until more comes, or ends are asked for.
  std::optional<Released> next();
  // Whether next() may have something.
  [[nodiscard]] bool is_due() const { return !due_.empty(); }
  // Whether something rests: next() may have it soon.
  [[nodiscard]] bool rests() const { return !resting_.empty(); }
  // Whether anything waits.
  [[nodiscard]] bool is_empty() const;
  // Since when a truncate waits for ends to be asked for; nullopt: none does.
  [[nodiscard]] std::optional<Clock::time_point> asks_since() const { return asks_since_; }
  // Asks for them, of all topics at once; may wait for brokers for a second or two. Returns topics
  // that got no answer, and why.
  std::vector<LaneStopped> ask();
  // Looks again at what waits for others: more may be known of where they end.
  void look_again();

  // The partitions of which nothing is delivered for the time being.
  [[nodiscard]] const std::set<TopicPartition>& paused() const { return paused_; }

  // What has been waited for longer than a few seconds, in words for an administrator; empty:
  // nothing.
  [[nodiscard]] std::string wait(Clock::time_point now) const;

 private:
  struct Topic {
    std::string name;
    PartitionOrder order;
    bool is_due = false;
    std::optional<Clock::time_point> waits_since;
  };

  void be_due(Topic& topic);
  bool hear_ends(Topic& topic);
  void note_question(Topic& topic);
  void ask(const std::vector<Topic*>& topics, std::chrono::milliseconds patience);
  void pause_or_resume(Topic& topic, const TopicPartition& at);
  [[nodiscard]] size_t limit() const;

  Source& source_;
  const size_t bytes_max_;
  const std::chrono::milliseconds rest_;
  std::map<std::string, Topic> topics_;
  std::deque<Topic*> due_;
  std::set<Topic*> resting_;
  std::set<Topic*> asking_;
  std::optional<Clock::time_point> asks_since_;
  std::set<TopicPartition> paused_;
  size_t bytes_ = 0;
  size_t holding_ = 0;  // partitions of which something waits
};

}  // namespace metadb::ingest
