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
constexpr milliseconds kBrokerWait{10'000};
// Records that are written at once come one partition after the other.
constexpr milliseconds kRest{25};
// Between two messages, for all that is not about the next one.
constexpr milliseconds kLookAround{10};

std::optional<std::string> owned(const std::optional<std::string_view>& bytes) {
  if (!bytes) return std::nullopt;
  return std::string(*bytes);
}

LaneStopped discontinuity(const Discontinuity& finding, const std::string& topic) {
  LaneStopped stopped(
      Error("55000", finding.what_happened)
          .with_hint(
              "Nothing was skipped: type SYNC DATA SOURCE once a new snapshot is in the topic."),
      topic, true);
  if (!finding.is_seen_again) stopped.lasting_reason = finding.what_happened;
  return stopped;
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
      slots_(options_.writers),
      orders_(parts_.source, options_.bytes_max, kRest) {
  writer_of(slots_.front());  // it has work of its own where nothing comes
}

bool Stream::run(const std::stop_token& stop) {
  stop_ = stop;
  const bool goes_on = run_until_stopped();
  finish_in_hand();
  if (!stop.stop_requested()) return goes_on;
  drain();
  return false;
}

bool Stream::run_until_stopped() {
  if (parts_.assigned.partitions) {
    // Questions to a broker queue behind a fetch that waits for messages.
    parts_.source.assign({});
    hear_what_came();
  }
  is_reassigned_ = must_restart_ = false;
  if (parts_.assigned.partitions) begin();
  if (has_more_to_read()) return true;
  while (!stop_.stop_requested()) {
    if (must_restart_) return true;
    collect();
    if (must_restart_) return true;
    const SourceEvent event = next_event();
    visit(event);
    release();
    if (must_restart_) return true;
    const bool has_nothing =
        std::holds_alternative<Nothing>(event) || std::holds_alternative<EndOfPartition>(event);
    flush_if_due(has_nothing && !orders_.is_due() && !orders_.rests());
    ask_ends(has_nothing);
    if (std::holds_alternative<Message>(event) && Clock::now() < next_look_around_) continue;
    look_around(event);
    if (is_idle() && has_more_to_read()) return true;
  }
  return false;
}

void Stream::look_around(const SourceEvent& event) {
  next_look_around_ = Clock::now() + kLookAround;
  watch_orders();
  tell_what_waits();
  watch_group();
  retry_letters();
  watch_snapshot();
  note_recovery(event);
  commit_ends();
  report_state();
}

SourceEvent Stream::next_event() {
  if (held_.empty()) {
    if (orders_.is_due()) return parts_.source.poll(milliseconds(0));
    const bool is_busy = has_batch() || orders_.rests() || orders_.asks_since();
    return parts_.source.poll(is_busy ? kBusyPoll : kIdlePoll);
  }
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
  tie_known_tables();
  std::vector<std::pair<std::string, int32_t>> names;
  for (const TopicPartition& at : assigned) names.emplace_back(at.topic, at.partition);
  const std::string cluster_id = parts_.source.cluster_id(kBrokerWait);
  auto positions = take_over(names, cluster_id);
  if (stop_.stop_requested()) return;
  std::vector<TopicPartition> asked;
  for (const TopicPartition& at : assigned) {
    const Lane& lane = lane_of(at.topic);
    if (lane.is_stopped_at_limit())
      fences_[at] = Partition(at, positions.at({at.topic, at.partition})).fence();
    if (!lane.is_stopped()) asked.push_back(at);
  }
  const std::map<TopicPartition, Watermarks> held = ask_watermarks(asked);
  if (must_restart_ || stop_.stop_requested()) return;
  std::vector<PartitionOffset> start;
  for (const auto& [at, marks] : held) {
    if (parts_.lanes.at(at.topic).is_stopped()) continue;
    const auto offset =
        begin_partition(at, std::move(positions.at({at.topic, at.partition})), {marks, cluster_id});
    if (offset) start.push_back(*offset);
  }
  // A lane stopped by its second partition must not deliver from its first.
  std::erase_if(start,
                [&](const PartitionOffset& s) { return parts_.lanes.at(s.at.topic).is_stopped(); });
  std::erase_if(partitions_,
                [&](const auto& p) { return parts_.lanes.at(p.first.topic).is_stopped(); });
  begin_snapshot_ends();
  begin_newcomers(start, held);
  orders_.begin(partitions_);
  is_reassigned_ = must_restart_ = false;
  parts_.source.assign(start);
  spdlog::info("data source {}: reading {} of {} partitions", options_.source_name, start.size(),
               assigned.size());
}

// Of those that no answer came for, the topics are stopped: they may be gone or without a leader,
// and the others go on. Throws Error 08001 if there is no answer at all.
std::map<TopicPartition, Watermarks> Stream::ask_watermarks(
    const std::vector<TopicPartition>& partitions) {
  const auto answers = parts_.source.watermarks(partitions, kBrokerWait);
  std::map<TopicPartition, Watermarks> held;
  std::map<std::string, Error> failures;  // by topic
  for (size_t i = 0; i < partitions.size(); ++i) {
    if (const auto* error = std::get_if<Error>(&answers.at(i))) {
      failures.emplace(partitions[i].topic, *error);
    } else {
      held.emplace(partitions[i], std::get<Watermarks>(answers[i]));
    }
  }
  if (failures.empty()) return held;
  // What is not there any more may be told just now.
  hear_what_came();
  if (must_restart_ || stop_.stop_requested()) return held;
  if (held.empty()) throw Error(failures.begin()->second);
  for (const auto& [topic, error] : failures) stop_lane(LaneStopped(error, topic));
  must_restart_ = false;
  return held;
}

// A backend that has our positions locked, of a writer or of a server that is gone, is waited for
// until another order comes.
std::map<std::pair<std::string, int32_t>, catalog::Position> Stream::take_over(
    const std::vector<std::pair<std::string, int32_t>>& names, const std::string& cluster_id) {
  const Asking asking(parts_.board, connection_.backend_pid(), "the positions of the source");
  const std::stop_callback end(stop_, [this] { connection_.break_off(); });
  return catalog::take_over(connection_, options_.source_name, names, cluster_id);
}

// Where the partition goes on; nullopt if its lane was stopped.
std::optional<PartitionOffset> Stream::begin_partition(const TopicPartition& at,
                                                       catalog::Position position,
                                                       const BrokerView& seen) {
  if (position.next_offset > 0) lane_of(at.topic).letters.note_earlier_use();
  Partition partition(at, std::move(position));
  const auto begun = partition.begin(seen.marks, seen.cluster_id);
  if (const auto* finding = std::get_if<Discontinuity>(&begun)) {
    stop_lane(discontinuity(*finding, at.topic));
    return std::nullopt;
  }
  committed_[at] = std::max(seen.marks.low, partition.next_offset());
  partitions_.emplace(at, std::move(partition));
  return std::get<PartitionOffset>(begun);
}

// Leaves in `start` what may be read now.
void Stream::begin_newcomers(std::vector<PartitionOffset>& start,
                             const std::map<TopicPartition, Watermarks>& held) {
  std::set<TopicPartition>& begun = parts_.assigned.begun;
  newcomers_.hold_back(partitions_, begun);
  std::erase_if(start, [&](const PartitionOffset& s) { return !partitions_.contains(s.at); });
  std::vector<TopicPartition> shortened;
  for (const PartitionOffset& each : start) {
    const bool is_first = begun.insert(each.at).second && each.offset == kOffsetBeginning;
    if (is_first && held.at(each.at).low > 0) shortened.push_back(each.at);
  }
  if (!shortened.empty()) {
    spdlog::warn(
        "data source {}: {} partitions had lost their first records before anything of them was "
        "read: topic {} partition {}{} begins at offset {}; what is not in them comes with a new "
        "snapshot",
        options_.source_name, shortened.size(), shortened.front().topic,
        shortened.front().partition, shortened.size() > 1 ? ", for one," : "",
        held.at(shortened.front()).low);
  }
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
    is_reassigned_ = must_restart_ = true;
  } else if (std::holds_alternative<Revoked>(event)) {
    parts_.assigned.partitions.reset();
    is_reassigned_ = must_restart_ = true;
  } else if (const auto* end = std::get_if<EndOfPartition>(&event)) {
    const auto found = partitions_.find(end->at);
    if (found == partitions_.end()) return;
    found->second.high_watermark = end->offset;
    if (orders_.holds(end->at.topic)) {
      orders_.push(*end);
    } else {
      reached_end(*end);
    }
  } else if (const auto* trouble = std::get_if<SourceTrouble>(&event)) {
    spdlog::warn("data source {}: {}", options_.source_name, trouble->message);
    parts_.snapshot_memory.last_row = Clock::now();
    parts_.board.report_error(Trouble::source, trouble->message);
  } else if (std::holds_alternative<SourceAway>(event)) {
    parts_.board.source_is_away();
  } else if (std::holds_alternative<SourceBack>(event)) {
    spdlog::info("data source {}: a broker answers again", options_.source_name);
    parts_.board.source_is_back();
    must_restart_ = true;  // topics may have been replaced meanwhile: a new start compares
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
  if (orders_.holds(at.topic)) {
    hold(message, found->second);
  } else {
    take_turn({message}, found->second);
  }
}

void Stream::take_turn(const Turn& turn, Partition& partition) {
  const auto delivered = partition.deliver(turn.message);
  if (const auto* finding = std::get_if<Discontinuity>(&delivered)) {
    stop_lane(discontinuity(*finding, partition.at().topic));
    return;
  }
  if (std::get<Delivery>(delivered) == Delivery::repeated_last) return;
  std::optional<Fate> fate;
  try {
    fate = fate_of(turn, partition);
  } catch (const LaneStopped& reason) {
    if (!stop_.stop_requested()) stop_lane(reason);
    must_restart_ = true;
    return;
  }
  if (fate) settle(partition, *fate);
}

// nullopt: the message stays where it is. Throws LaneStopped.
std::optional<Fate> Stream::fate_of(const Turn& turn, Partition& partition) {
  try {
    std::optional<Decoded> decoded;
    try {
      if (turn.held != nullptr) return take_decoded(turn.held->result(), turn, partition);
      decoded = parts_.lanes.at(partition.at().topic).decode(turn.message);
    } catch (const DecodeError& error) {
      take_undecodable(turn.message, error.sqlstate, error.what());
      return Fate::ignored;
    }
    return take_decoded(*decoded, turn, partition);
  } catch (const SchemaMissing& reason) {
    // The record is in order, and is read again when the lane is.
    commit_what_came_before();
    throw LaneStopped(reason, partition.at().topic);
  } catch (const Interrupted&) {
    return std::nullopt;
  }
}

Fate Stream::take_decoded(const Decoded& decoded, const Turn& turn, Partition& partition) {
  if (const auto* change = std::get_if<Change>(&decoded)) {
    return take_change(*change, turn, partition);
  }
  const Message& message = turn.message;
  const auto& ignored = std::get<Ignored>(decoded);
  if (ignored.notification) {
    watch_.see(*ignored.notification, message, slot_of(std::string(message.topic)).news);
  }
  ignore(ignored, message);
  return Fate::ignored;
}

Fate Stream::take_change(const Change& change, const Turn& turn, Partition& partition) {
  const Message& message = turn.message;
  Lane& lane = parts_.lanes.at(std::string(message.topic));
  is_in_snapshot_ =
      change.snapshot != SnapshotMark::streaming && change.snapshot != SnapshotMark::last;
  last_change_us_ = change.ts_us;
  const bool is_wanted = passes(lane, change);
  const catalog::TableName* target = is_wanted ? &tie(lane, change.table) : nullptr;
  if (must_restart_) throw Interrupted();
  Slot& slot = slot_of(lane.topic());
  see_snapshot(change, message, slot);
  if (partition.is_duplicate(change)) {
    lane.letters.note_use();
    lane.count_duplicate(options_.source_name);
    return Fate::duplicate;
  }
  lane.count_fresh();
  if (!is_wanted) {
    lane.letters.note_use();
    return Fate::filtered;
  }
  // What these throw is about earlier batches, not about this change.
  if (slot.batch && must_cut(slot, change)) submit(slot);
  Batch& batch = open_batch(slot, lane);
  try {
    const Confirmation confirmation = watch_.confirm(change, message);
    if (confirmation.is_superseded && kind_of(change) == RunKind::insert) return Fate::duplicate;
    batch.add(change, message, confirmation);
    batch.set_target(change.table, *target);
    if (turn.held != nullptr) heed_truncates(change, turn, batch);
    watch_.count(change, message, slot.news);
    lane.letters.note_use();
    return Fate::applied;
  } catch (const Error& error) {
    take_undecodable(message, error.sqlstate, error.what());
  }
  return Fate::ignored;
}

// That a snapshot is not complete after all is committed at once: in a batch it would take back
// signals that come behind it, and are committed before it.
void Stream::see_snapshot(const Change& change, const Message& message, Slot& slot) {
  if (watch_.reopens(change)) {
    const std::string& server = change.table->server_name;
    catalog::reopen_snapshot(connection_, options_.source_name, watch_.state().generation, server);
    watch_.reopened(server);
  }
  watch_.see(change, message, slot.news);
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
  const Lane& lane = parts_.lanes.at(std::string(message.topic));
  catalog::DeadLetter letter{options_.source_name,
                             std::string(message.topic),
                             message.partition,
                             message.offset,
                             message.timestamp_ms,
                             owned(message.key),
                             owned(message.value),
                             sqlstate,
                             reason,
                             {},
                             {}};
  if (const std::string* old_key = old_key_of(message)) letter.old_key = *old_key;
  open_batch(slot_of(lane.topic()), lane).add_dead_letter(std::move(letter));
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

// What is skipped moves the position as well.
void Stream::settle(Partition& partition, Fate fate) {
  const Lane& lane = parts_.lanes.at(partition.at().topic);
  Batch& batch = open_batch(slot_of(lane.topic()), lane);
  partition.settle(fate);
  batch.touched.insert(partition.at());
}

}  // namespace metadb::ingest
