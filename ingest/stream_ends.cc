// What the ends of partitions tell a stream: that nothing is left to be read before them, also
// where no record stands there, as behind a transaction. Else such an offset would be waited for as
// a record, and be taken for a lost one once the topic is empty.
#include <algorithm>

#include "ingest/stream.h"

namespace metadb::ingest {
namespace {

// Between two commits of nothing but ends.
constexpr std::chrono::seconds kEndsEvery{10};

}  // namespace

// What was delivered of the partition before has been dealt with. Who waits for what is committed
// waits for records: the end itself is committed later.
void Stream::reached_end(const EndOfPartition& end) {
  if (must_restart_) return;
  Partition& partition = partitions_.at(end.at);
  const int64_t next_offset = partition.next_offset();
  newcomers_.reached_end(end, next_offset);
  if (ends_) ends_->reached_end(end, next_offset);
  if (partition.reach_end(end.offset)) moved_.insert(end.at);
  note_sound(end.at.topic);
}

// A lane that goes on and has nothing new commits nothing: that it has reached all its ends proves
// as much.
void Stream::note_sound(const std::string& topic) {
  Lane& lane = parts_.lanes.at(topic);
  if (!lane.is_on_trial() || lane.is_stopped() || given_.contains(topic)) return;
  for (auto found = partitions_.lower_bound({topic, 0});
       found != partitions_.end() && found->first.topic == topic; ++found) {
    if (!found->second.is_at_end()) return;
  }
  lane.succeeded();
  parts_.board.update([&](SourceStatus& status) { status.stopped_lanes.erase(topic); });
}

// With the next batch of the topic, if anything was collected of it: positions never go back.
void Stream::commit_ends() {
  if (moved_.empty() || must_restart_ || Clock::now() < next_ends_commit_) return;
  next_ends_commit_ = Clock::now() + kEndsEvery;
  std::vector<TopicPartition> alone;
  for (const TopicPartition& at : std::exchange(moved_, {})) {
    if (given_.contains(at.topic)) {
      open_batch(slot_of(at.topic), parts_.lanes.at(at.topic)).touched.insert(at);
    } else {
      alone.push_back(at);
    }
  }
  if (!alone.empty() && !must_restart_) commit_alone(alone);
}

// No writer has anything of their topics. Nobody who keeps a position locked keeps the stream.
void Stream::commit_alone(const std::vector<TopicPartition>& partitions) {
  std::vector<catalog::Position> positions;
  for (const TopicPartition& at : partitions) positions.push_back(partitions_.at(at).position());
  try {
    catalog::Transaction transaction(connection_);
    connection_.exec("SET LOCAL lock_timeout = '100ms'");
    catalog::advance(connection_, options_.source_name, positions);
    transaction.commit();
  } catch (const catalog::Error& error) {
    if (error.sqlstate != "55P03") throw;
    moved_.insert(partitions.begin(), partitions.end());
    return;
  }
  std::vector<PartitionOffset> next;
  for (const catalog::Position& position : positions) {
    next.push_back({{position.topic, position.part}, position.next_offset});
    committed_.at(next.back().at) = position.next_offset;
    newcomers_.committed(next.back().at, position.next_offset);
    if (ends_) ends_->committed(next.back().at, position.next_offset);
  }
  parts_.source.publish(next);
}

}  // namespace metadb::ingest
