// Whether the consumer group gives a source all that its topics have.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

namespace metadb::ingest {

// What the group gives to somebody else does not arrive here, and nothing else would say so. A
// rebalance or a new topic makes a difference for a moment: told is one that stays.
// Used by one thread.
class GroupShare {
 public:
  using Clock = std::chrono::steady_clock;
  struct Times {
    std::chrono::seconds interval{20};  // between two questions to the broker
    std::chrono::seconds patience{60};
    std::chrono::minutes silence{10};  // until the same is told again
  };
  GroupShare() = default;
  explicit GroupShare(Times times) : times_(times) {}

  // Whether it is time to ask again how many there are.
  [[nodiscard]] bool is_due(Clock::time_point now) const { return now >= next_; }
  // Takes note of the answer (nullopt: nobody gave one). True if it is to be told.
  bool is_news(size_t assigned, std::optional<size_t> matching, Clock::time_point now);

 private:
  Times times_;
  Clock::time_point next_{};
  std::optional<Clock::time_point> fewer_since_;
  std::optional<Clock::time_point> told_;
};

}  // namespace metadb::ingest
