// The lanes of a stream: which there are, and when they stop and go on.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "ingest/stream.h"

namespace metadb::ingest {

using catalog::Error;

Lane& Stream::lane_of(const std::string& topic) {
  const auto found = parts_.lanes.find(topic);
  if (found != parts_.lanes.end()) return found->second;
  return parts_.lanes.try_emplace(topic, topic, parts_.decoders.take()).first->second;
}

// Topics that are gone, or another member's now, are no trouble of ours any more.
void Stream::forget_lanes_without(const std::vector<TopicPartition>& assigned) {
  std::set<std::string> topics;
  for (const TopicPartition& at : assigned) topics.insert(at.topic);
  std::erase_if(parts_.lanes, [&](const auto& lane) { return !topics.contains(lane.first); });
  std::erase_if(parts_.assigned.begun,
                [&](const TopicPartition& at) { return !topics.contains(at.topic); });
  parts_.board.keep_topics(topics);
}

void Stream::stop_lane(const LaneStopped& reason) {
  const auto found = parts_.lanes.find(reason.topic);
  // Nobody's lane: the whole stream starts over.
  if (found == parts_.lanes.end()) throw Error(reason);
  Lane& lane = found->second;
  const bool is_news =
      !lane.is_on_trial() || lane.report().reason.find(reason.message()) == std::string::npos;
  lane.stop(reason);
  if (reason.needs_resync) {
    catalog::record_needs_resync(connection_, options_.source_name, reason.topic,
                                 {lane.report().reason, reason.lasting_reason});
  }
  if (is_news) {
    spdlog::log(reason.busy_table ? spdlog::level::info : spdlog::level::err,
                "data source {}: topic {} stopped: {}", options_.source_name, reason.topic,
                lane.report().reason);
  }
  parts_.board.update(
      [&](SourceStatus& status) { status.stopped_lanes[reason.topic] = lane.report(); });
  parts_.board.report_error(Trouble::stream, lane.report().reason);
  must_restart_ = true;
}

bool Stream::may_have_more_to_read() const {
  return !newcomers_.ready().empty() || parts_.retries.has_forgiveness() ||
         std::ranges::any_of(parts_.lanes, [](const auto& lane) { return lane.second.is_due(); });
}

// Whether a new start reads what this stream does not. Waits for what the writers have in hand.
bool Stream::has_more_to_read() {
  if (!may_have_more_to_read()) return false;
  wait_for_writers();
  const bool has_resumed = resume_due_lanes();
  const auto& ready = newcomers_.ready();
  parts_.assigned.begun.insert(ready.begin(), ready.end());
  return has_resumed || !ready.empty();
}

// Lanes that are due are read again by the next stream, all of them by the same.
bool Stream::resume_due_lanes() {
  bool has_resumed = false;
  if (parts_.retries.take_forgiveness()) {
    for (auto& [topic, lane] : parts_.lanes) lane.forgive();
  }
  for (auto& [topic, lane] : parts_.lanes) {
    if (!lane.is_due()) continue;
    has_resumed = lane.resume(connection_) || has_resumed;
    parts_.board.update([&](SourceStatus& status) { status.stopped_lanes[topic] = lane.report(); });
  }
  return has_resumed;
}

}  // namespace metadb::ingest
