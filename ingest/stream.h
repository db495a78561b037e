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
#include <utility>
#include <vector>

#include "catalog/catalog.h"
#include "ingest/batch_size.h"
#include "ingest/group_share.h"
#include "ingest/lane.h"
#include "ingest/letter_retry.h"
#include "ingest/newcomers.h"
#include "ingest/partition.h"
#include "ingest/snapshot_report.h"
#include "ingest/snapshot_watch.h"
#include "ingest/source.h"
#include "ingest/status.h"
#include "ingest/strands.h"
#include "ingest/topic_orders.h"
#include "ingest/writer_slot.h"

namespace metadb::ingest {

struct StreamOptions {
  std::string source_name;
  std::string consumer_group;
  NameRules rules;
  std::chrono::seconds snapshot_deadline{3 * 3600};
  size_t dead_letter_limit = 1000;  // of a topic in an hour; 0: none
  size_t writers = 1;
  size_t bytes_max = 32UL << 20U;  // of a batch; all in hand together have twice as many
  size_t tables_max = SIZE_MAX;    // of a batch, where fewer than tables_per_transaction must do
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

// Polls, decodes and hands batches to writers, to each those of its strands. Lives on the worker's
// thread.
//
// Anything read ahead belongs to this object: when run() ends, for whatever reason, what was not
// committed is forgotten and the next stream reads positions, watermarks and catalog again.
class Stream {
 public:
  struct Parts {
    catalog::Catalog& catalog;
    Source& source;
    Lanes& lanes;
    Strands& strands;
    Decoders& decoders;
    StatusBoard& board;
    Assignment& assigned;
    GroupShare& share;
    RetrySlot& retries;
    SnapshotMemory& snapshot_memory;
    BatchSize& batch_size;
  };
  Stream(Parts parts, StreamOptions options);
  // Waits for the batches in hand, as long as the patience lasts; then cancels them.
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Returns true if the next stream can start at once with the same assignment (a lane was
  // stopped or is due), false when `stop` was requested. Throws Error of the weather classes,
  // SourceFailed.
  bool run(const std::stop_token& stop);

 private:
  using Clock = std::chrono::steady_clock;
  // What the broker says at the beginning.
  struct BrokerView {
    Watermarks marks;
    std::string cluster_id;
  };
  using Slot = WriterSlot;
  using TableSeen = std::pair<const Lane*, std::shared_ptr<const EventTable>>;

  bool run_until_stopped();
  void drain();
  void cancel_in_hand();
  void finish_in_hand();
  void hear_what_came();
  void begin();
  std::map<TopicPartition, Watermarks> ask_watermarks(
      const std::vector<TopicPartition>& partitions);
  [[nodiscard]] std::optional<PartitionOffset> begin_partition(const TopicPartition& at,
                                                               catalog::Position position,
                                                               const BrokerView& seen);
  void begin_newcomers(std::vector<PartitionOffset>& start,
                       const std::map<TopicPartition, Watermarks>& held);
  Lane& lane_of(const std::string& topic);
  void forget_lanes_without(const std::vector<TopicPartition>& assigned);
  SourceEvent next_event();
  void look_around(const SourceEvent& event);
  void visit(const SourceEvent& event);
  // A message whose turn it is.
  struct Turn {
    const Message& message;
    const HeldMessage* held = nullptr;  // none: it is not decoded
    bool is_late = false;               // as PartitionOrder::Released says
  };
  void take(const Message& message);
  void reached_end(const EndOfPartition& end);
  void note_sound(const std::string& topic);
  void commit_ends();
  void commit_alone(const std::vector<TopicPartition>& partitions);
  void hold(const Message& message, const Partition& partition);
  void release();
  void release(const TopicOrders::Released& released);
  void ask_ends(bool has_nothing);
  void watch_orders();
  void take_turn(const Turn& turn, Partition& partition);
  std::optional<Fate> fate_of(const Turn& turn, Partition& partition);
  Fate take_decoded(const Decoded& decoded, const Turn& turn, Partition& partition);
  Fate take_change(const Change& change, const Turn& turn, Partition& partition);
  void heed_truncates(const Change& change, const Turn& turn, Batch& batch);
  void take_undecodable(const Message& message, const std::string& sqlstate,
                        const std::string& reason);
  void stop_at_letter_limit(const Message& message, const std::string& reason);
  void count_letters(const Batch& batch, const Applied& applied);
  void see_snapshot(const Change& change, const Message& message, Slot& slot);
  void ignore(const Ignored& ignored, const Message& message);
  [[nodiscard]] bool passes(Lane& lane, const Change& change) const;
  void settle(Partition& partition, Fate fate);

  void tie_known_tables();
  const catalog::TableName& tie(const Lane& lane, const std::shared_ptr<const EventTable>& table);
  Slot& slot_of(const std::string& topic);
  Batch& open_batch(Slot& slot, const Lane& lane);
  [[nodiscard]] static bool must_cut(const Slot& slot, const Change& change);
  [[nodiscard]] bool is_full(const Slot& slot) const;
  [[nodiscard]] static bool is_due(const Slot& slot);
  [[nodiscard]] bool has_batch() const;
  [[nodiscard]] bool is_idle() const;  // no writer has anything in hand
  void flush_if_due(bool is_idle);
  void submit(Slot& slot);
  void hand_over(Slot& slot);
  void hand_over_but_for(const Slot& waiting);
  Writer& writer_of(Slot& slot);
  void commit_what_came_before();
  template <class IsOver>
  void wait_for(Slot& slot, const IsOver& is_over);
  void tell_what_waits();
  std::map<std::pair<std::string, int32_t>, catalog::Position> take_over(
      const std::vector<std::pair<std::string, int32_t>>& names, const std::string& cluster_id);
  void wait_for_writer(Slot& slot);
  void wait_for_writers();
  bool is_waited_for_no_more(const Slot& slot);
  void poll_while_paused();
  void collect();
  void collect(Slot& slot, std::chrono::milliseconds timeout);
  void committed(const Batch& batch, const Applied& applied);
  void stop_lane(const LaneStopped& reason);
  void refresh_lag();
  void refresh_rate();
  void watch_group();
  void retry_letters();
  struct Tried {
    std::optional<std::string> refusal;  // why the letter stays; none if it was applied, or is gone
    bool may_be_applied_later = false;   // the reason is not the record's
  };
  std::optional<Tried> retry_letter(const catalog::StoredLetter& stored);
  void note_tried(LetterRetry& retry, const catalog::StoredLetter& stored, const Tried& tried);
  [[nodiscard]] const catalog::Position* fence_of(const TopicPartition& at);
  std::optional<Tried> result_of_letter(Writer& writer);
  void begin_snapshot_ends();
  void watch_snapshot();
  void finish_snapshot();
  void note_snapshot(const catalog::SnapshotNews& committed);
  [[nodiscard]] std::string snapshot_obstacle();
  void note_recovery(const SourceEvent& event);
  void report_state();
  bool resume_due_lanes();
  [[nodiscard]] bool may_have_more_to_read() const;
  bool has_more_to_read();

  Parts parts_;
  StreamOptions options_;
  Rules rules_;
  catalog::Connection connection_;
  SnapshotWatch watch_;
  SnapshotReport report_;
  std::vector<Slot> slots_;
  std::map<std::string, size_t> given_;  // topics of which something was collected, to which slots
  std::map<TableSeen, catalog::TableName> targets_;  // of what is not filtered out
  std::map<TopicPartition, Partition> partitions_;
  std::map<TopicPartition, int64_t> committed_;  // what each goes on with after a new start
  // Of those whose topics stand because too much was set aside.
  std::map<TopicPartition, catalog::Position> fences_;
  std::set<TopicPartition> moved_;  // by their ends, which are not committed yet
  Newcomers newcomers_;
  TopicOrders orders_;
  // The last truncate of each table in the topics that have an order.
  struct Truncated {
    Sequence at;
    int64_t ts_us = 0;
  };
  std::map<std::string, Truncated> truncated_;
  std::optional<SnapshotEnds> ends_;  // once signals say that the snapshot has ended
  std::stop_token stop_;
  std::deque<SourceEvent> held_;  // what came in order while the partitions were paused
  std::map<std::string, size_t> pending_letters_;  // by topic; not committed yet
  bool must_restart_ = false;
  bool is_reassigned_ = false;  // the group has given or taken partitions
  bool is_in_snapshot_ = false;
  int64_t last_change_us_ = 0;  // source time
  Clock::time_point next_ends_commit_{};
  Clock::time_point next_lag_check_{};
  Clock::time_point next_look_around_{};
  Clock::time_point next_order_check_{};
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
