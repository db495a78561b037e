// The writers of a stream: which of them gets what, when it is handed over, and what becomes of it.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ingest/stream.h"

namespace metadb::ingest {
namespace {

using catalog::TableName;
using std::chrono::milliseconds;

constexpr milliseconds kLinger{100};
constexpr size_t kBehindFactor = 10;
constexpr size_t kTargetsMax = 10'000;
// How long the consumer goes without a poll while a writer is waited for, before its partitions are
// paused so that it can be polled without delivering.
constexpr milliseconds kUnpolledMax{5'000};
// How long another assignment waits for what is in hand.
constexpr milliseconds kReassignedMax{10'000};

// The partitions, but for those that are paused anyway.
std::vector<TopicPartition> delivering(const std::map<TopicPartition, Partition>& partitions,
                                       const std::set<TopicPartition>& paused) {
  std::vector<TopicPartition> out;
  for (const auto& [at, partition] : partitions) {
    if (!paused.contains(at)) out.push_back(at);
  }
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

}  // namespace

// So that most topics have their writer before anything of them comes.
void Stream::tie_known_tables() {
  const auto snapshot = parts_.catalog.snapshot();
  for (const auto& [key, table] : snapshot->source_tables) {
    if (key.source_name == options_.source_name && parts_.lanes.contains(table.topic))
      parts_.strands.tie(table.topic, {table.schema_name, table.table_name});
  }
}

// Where changes of the table go. Should that give another writer to something of which another one
// may have something, all that was read is committed first, and a new start has it in place.
const TableName& Stream::tie(const Lane& lane, const std::shared_ptr<const EventTable>& table) {
  if (targets_.size() >= kTargetsMax) targets_.clear();
  const auto [found, is_new] = targets_.try_emplace({&lane, table});
  if (!is_new) return found->second;
  const catalog::SourceTable target =
      target_of(*parts_.catalog.snapshot(), rules_,
                {options_.source_name, table->db, table->schema, table->table}, *table);
  found->second = {target.schema_name, target.table_name};
  parts_.strands.tie(lane.topic(), found->second);
  const bool is_in_place = std::ranges::all_of(given_, [&](const auto& given) {
    return parts_.strands.writer_of(given.first, slots_.size()) == given.second;
  });
  if (!is_in_place) {
    commit_what_came_before();
    must_restart_ = true;
  }
  return found->second;
}

Stream::Slot& Stream::slot_of(const std::string& topic) {
  const auto [given, is_new] = given_.try_emplace(topic, 0);
  if (is_new) given->second = parts_.strands.writer_of(topic, slots_.size());
  return slots_[given->second];
}

// A lane on trial shares no batch with others: what stops it must not cost them theirs.
Batch& Stream::open_batch(Slot& slot, const Lane& lane) {
  const std::string exclusive = lane.is_on_trial() ? lane.topic() : "";
  if (slot.batch && slot.exclusive_lane != exclusive &&
      (!slot.exclusive_lane.empty() || !exclusive.empty()))
    submit(slot);
  if (!slot.batch) {
    slot.batch = std::make_unique<Batch>();
    slot.exclusive_lane = exclusive;
    slot.batch->is_trial = lane.is_on_trial();
    slot.since = Clock::now();
    const auto snapshot = parts_.catalog.snapshot();
    const catalog::Settings& settings = snapshot->settings;
    slot.changes_max =
        static_cast<size_t>(catalog::integer_setting(settings, "checkpoint_segment_size"));
    slot.tables_max =
        std::min(options_.tables_max,
                 static_cast<size_t>(catalog::integer_setting(settings, "tables_per_transaction")));
  }
  return *slot.batch;
}

bool Stream::must_cut(const Slot& slot, const Change& change) {
  return slot.batch->must_cut(change) ||
         (slot.batch->tables().size() >= slot.tables_max && !slot.batch->holds(change.table));
}

bool Stream::is_full(const Slot& slot) const {
  if (!slot.batch) return false;
  const size_t changes_max = std::min(parts_.batch_size.changes_max(),
                                      slot.changes_max * (slot.is_busy ? kBehindFactor : 1));
  if (slot.batch->changes() + slot.batch->dead_letters().size() >= changes_max) return true;
  size_t bytes = 0;
  for (const Slot& each : slots_)
    bytes += each.bytes_in_hand + (each.batch ? each.batch->bytes() : 0);
  return slot.batch->bytes() >= options_.bytes_max || bytes >= 2 * options_.bytes_max;
}

bool Stream::is_due(const Slot& slot) {
  return slot.batch && Clock::now() - *slot.since >= kLinger;
}

bool Stream::has_batch() const {
  return std::ranges::any_of(slots_, [](const Slot& slot) { return slot.batch != nullptr; });
}

bool Stream::is_idle() const {
  return std::ranges::none_of(slots_, &Slot::is_busy);
}

void Stream::flush_if_due(bool is_idle) {
  for (Slot& slot : slots_) {
    if (!slot.batch || must_restart_) continue;
    const bool is_now = is_full(slot) || is_due(slot) || is_idle;
    if (is_now && (!slot.is_busy || is_full(slot))) submit(slot);
  }
}

void Stream::submit(Slot& slot) {
  wait_for_writer(slot);
  if (must_restart_ || has_more_to_read()) {
    must_restart_ = true;
    return;
  }
  hand_over(slot);
}

// REQUIRES: its writer is idle.
void Stream::hand_over(Slot& slot) {
  Batch& batch = *slot.batch;
  for (const TopicPartition& at : batch.touched) {
    Partition& partition = partitions_.at(at);
    moved_.erase(at);
    batch.positions[at] = partition.position();
    batch.counts[at] = partition.take_counts();
  }
  batch.snapshot = {watch_.state().generation, std::exchange(slot.news, {})};
  slot.bytes_in_hand = batch.bytes();
  slot.changes_in_hand = batch.changes() + batch.dead_letters().size();
  slot.since.reset();
  const size_t changes = batch.changes();
  Writer& writer = writer_of(slot);
  parts_.board.asked(writer.backend_pid(),
                     fmt::format("a batch of {} change{}", changes, changes == 1 ? "" : "s"));
  writer.submit(std::move(slot.batch));
  slot.is_busy = true;
  slot.handed_over = Clock::now();
}

Writer& Stream::writer_of(Slot& slot) {
  if (!slot.writer) {
    slot.writer = std::make_unique<Writer>(
        parts_.catalog,
        TableShaper::Context{options_.source_name, options_.rules,
                             [&board = parts_.board](int backend_pid, const std::string& table) {
                               board.builds(backend_pid, table);
                             }},
        options_.patience);
  }
  return *slot.writer;
}

// While one writer is waited for, the others are not to be out of work.
void Stream::hand_over_but_for(const Slot& waiting) {
  for (Slot& slot : slots_) {
    if (&slot != &waiting && !slot.is_busy && is_due(slot)) hand_over(slot);
  }
}

// What a lane has before the record that stops it would be read again with every try.
void Stream::commit_what_came_before() {
  for (Slot& slot : slots_) {
    if (slot.batch && !must_restart_) submit(slot);
  }
  wait_for_writers();
}

// Collects results until it is over, of this writer as soon as they are there.
template <class IsOver>
void Stream::wait_for(Slot& slot, const IsOver& is_over) {
  const Clock::time_point begun = Clock::now();
  std::optional<Paused> paused;
  while (!is_over()) {
    collect(slot, milliseconds(slots_.size() > 1 ? 20 : 100));
    collect();
    tell_what_waits();
    // Of an assignment that was not taken up nothing is delivered.
    if (paused || is_reassigned_) {
      poll_while_paused();
    } else if (Clock::now() - begun >= kUnpolledMax) {
      paused.emplace(parts_.source, delivering(partitions_, orders_.paused()));
    }
  }
}

void Stream::wait_for_writer(Slot& slot) {
  wait_for(slot, [&] {
    if (is_waited_for_no_more(slot)) return true;
    hand_over_but_for(slot);
    return false;
  });
}

void Stream::wait_for_writers() {
  for (Slot& slot : slots_) wait_for(slot, [&] { return is_waited_for_no_more(slot); });
}

// The batch in hand may wait for a lock that somebody holds for long.
bool Stream::is_waited_for_no_more(const Slot& slot) {
  if (slot.is_busy && stop_.stop_requested()) must_restart_ = true;
  return !slot.is_busy || must_restart_;
}

// A new start cuts nothing short that a writer has in hand, save where another assignment waits for
// long. Who is given our partitions meanwhile waits for what is in hand, too: it holds the rows of
// their positions.
void Stream::finish_in_hand() {
  std::optional<Clock::time_point> deadline;
  const auto is_too_late = [&] {
    if (!is_reassigned_) return false;
    if (!deadline) deadline = Clock::now() + kReassignedMax;
    return Clock::now() >= *deadline;
  };
  for (Slot& slot : slots_)
    wait_for(slot, [&] { return !slot.is_busy || stop_.stop_requested() || is_too_late(); });
}

// The batches in hand are committed or, when they take too long, come again.
void Stream::drain() {
  const Clock::time_point deadline = Clock::now() + options_.patience();
  for (Slot& slot : slots_) {
    while (slot.is_busy && Clock::now() < deadline) collect(slot, milliseconds(20));
  }
  cancel_in_hand();
}

// All at once: each writer by itself would take as long.
Stream::~Stream() {
  const Clock::time_point deadline = Clock::now() + options_.patience();
  for (Slot& slot : slots_) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (slot.is_busy && slot.writer->take_result(std::max(left, milliseconds(0))))
      slot.is_busy = false;
  }
  cancel_in_hand();
}

void Stream::cancel_in_hand() {
  const Clock::time_point deadline = Clock::now() + Writer::kCancelMax;
  for (Slot& slot : slots_) {
    if (!slot.writer) continue;
    slot.writer->cancel(deadline);
    if (std::exchange(slot.is_busy, false) && slot.changes_in_hand > 0)
      parts_.batch_size.cut_short(slot.changes_in_hand);
    parts_.board.answered(slot.writer->backend_pid());
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

void Stream::collect() {
  for (Slot& slot : slots_) collect(slot, milliseconds(0));
}

void Stream::collect(Slot& slot, milliseconds timeout) {
  if (!slot.is_busy) return;
  std::optional<Writer::Done> done = slot.writer->take_result(timeout);
  if (!done) return;
  slot.is_busy = false;
  slot.is_said_to_be_slow = false;
  slot.bytes_in_hand = 0;
  parts_.board.answered(slot.writer->backend_pid());
  if (const auto* applied = std::get_if<Applied>(&done->result)) {
    parts_.batch_size.committed(
        std::chrono::duration_cast<milliseconds>(Clock::now() - slot.handed_over));
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
  int64_t advanced = 0;
  for (const auto& [at, position] : batch.positions) {
    next.push_back({at, position.next_offset});
    const int64_t before = std::exchange(committed_.at(at), position.next_offset);
    advanced += std::max<int64_t>(0, position.next_offset - before);
    newcomers_.committed(at, position.next_offset);
    if (ends_) ends_->committed(at, position.next_offset);
  }
  note_snapshot(batch.snapshot.news);
  parts_.source.publish(next);
  std::set<std::string> sound;
  for (const TopicPartition& at : batch.touched) {
    Lane& lane = parts_.lanes.at(at.topic);
    // One that a later record has stopped meanwhile is not.
    if (lane.is_stopped()) continue;
    lane.succeeded();
    sound.insert(at.topic);
  }
  rate_changes_ += applied.changes;
  times_ += applied.times;
  parts_.board.update([&](SourceStatus& status) {
    status.times += std::exchange(times_, {});
    status.lag_events = std::max<int64_t>(0, status.lag_events - advanced);
    if (status.lag_events == 0) status.lag_seconds = 0;
    status.applied += applied.changes;
    status.dead_letters += applied.dead_letters;
    status.snapshot_rows += snapshot_rows(batch);
    for (const std::string& topic : sound) status.stopped_lanes.erase(topic);
  });
  parts_.board.count(batch.counts);
  parts_.board.recovered(now_us());
  refresh_rate();
  count_letters(batch, applied);
}

}  // namespace metadb::ingest
