#include "ingest/topic_orders.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "ingest/message_copy.h"

namespace metadb::ingest {
namespace {

using std::chrono::milliseconds;

// Nothing is read meanwhile.
constexpr milliseconds kBrokerWait{2'000};
// For each topic by itself, once they got no answer together.
constexpr milliseconds kShortBrokerWait{1'000};
// Of bytes_max, what is held of a partition where many have much: less where there are more.
constexpr size_t kLittle = 32;
constexpr std::chrono::seconds kLongWait{5};

std::optional<PartitionOrder::Place> place_of(const HeldMessage& message) {
  const Change* change = message.decoded ? std::get_if<Change>(&*message.decoded) : nullptr;
  if (change == nullptr) return std::nullopt;
  return PartitionOrder::Place{log_of(*change), change->sequence, change->ts_us,
                               change->op != Op::read, change->op == Op::truncate};
}

}  // namespace

TopicOrders::~TopicOrders() {
  if (!paused_.empty()) source_.resume({paused_.begin(), paused_.end()});
}

void TopicOrders::begin(const std::map<TopicPartition, Partition>& partitions) {
  std::map<std::string, std::vector<int32_t>> read;
  for (const auto& [at, partition] : partitions) read[at.topic].push_back(at.partition);
  for (const auto& [topic, parts] : read) {
    if (parts.size() > 1)
      topics_.emplace(topic, Topic{topic, PartitionOrder(parts), false, std::nullopt});
  }
  for (const auto& [at, partition] : partitions) {
    const auto found = topics_.find(at.topic);
    if (found == topics_.end()) continue;
    for (const auto& [log, mark] : partition.watermarks()) {
      found->second.order.begin(
          at.partition, {log, Sequence{mark.commit_lsn, mark.lsn}, mark.ts_us, true, false});
    }
  }
}

void TopicOrders::push(const TopicPartition& at, HeldMessage message) {
  Topic& topic = topics_.at(at.topic);
  auto place = place_of(message);
  const bool passes = topic.order.is_empty(at.partition) && (!place || !place->at);
  // Else it may be here for long.
  if (!passes) message.message = copy_of(message.message);
  const size_t before = topic.order.bytes();
  if (topic.order.bytes(at.partition) == 0) ++holding_;
  topic.order.push(at.partition, std::move(message), std::move(place), Clock::now() + rest_);
  bytes_ += topic.order.bytes() - before;
  pause_or_resume(topic, at);
  be_due(topic);
}

void TopicOrders::push(const EndOfPartition& end) {
  Topic& topic = topics_.at(end.at.topic);
  topic.order.push_end(end.at.partition, end.offset);
  be_due(topic);
}

void TopicOrders::be_due(Topic& topic) {
  if (!std::exchange(topic.is_due, true)) due_.push_back(&topic);
}

std::optional<TopicOrders::Released> TopicOrders::next() {
  for (Topic* const topic : std::exchange(resting_, {})) be_due(*topic);
  while (!due_.empty()) {
    Topic& topic = *due_.front();
    const size_t before = topic.order.bytes();
    if (auto released = topic.order.next(Clock::now())) {
      bytes_ -= before - topic.order.bytes();
      topic.waits_since.reset();
      TopicPartition at{topic.name, released->partition};
      const bool is_message = std::holds_alternative<HeldMessage>(released->what);
      if (is_message && topic.order.bytes(at.partition) == 0) --holding_;
      pause_or_resume(topic, at);
      return Released{std::move(at), std::move(*released)};
    }
    if (hear_ends(topic)) continue;
    note_question(topic);
    if (topic.order.rests()) resting_.insert(&topic);
    due_.pop_front();
    topic.is_due = false;
    if (topic.order.is_empty()) {
      topic.waits_since.reset();
    } else if (!topic.waits_since) {
      topic.waits_since = Clock::now();
    }
  }
  return std::nullopt;
}

// The end of a partition is delivered half a second after its last record; what came along with
// that record tells it, too. Returns whether that may have changed something.
bool TopicOrders::hear_ends(Topic& topic) {
  const std::vector<int32_t> awaited = topic.order.awaited();
  for (const int32_t partition : awaited) {
    const auto end = source_.known_end({topic.name, partition});
    if (!end || !topic.order.hear_end(partition, *end)) return false;
  }
  return !awaited.empty();
}

void TopicOrders::note_question(Topic& topic) {
  if (topic.order.unasked().empty()) {
    asking_.erase(&topic);
  } else {
    asking_.insert(&topic);
  }
  if (asking_.empty()) {
    asks_since_.reset();
  } else if (!asks_since_) {
    asks_since_ = Clock::now();
  }
}

std::vector<LaneStopped> TopicOrders::ask() {
  const std::vector<Topic*> topics(asking_.begin(), asking_.end());
  asking_.clear();
  asks_since_.reset();
  std::vector<LaneStopped> silent;
  try {
    ask(topics, kBrokerWait);
    return silent;
  } catch (const catalog::Error& error) {
    if (topics.size() == 1) {
      silent.emplace_back(error, topics.front()->name);
      return silent;
    }
  }
  for (Topic* const topic : topics) {
    try {
      ask({topic}, kShortBrokerWait);
    } catch (const catalog::Error& error) {
      silent.emplace_back(error, topic->name);
    }
  }
  return silent;
}

// Throws Error 08001.
void TopicOrders::ask(const std::vector<Topic*>& topics, milliseconds patience) {
  std::vector<TopicPartition> of;
  for (const Topic* const topic : topics) {
    for (const int32_t partition : topic->order.unasked()) of.push_back({topic->name, partition});
  }
  const std::vector<int64_t> ends = source_.ends(of, patience);
  for (size_t i = 0; i < of.size(); ++i)
    topics_.at(of[i].topic).order.tell_end(of[i].partition, ends.at(i));
  for (Topic* const topic : topics) be_due(*topic);
}

// One that reaches none of it is read all the same, and it is those that others wait for.
size_t TopicOrders::limit() const {
  return bytes_ > 2 * bytes_max_ ? bytes_max_ / std::max(kLittle, holding_) : bytes_max_;
}

// One of which something waits is waited for by none.
void TopicOrders::pause_or_resume(Topic& topic, const TopicPartition& at) {
  const size_t bytes = topic.order.bytes(at.partition);
  const bool is_paused = paused_.contains(at);
  if (!is_paused && bytes > limit()) {
    source_.pause({at});
    paused_.insert(at);
  } else if (is_paused && bytes <= limit() / 2) {
    paused_.erase(at);
    source_.resume({at});
  }
}

bool TopicOrders::is_empty() const {
  for (const auto& [name, topic] : topics_) {
    if (!topic.order.is_empty()) return false;
  }
  return true;
}

void TopicOrders::look_again() {
  for (auto& [name, topic] : topics_) {
    if (topic.waits_since) be_due(topic);
  }
  const std::set<TopicPartition> paused = paused_;
  for (const TopicPartition& at : paused) pause_or_resume(topics_.at(at.topic), at);
}

std::string TopicOrders::wait(Clock::time_point now) const {
  std::string text;
  for (const auto& [name, topic] : topics_) {
    const auto& awaited = topic.order.awaited();
    if (!topic.waits_since || awaited.empty() || now - *topic.waits_since < kLongWait) continue;
    text += fmt::format(
        "{}topic {}: what was read waits for partition{} {}, which {} not been read to {} end",
        text.empty() ? "" : "\n", name, awaited.size() > 1 ? "s" : "", fmt::join(awaited, ", "),
        awaited.size() > 1 ? "have" : "has", awaited.size() > 1 ? "their" : "its");
  }
  return text;
}

}  // namespace metadb::ingest
