#include "ingest/stream.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <utility>

#include "ingest/outcome.h"

namespace metadb::ingest {
namespace {

using catalog::Error;
using std::chrono::milliseconds;

constexpr milliseconds kIdlePoll{200};
constexpr milliseconds kBusyPoll{5};
constexpr milliseconds kLinger{100};
constexpr milliseconds kBrokerWait{10'000};
// For the other partitions once the broker has been silent about one, and for a topic that stood:
// nothing is read meanwhile.
constexpr milliseconds kShortBrokerWait{2'000};
// Between two messages, for all that is not about the next one.
constexpr milliseconds kLookAround{10};
constexpr size_t kBehindFactor = 10;
// How long the consumer goes without a poll while the writer is busy, before its partitions are
// paused so that it can be polled without delivering.
constexpr milliseconds kUnpolledMax{5'000};

std::optional<std::string> owned(const std::optional<std::string_view>& bytes) {
  if (!bytes) return std::nullopt;
  return std::string(*bytes);
}

std::vector<TopicPartition> keys_of(const std::map<TopicPartition, Partition>& partitions) {
  std::vector<TopicPartition> out;
  for (const auto& [at, partition] : partitions) out.push_back(at);
  return out;
}

// Nothing is delivered from the partitions while it lives.
class Paused {
 public:
  Paused(Source& source, std::vector<TopicPartition> partitions)
      : source_(source), partitions_(std::move(partitions)) {
    source_.pause(partitions_);
  }
  ~Paused() { source_.resume(partitions_); }
  Paused(const Paused&) = delete;
  Paused& operator=(const Paused&) = delete;

 private:
  Source& source_;
  std::vector<TopicPartition> partitions_;
};

int64_t snapshot_rows(const Batch& batch) {
  int64_t rows = 0;
  for (const TableChanges& changes : batch.tables()) {
    for (const Run& run : changes.runs) {
      if (run.is_snapshot && run.schema) rows += static_cast<int64_t>(run.changes());
    }
  }
  return rows;
}

LaneStopped discontinuity(const Discontinuity& finding, const std::string& topic) {
  return {
      Error("55000", finding.what_happened)
          .with_hint(
              "Nothing was skipped: type SYNC DATA SOURCE once a new snapshot is in the topic."),
      topic, true};
}

}  // namespace

Stream::Stream(Parts parts, StreamOptions options)
    : parts_(parts),
      options_(std::move(options)),
      rules_(options_.rules),
      connection_(parts_.catalog.connect()),
      watch_(options_.source_name, catalog::load_synchronization(connection_, options_.source_name),
             parts_.snapshot_memory),
      report_(options_.source_name, parts_.board),
      writer_(parts_.catalog, {options_.source_name, options_.rules}, options_.patience) {}

bool Stream::run(const std::stop_token& stop) {
  stop_ = stop;
  const bool goes_on = run_until_stopped();
  if (!stop.stop_requested()) return goes_on;
  drain();
  return false;
}

// The batch in hand is committed or, when it takes too long, comes again.
void Stream::drain() {
  const Clock::time_point deadline = Clock::now() + options_.patience();
  while (!writer_.is_idle() && Clock::now() < deadline) collect(milliseconds(20));
  writer_.cancel();
}

bool Stream::run_until_stopped() {
  if (parts_.assigned.partitions) {
    // Questions to a broker queue behind a fetch that waits for messages.
    parts_.source.assign({});
    hear_what_came();
  }
  must_restart_ = false;
  if (parts_.assigned.partitions) begin();
  if (has_more_to_read()) return true;
  while (!stop_.stop_requested()) {
    if (must_restart_) return true;
    collect(milliseconds(0));
    if (must_restart_) return true;
    const SourceEvent event = next_event();
    visit(event);
    if (must_restart_) return true;
    flush_if_due(std::holds_alternative<Nothing>(event) ||
                 std::holds_alternative<EndOfPartition>(event));
    if (std::holds_alternative<Message>(event) && Clock::now() < next_look_around_) continue;
    look_around(event);
    if (writer_.is_idle() && has_more_to_read()) return true;
  }
  return false;
}

void Stream::look_around(const SourceEvent& event) {
  next_look_around_ = Clock::now() + kLookAround;
  refresh_lag();
  refresh_rate();
  watch_group();
  retry_letters();
  watch_snapshot();
  note_recovery(event);
  report_state();
}

SourceEvent Stream::next_event() {
  if (held_.empty()) return parts_.source.poll(batch_ ? kBusyPoll : kIdlePoll);
  SourceEvent event = std::move(held_.front());
  held_.pop_front();
  return event;
}

// A rebalance that came meanwhile has made the assignment we know an old one.
void Stream::hear_what_came() {
  for (SourceEvent event = parts_.source.poll(milliseconds(0));
       !std::holds_alternative<Nothing>(event); event = parts_.source.poll(milliseconds(0))) {
    visit(event);
  }
}

void Stream::begin() {
  const std::vector<TopicPartition> assigned = *parts_.assigned.partitions;
  forget_lanes_without(assigned);
  std::vector<std::pair<std::string, int32_t>> names;
  for (const TopicPartition& at : assigned) names.emplace_back(at.topic, at.partition);
  Asked asked{parts_.source.cluster_id(kBrokerWait), kBrokerWait};
  auto positions = catalog::take_over(connection_, options_.source_name, names, asked.cluster_id);
  std::vector<PartitionOffset> start;
  std::map<std::string, Error> failures;  // by topic
  bool has_answer = false;
  for (const TopicPartition& at : assigned) {
    if (stop_.stop_requested()) return;
    const Lane& lane = lane_of(at.topic);
    if (lane.is_stopped() || failures.contains(at.topic)) continue;
    const milliseconds patience =
        lane.is_on_trial() ? std::min(asked.patience, kShortBrokerWait) : asked.patience;
    try {
      const auto offset = begin_partition(at, std::move(positions.at({at.topic, at.partition})),
                                          {asked.cluster_id, patience});
      has_answer = true;
      if (offset) start.push_back(*offset);
    } catch (const Error& error) {
      // The topic may be gone or without a leader: the others go on.
      failures.emplace(at.topic, error);
      asked.patience = kShortBrokerWait;
      hear_what_came();
      if (must_restart_ || stop_.stop_requested()) return;
    }
  }
  if (!failures.empty() && !has_answer) throw Error(failures.begin()->second);
  for (const auto& [topic, error] : failures) stop_lane(LaneStopped(error, topic));
  // A lane stopped by its second partition must not deliver from its first.
  std::erase_if(start,
                [&](const PartitionOffset& s) { return parts_.lanes.at(s.at.topic).is_stopped(); });
  std::erase_if(partitions_,
                [&](const auto& p) { return parts_.lanes.at(p.first.topic).is_stopped(); });
  begin_snapshot_ends();
  begin_newcomers(start);
  must_restart_ = false;
  parts_.source.assign(start);
  spdlog::info("data source {}: reading {} of {} partitions", options_.source_name, start.size(),
               assigned.size());
}

// Where the partition goes on; nullopt if its lane was stopped. Throws what the broker's silence
// throws.
std::optional<PartitionOffset> Stream::begin_partition(const TopicPartition& at,
                                                       catalog::Position position,
                                                       const Asked& asked) {
  if (position.next_offset >= 0) lane_of(at.topic).letters.note_earlier_use();
  Partition partition(at, std::move(position));
  const auto begun =
      partition.begin(parts_.source.watermarks(at, asked.patience), asked.cluster_id);
  if (const auto* finding = std::get_if<Discontinuity>(&begun)) {
    stop_lane(discontinuity(*finding, at.topic));
    return std::nullopt;
  }
  partitions_.emplace(at, std::move(partition));
  return std::get<PartitionOffset>(begun);
}

// Leaves in `start` what may be read now.
void Stream::begin_newcomers(std::vector<PartitionOffset>& start) {
  std::set<TopicPartition>& begun = parts_.assigned.begun;
  newcomers_.hold_back(partitions_, begun);
  std::erase_if(start, [&](const PartitionOffset& s) { return !partitions_.contains(s.at); });
  for (const PartitionOffset& each : start) begun.insert(each.at);
  if (newcomers_.is_waiting()) {
    spdlog::info(
        "data source {}: partitions that are new in their topics are read once the others have "
        "been read to where they end now",
        options_.source_name);
  }
}

void Stream::visit(const SourceEvent& event) {
  if (const auto* message = std::get_if<Message>(&event)) {
    const Stopwatch watch(times_.decode);
    take(*message);
  } else if (const auto* given = std::get_if<Assigned>(&event)) {
    parts_.assigned.partitions = given->partitions;
    must_restart_ = true;
  } else if (std::holds_alternative<Revoked>(event)) {
    parts_.assigned.partitions.reset();
    must_restart_ = true;
  } else if (const auto* end = std::get_if<EndOfPartition>(&event)) {
    const auto found = partitions_.find(end->at);
    if (found == partitions_.end()) return;
    found->second.high_watermark = end->offset;
    newcomers_.reached_end(*end, found->second.next_offset());
    if (ends_) ends_->reached_end(*end, found->second.next_offset());
  } else if (const auto* trouble = std::get_if<SourceTrouble>(&event)) {
    spdlog::warn("data source {}: {}", options_.source_name, trouble->message);
    parts_.snapshot_memory.last_row = Clock::now();
    parts_.board.report_error(Trouble::source, trouble->message);
  } else if (std::holds_alternative<SourceAway>(event)) {
    parts_.board.source_is_away();
  } else if (std::holds_alternative<SourceBack>(event)) {
    spdlog::info("data source {}: a broker answers again", options_.source_name);
    parts_.board.source_is_back();
  } else if (const auto* failure = std::get_if<SourceFailure>(&event)) {
    if (!failure->is_offset_out_of_range) throw SourceFailed("08006", failure->message);
    // The next start looks at the watermarks and says which it is: a gap or a replaced topic. It
    // comes after a pause, should the watermarks find nothing wrong.
    throw Error("08006", failure->message);
  }
}

void Stream::take(const Message& message) {
  const TopicPartition at{std::string(message.topic), message.partition};
  const auto found = partitions_.find(at);
  if (found == partitions_.end()) return;  // read ahead of a lane that was stopped since
  Partition& partition = found->second;
  const auto delivered = partition.deliver(message);
  if (const auto* finding = std::get_if<Discontinuity>(&delivered)) {
    stop_lane(discontinuity(*finding, at.topic));
    return;
  }
  if (std::get<Delivery>(delivered) == Delivery::repeated_last) return;
  std::optional<Fate> fate;
  try {
    fate = fate_of(message, partition);
  } catch (const LaneStopped& reason) {
    if (!stop_.stop_requested()) stop_lane(reason);
    must_restart_ = true;
    return;
  }
  if (fate) settle(partition, *fate);
}

// nullopt: the message stays where it is. Throws LaneStopped.
std::optional<Fate> Stream::fate_of(const Message& message, Partition& partition) {
  try {
    std::optional<Decoded> decoded;
    try {
      decoded = parts_.lanes.at(partition.at().topic).decode(message);
    } catch (const DecodeError& error) {
      take_undecodable(message, error.sqlstate, error.what());
      return Fate::ignored;
    }
    return take_decoded(*decoded, message, partition);
  } catch (const SchemaMissing& reason) {
    // The record is in order, and is read again when the lane is.
    commit_what_came_before();
    throw LaneStopped(reason, partition.at().topic);
  } catch (const Interrupted&) {
    return std::nullopt;
  }
}

Fate Stream::take_decoded(const Decoded& decoded, const Message& message, Partition& partition) {
  if (const auto* change = std::get_if<Change>(&decoded)) {
    return take_change(*change, message, partition);
  }
  const auto& ignored = std::get<Ignored>(decoded);
  if (ignored.notification) watch_.see(*ignored.notification, message);
  ignore(ignored, message);
  return Fate::ignored;
}

Fate Stream::take_change(const Change& change, const Message& message, Partition& partition) {
  Lane& lane = parts_.lanes.at(std::string(message.topic));
  is_in_snapshot_ =
      change.snapshot != SnapshotMark::streaming && change.snapshot != SnapshotMark::last;
  last_change_us_ = change.ts_us;
  watch_.see(change, message);
  if (partition.is_duplicate(change)) {
    lane.letters.note_use();
    lane.count_duplicate(options_.source_name);
    return Fate::duplicate;
  }
  lane.count_fresh();
  if (!passes(lane, change)) {
    lane.letters.note_use();
    return Fate::filtered;
  }
  // What these throw is about earlier batches, not about this change.
  if (batch_ && must_cut(change)) submit();
  Batch& batch = open_batch(lane);
  try {
    const Confirmation confirmation = watch_.confirm(change, message);
    if (confirmation.is_superseded && kind_of(change) == RunKind::insert) return Fate::duplicate;
    batch.add(change, message, confirmation);
    watch_.count(change, message);
    lane.letters.note_use();
    return Fate::applied;
  } catch (const Error& error) {
    take_undecodable(message, error.sqlstate, error.what());
  }
  return Fate::ignored;
}

// An expression that gives up on a name says nothing about the row: without an answer the lane
// waits.
bool Stream::passes(Lane& lane, const Change& change) const {
  try {
    return lane.passes(rules_, change.table);
  } catch (const Error& error) {
    throw LaneStopped(Error(error).with_hint("Change the filters of the data source."),
                      lane.topic());
  }
}

void Stream::take_undecodable(const Message& message, const std::string& sqlstate,
                              const std::string& reason) {
  stop_at_letter_limit(message, reason);
  spdlog::warn("data source {}: topic {} partition {} offset {} set aside: {}",
               options_.source_name, message.topic, message.partition, message.offset, reason);
  open_batch(parts_.lanes.at(std::string(message.topic)))
      .add_dead_letter({options_.source_name,
                        std::string(message.topic),
                        message.partition,
                        message.offset,
                        message.timestamp_ms,
                        owned(message.key),
                        owned(message.value),
                        sqlstate,
                        reason,
                        {},
                        {}});
  ++pending_letters_[std::string(message.topic)];
}

void Stream::ignore(const Ignored& ignored, const Message& message) {
  bool is_first = false;
  parts_.board.update([&](SourceStatus& status) {
    is_first = ++status.ignored[std::string(name_of(ignored.kind))] == 1;
  });
  if (ignored.kind == IgnoredKind::unknown && is_first) {
    spdlog::warn(
        "data source {}: topic {} holds messages that are no change events ({}); they are skipped",
        options_.source_name, message.topic, ignored.text);
  }
}

// A lane on trial shares no batch with others: what stops it must not cost them theirs.
Batch& Stream::open_batch(const Lane& lane) {
  const std::string exclusive = lane.is_on_trial() ? lane.topic() : "";
  if (batch_ && exclusive_lane_ != exclusive && (!exclusive_lane_.empty() || !exclusive.empty()))
    submit();
  if (!batch_) {
    batch_ = std::make_unique<Batch>();
    exclusive_lane_ = exclusive;
    batch_->is_trial = lane.is_on_trial();
    batch_since_ = Clock::now();
    const auto snapshot = parts_.catalog.snapshot();
    const catalog::Settings& settings = snapshot->settings;
    changes_max_ =
        static_cast<size_t>(catalog::integer_setting(settings, "checkpoint_segment_size"));
    tables_max_ =
        std::min(options_.tables_max,
                 static_cast<size_t>(catalog::integer_setting(settings, "tables_per_transaction")));
  }
  return *batch_;
}

// What is skipped moves the position as well.
void Stream::settle(Partition& partition, Fate fate) {
  Batch& batch = open_batch(parts_.lanes.at(partition.at().topic));
  partition.settle(fate);
  batch.touched.insert(partition.at());
}

bool Stream::must_cut(const Change& change) const {
  return batch_->must_cut(change) ||
         (batch_->tables().size() >= tables_max_ && !batch_->holds(change.table));
}

bool Stream::is_full() const {
  if (!batch_) return false;
  const bool is_behind = !writer_.is_idle();
  const size_t changes_max = changes_max_ * (is_behind ? kBehindFactor : 1);
  return batch_->changes() + batch_->dead_letters().size() >= changes_max ||
         batch_->bytes() >= options_.bytes_max;
}

bool Stream::is_due() const {
  return batch_ && Clock::now() - *batch_since_ >= kLinger;
}

void Stream::flush_if_due(bool is_idle) {
  if (!batch_) return;
  const bool is_now = is_full() || is_due() || is_idle;
  if (is_now && (writer_.is_idle() || is_full())) submit();
}

void Stream::submit() {
  wait_for_writer();
  if (must_restart_ || has_more_to_read()) {
    must_restart_ = true;
    return;
  }
  for (const TopicPartition& at : batch_->touched) {
    Partition& partition = partitions_.at(at);
    batch_->positions[at] = partition.position();
    batch_->counts[at] = partition.take_counts();
  }
  batch_->snapshot = {watch_.state().generation, watch_.take_news()};
  writer_.submit(std::move(batch_));
  batch_since_.reset();
}

// What a lane has before the record that stops it would be read again with every try.
void Stream::commit_what_came_before() {
  if (batch_) submit();
  wait_for_writer();
}

void Stream::wait_for_writer() {
  const Clock::time_point begun = Clock::now();
  std::optional<Paused> paused;
  while (!writer_.is_idle() && !must_restart_) {
    // The batch in hand may wait for a lock that somebody holds for long.
    if (stop_.stop_requested()) must_restart_ = true;
    collect(milliseconds(100));
    if (paused) {
      poll_while_paused();
    } else if (Clock::now() - begun >= kUnpolledMax) {
      paused.emplace(parts_.source, keys_of(partitions_));
    }
  }
}

// The group takes partitions away from a consumer that does not poll.
void Stream::poll_while_paused() {
  SourceEvent event = parts_.source.poll(milliseconds(0));
  const bool is_in_order =
      std::holds_alternative<Message>(event) || std::holds_alternative<EndOfPartition>(event);
  if (is_in_order) {
    held_.push_back(std::move(event));
  } else {
    visit(event);
  }
}

void Stream::collect(milliseconds timeout) {
  std::optional<Writer::Done> done = writer_.take_result(timeout);
  if (!done) return;
  if (const auto* applied = std::get_if<Applied>(&done->result)) {
    committed(*done->batch, *applied);
    return;
  }
  try {
    std::rethrow_exception(std::get<std::exception_ptr>(done->result));
  } catch (const LaneStopped& reason) {
    stop_lane(reason);
  }
}

void Stream::committed(const Batch& batch, const Applied& applied) {
  std::vector<PartitionOffset> next;
  for (const auto& [at, position] : batch.positions) {
    next.push_back({at, position.next_offset});
    newcomers_.committed(at, position.next_offset);
    if (ends_) ends_->committed(at, position.next_offset);
  }
  watch_.committed(batch.snapshot.news);
  parts_.source.publish(next);
  for (const TopicPartition& at : batch.touched) parts_.lanes.at(at.topic).succeeded();
  rate_changes_ += applied.changes;
  times_ += applied.times;
  parts_.board.update([&](SourceStatus& status) {
    status.times += std::exchange(times_, {});
    status.applied += applied.changes;
    status.dead_letters += applied.dead_letters;
    status.snapshot_rows += snapshot_rows(batch);
    for (const TopicPartition& at : batch.touched) status.stopped_lanes.erase(at.topic);
  });
  parts_.board.count(batch.counts);
  parts_.board.recovered(now_us());
  refresh_rate();
  count_letters(batch, applied);
}

}  // namespace metadb::ingest
