// One unbroken stretch of streaming: from an assignment until something forces a new start.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "ingest/group_share.h"
#include "ingest/lane.h"
#include "ingest/letter_retry.h"
#include "ingest/newcomers.h"
#include "ingest/partition.h"
#include "ingest/snapshot_report.h"
#include "ingest/snapshot_watch.h"
#include "ingest/source.h"
#include "ingest/status.h"
#include "ingest/writer.h"

namespace metadb::ingest {

struct StreamOptions {
  std::string source_name;
  std::string consumer_group;
  NameRules rules;
  std::chrono::seconds snapshot_deadline{3 * 3600};
  size_t dead_letter_limit = 1000;  // of a topic in an hour; 0: none
  size_t bytes_max = 32UL << 20U;   // of a batch
  size_t tables_max = SIZE_MAX;     // of a batch, where fewer than tables_per_transaction must do
  // How long the batch in hand may take once the stream is to stop.
  Writer::Patience patience = [] { return Writer::kFinishMax; };
};

// The lanes outlive streams, so that a stopped lane stays stopped across new starts.
using Lanes = std::map<std::string, Lane>;

// What the group has given us; kept across streams.
struct Assignment {
  std::optional<std::vector<TopicPartition>> partitions;
  // Of these, the ones whose reading has begun, also where nothing of them was applied yet.
  std::set<TopicPartition> begun;
};

// Polls, decodes and hands batches to a writer. Lives on the worker's thread.
//
// Anything read ahead belongs to this object: when run() ends, for whatever reason, what was not
// committed is forgotten and the next stream reads positions, watermarks and catalog again.
class Stream {
 public:
  struct Parts {
    catalog::Catalog& catalog;
    Source& source;
    Lanes& lanes;
    Decoders& decoders;
    StatusBoard& board;
    Assignment& assigned;
    GroupShare& share;
    RetrySlot& retries;
    SnapshotMemory& snapshot_memory;
  };
  Stream(Parts parts, StreamOptions options);

  // Returns true if the next stream can start at once with the same assignment (a lane was
  // stopped or is due), false when `stop` was requested. Throws Error of the weather classes,
  // SourceFailed.
  bool run(const std::stop_token& stop);

 private:
  using Clock = std::chrono::steady_clock;
  // What is asked of the broker at the beginning, and how long it may take.
  struct Asked {
    std::string cluster_id;
    std::chrono::milliseconds patience;
  };

  bool run_until_stopped();
  void drain();
  void hear_what_came();
  void begin();
  [[nodiscard]] std::optional<PartitionOffset> begin_partition(const TopicPartition& at,
                                                               catalog::Position position,
                                                               const Asked& asked);
  void begin_newcomers(std::vector<PartitionOffset>& start);
  Lane& lane_of(const std::string& topic);
  void forget_lanes_without(const std::vector<TopicPartition>& assigned);
  SourceEvent next_event();
  void poll_while_paused();
  void look_around(const SourceEvent& event);
  void visit(const SourceEvent& event);
  void take(const Message& message);
  std::optional<Fate> fate_of(const Message& message, Partition& partition);
  Fate take_decoded(const Decoded& decoded, const Message& message, Partition& partition);
  Fate take_change(const Change& change, const Message& message, Partition& partition);
  void take_undecodable(const Message& message, const std::string& sqlstate,
                        const std::string& reason);
  void stop_at_letter_limit(const Message& message, const std::string& reason);
  void count_letters(const Batch& batch, const Applied& applied);
  void ignore(const Ignored& ignored, const Message& message);
  [[nodiscard]] bool passes(Lane& lane, const Change& change) const;
  Batch& open_batch(const Lane& lane);
  void settle(Partition& partition, Fate fate);

  [[nodiscard]] bool must_cut(const Change& change) const;
  [[nodiscard]] bool is_full() const;
  [[nodiscard]] bool is_due() const;
  void flush_if_due(bool is_idle);
  void submit();
  void commit_what_came_before();
  void wait_for_writer();
  void collect(std::chrono::milliseconds timeout);
  void committed(const Batch& batch, const Applied& applied);
  void stop_lane(const LaneStopped& reason);
  void refresh_lag();
  void refresh_rate();
  void watch_group();
  void retry_letters();
  std::optional<std::string> retry_letter(const catalog::StoredLetter& stored);
  std::optional<std::string> result_of_letter();
  void begin_snapshot_ends();
  void watch_snapshot();
  void finish_snapshot();
  [[nodiscard]] std::string snapshot_obstacle();
  void note_recovery(const SourceEvent& event);
  void report_state();
  bool resume_due_lanes();
  bool has_more_to_read();

  Parts parts_;
  StreamOptions options_;
  Rules rules_;
  catalog::Connection connection_;
  SnapshotWatch watch_;
  SnapshotReport report_;
  Writer writer_;
  std::map<TopicPartition, Partition> partitions_;
  Newcomers newcomers_;
  std::optional<SnapshotEnds> ends_;  // once signals say that the snapshot has ended
  std::stop_token stop_;
  std::deque<SourceEvent> held_;  // what came in order while the partitions were paused
  std::unique_ptr<Batch> batch_;
  std::map<std::string, size_t> pending_letters_;  // by topic; not committed yet
  std::string exclusive_lane_;                     // of batch_, if its lane is on trial
  std::optional<Clock::time_point> batch_since_;
  // Limits of batch_, by the settings of when it was begun.
  size_t changes_max_ = 0;  // while it keeps up; kBehindFactor times that when behind
  size_t tables_max_ = 0;
  bool must_restart_ = false;
  bool is_in_snapshot_ = false;
  int64_t last_change_us_ = 0;  // source time
  Clock::time_point next_lag_check_{};
  Clock::time_point next_look_around_{};
  Clock::time_point rate_since_{Clock::now()};
  int64_t rate_changes_ = 0;
  Clock::time_point next_snapshot_check_{};
  StageTimes times_;  // not yet told to the board
};

// Within a stream: a new start is due before the message can be dealt with; it is read again.
struct Interrupted {};

// The consumer itself can't go on: a new one is needed.
struct SourceFailed : catalog::Error {
  using catalog::Error::Error;
};

}  // namespace metadb::ingest
