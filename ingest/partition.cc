#include "ingest/partition.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace metadb::ingest {
namespace {

constexpr uint64_t kFnvPrime = 1099511628211ULL;

void mix(uint64_t& hash, const std::optional<std::string_view>& bytes) {
  hash = (hash ^ (bytes ? 1U : 0U)) * kFnvPrime;
  if (!bytes) return;
  for (const char c : *bytes) hash = (hash ^ static_cast<unsigned char>(c)) * kFnvPrime;
}

}  // namespace

std::string log_of(const Change& change) {
  const EventTable& table = *change.table;
  return change.is_commit_sequence ? table.server_name + "." + table.db : table.server_name;
}

int64_t record_hash(const Message& message) {
  uint64_t hash = 14695981039346656037ULL;
  mix(hash, message.key);
  mix(hash, message.value);
  return static_cast<int64_t>(hash);
}

std::string Partition::named() const {
  return fmt::format("topic \"{}\" partition {}", at_.topic, at_.partition);
}

std::variant<PartitionOffset, Discontinuity> Partition::begin(const Watermarks& held,
                                                              const std::string& cluster_id) {
  high_watermark = held.high;
  const std::string cluster_before = position_.cluster_id;
  if (!cluster_id.empty()) position_.cluster_id = cluster_id;
  if (position_.discontinuity) return Discontinuity{*position_.discontinuity};
  if (position_.next_offset < 0) return PartitionOffset{at_, kOffsetBeginning};
  if (!cluster_before.empty() && !cluster_id.empty() && cluster_before != cluster_id) {
    return Discontinuity{fmt::format("{} is on another Kafka cluster now ({} instead of {})",
                                     named(), cluster_id, cluster_before),
                         true};
  }
  if (held.high < position_.next_offset) {
    return Discontinuity{
        fmt::format("{} was replaced: it ends at offset {}, before the {} that had been read",
                    named(), held.high, position_.next_offset)};
  }
  if (held.low > position_.next_offset) {
    return Discontinuity{fmt::format("{} lost {} records before they were read (offsets {} to {})",
                                     named(), held.low - position_.next_offset,
                                     position_.next_offset, held.low - 1)};
  }
  const bool is_comparable = position_.last && position_.last->offset >= held.low;
  if (is_comparable) expected_ = position_.last;
  return PartitionOffset{at_, is_comparable ? position_.last->offset : position_.next_offset};
}

std::variant<Delivery, Discontinuity> Partition::deliver(const Message& message) {
  is_at_end_ = false;
  if (expected_ && message.offset == expected_->offset) {
    const bool is_same =
        expected_->timestamp_ms == message.timestamp_ms && expected_->hash == record_hash(message);
    if (!is_same) {
      return Discontinuity{fmt::format("{} was replaced: offset {} holds another record now",
                                       named(), message.offset)};
    }
    expected_.reset();
    return Delivery::repeated_last;
  }
  expected_.reset();
  if (message.offset < position_.next_offset) return Delivery::repeated_last;
  in_hand_ = InHand{message, std::nullopt, false, false, false};
  return Delivery::fresh;
}

// A lower position is one that was seen before, unless its time is later: then the server's log
// began anew. Once a lower one was seen again, as many events at the watermark follow as were
// applied there. REQUIRES: the change's message was delivered and is not settled.
bool Partition::is_duplicate(const Change& change) {
  in_hand_->is_streaming = change.snapshot == SnapshotMark::streaming;
  in_hand_->is_of_snapshot = change.op == Op::read && change.snapshot != SnapshotMark::incremental;
  in_hand_->is_first = in_hand_->is_of_snapshot && change.snapshot == SnapshotMark::first;
  if (!in_hand_->is_streaming || !change.sequence) return false;
  const std::string server_name = log_of(change);
  const auto found = position_.watermarks.find(server_name);
  catalog::Watermark mark{change.sequence->commit_lsn, change.sequence->lsn, change.ts_us};
  bool is_repeated = false;
  if (found != position_.watermarks.end()) {
    const catalog::Watermark& before = found->second;
    const Sequence highest{before.commit_lsn, before.lsn};
    const bool is_later = change.ts_us > before.ts_us;
    if (*change.sequence > highest) {
      mark.ts_us = std::max(mark.ts_us, before.ts_us);
    } else if (*change.sequence == highest) {
      is_repeated = before.owed > 0 && !is_later;
      mark = before;
      mark.ts_us = std::max(change.ts_us, before.ts_us);
      if (is_repeated) {
        --mark.owed;
      } else {
        ++mark.seen;
      }
    } else if (!is_later) {
      is_repeated = true;
      mark = before;
      mark.owed = before.seen;
    } else {
      spdlog::warn("{}: the log positions of \"{}\" went back; following its new timeline", named(),
                   server_name);
    }
  }
  in_hand_->watermark.emplace(server_name, mark);
  return is_repeated;
}

// A row behind streaming events is the beginning of another snapshot.
void Partition::note_snapshot() {
  if (in_hand_->is_of_snapshot) {
    const bool goes_on = position_.snapshot_begin && !position_.has_streamed_since;
    if (goes_on && !in_hand_->is_first) return;
    position_.snapshot_begin = in_hand_->message.offset;
    position_.has_streamed_since = false;
  } else if (in_hand_->is_streaming && position_.snapshot_begin) {
    position_.has_streamed_since = true;
  }
}

void Partition::settle(Fate fate) {
  if (!in_hand_) return;
  counts_.applied += fate == Fate::applied ? 1 : 0;
  counts_.filtered += fate == Fate::filtered ? 1 : 0;
  counts_.duplicates += fate == Fate::duplicate ? 1 : 0;
  position_.next_offset = behind_records_ = in_hand_->message.offset + 1;
  position_.streaming_seen = position_.streaming_seen || in_hand_->is_streaming;
  note_snapshot();
  if (in_hand_->watermark)
    position_.watermarks[in_hand_->watermark->first] = in_hand_->watermark->second;
  last_ = std::move(in_hand_->message);
  in_hand_.reset();
}

// What is in hand stands before the end, and is read again.
bool Partition::reach_end(int64_t offset) {
  if (in_hand_) return false;
  is_at_end_ = true;
  if (offset <= position_.next_offset) return false;
  position_.next_offset = offset;
  return true;
}

int64_t Partition::lag(int64_t committed_offset) const {
  const bool has_all = is_at_end_ && committed_offset >= behind_records_;
  const int64_t from =
      has_all ? std::max(committed_offset, position_.next_offset) : committed_offset;
  return std::max<int64_t>(0, high_watermark - from);
}

// Hashed here and not for every message: once a batch.
catalog::Position Partition::position() {
  if (last_) {
    position_.last = catalog::LastRecord{last_->offset, last_->timestamp_ms, record_hash(*last_)};
  }
  last_.reset();
  return position_;
}

}  // namespace metadb::ingest
