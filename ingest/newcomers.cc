#include "ingest/newcomers.h"

#include <algorithm>

namespace metadb::ingest {

void Newcomers::hold_back(std::map<TopicPartition, Partition>& partitions,
                          const std::set<TopicPartition>& let_in) {
  for (const auto& [at, partition] : partitions) {
    const bool is_new = partition.next_offset() < 0;
    if (is_new && !let_in.contains(at)) waiting_[at.topic].push_back(at);
    if (!is_new && partition.next_offset() < partition.high_watermark)
      old_[at] = {partition.high_watermark, partition.next_offset()};
  }
  const auto has_old = [&](const std::string& topic) {
    const auto found = old_.lower_bound({topic, 0});
    return found != old_.end() && found->first.topic == topic;
  };
  std::erase_if(waiting_, [&](const auto& topic) { return !has_old(topic.first); });
  std::erase_if(old_, [&](const auto& old) { return !waiting_.contains(old.first.topic); });
  for (const auto& [topic, held] : waiting_) {
    for (const TopicPartition& at : held) {
      lag_ += partitions.at(at).high_watermark;
      partitions.erase(at);
    }
  }
}

void Newcomers::reached_end(const EndOfPartition& end, int64_t next_offset) {
  const auto found = old_.find(end.at);
  if (found == old_.end() || end.offset < found->second.until) return;
  found->second.until = std::min(found->second.until, next_offset);
  forget_if_done(end.at);
}

void Newcomers::committed(const TopicPartition& at, int64_t next_offset) {
  const auto found = old_.find(at);
  if (found == old_.end()) return;
  found->second.committed = next_offset;
  forget_if_done(at);
}

void Newcomers::forget_if_done(const TopicPartition& at) {
  const auto found = old_.find(at);
  if (found->second.committed < found->second.until) return;
  old_.erase(found);
  const auto next = old_.lower_bound({at.topic, 0});
  if (next != old_.end() && next->first.topic == at.topic) return;
  const auto held = waiting_.find(at.topic);
  ready_.insert(ready_.end(), held->second.begin(), held->second.end());
  waiting_.erase(held);
}

}  // namespace metadb::ingest
