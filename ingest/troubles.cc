#include "ingest/troubles.h"

#include <algorithm>
#include <utility>

namespace metadb::ingest {
namespace {

constexpr size_t kToldMax = 100;

// librdkafka ends its texts with durations and counters; without them equals are equal.
std::string essence(const std::string& text) {
  return text.substr(0, text.find(" (after "));
}

}  // namespace

void Troubles::note(std::string text, Urgency urgency, Clock::time_point now) {
  const std::string key = essence(text);
  const auto told = told_.find(key);
  if (told != told_.end() && now - told->second < kSilence) return;
  const bool is_waiting = std::any_of(waiting_.begin(), waiting_.end(), [&](const Waiting& other) {
    return essence(other.text) == key;
  });
  if (is_waiting || waiting_.size() >= kToldMax) return;
  const auto due = urgency == Urgency::at_once ? now : now + kPatience;
  waiting_.push_back({std::move(text), due, urgency});
}

void Troubles::recovered() {
  std::erase_if(waiting_, [](const Waiting& one) { return one.urgency == Urgency::if_it_stays; });
}

std::optional<std::string> Troubles::due(Clock::time_point now) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const Waiting& one) { return one.due <= now; });
  if (found == waiting_.end()) return std::nullopt;
  std::string text = std::move(found->text);
  waiting_.erase(found);
  if (told_.size() >= kToldMax) told_.clear();
  told_[essence(text)] = now;
  return text;
}

std::optional<Troubles::Clock::time_point> Troubles::next() const {
  const auto first =
      std::min_element(waiting_.begin(), waiting_.end(),
                       [](const Waiting& a, const Waiting& b) { return a.due < b.due; });
  if (first == waiting_.end()) return std::nullopt;
  return first->due;
}

void Absence::begin(Clock::time_point now) {
  if (since_) return;
  since_ = now;
  next_probe_ = now + kProbeInterval;
}

bool Absence::end() {
  since_.reset();
  return std::exchange(is_told_, false);
}

bool Absence::is_news(Clock::time_point now) {
  if (!since_ || is_told_ || now - *since_ < Troubles::kPatience) return false;
  is_told_ = true;
  return true;
}

bool Absence::must_probe(Clock::time_point now) {
  if (!since_ || now < next_probe_) return false;
  next_probe_ = now + kProbeInterval;
  return true;
}

std::optional<Absence::Clock::time_point> Absence::next() const {
  if (!since_ || is_told_) return std::nullopt;
  return *since_ + Troubles::kPatience;
}

}  // namespace metadb::ingest
