// How many records of a topic may be set aside: a wrong converter must not fill the disk.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>

namespace metadb::ingest {

// Counts what was set aside of one topic within an hour, and from its beginning until a record of
// it could be used. One thread.
class LetterLimit {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr size_t kFirstMax = 20;  // or the limit, if that is less
  static constexpr std::chrono::hours kWindow{1};

  // So many were committed.
  void count(size_t letters, Clock::time_point now);
  // A record of the topic could be used, now or, if nothing was counted yet, before.
  void note_use() { is_from_beginning_ = false; }
  void note_earlier_use() {
    if (letters_.empty()) note_use();
  }
  // Why the topic must stop if one more is to be set aside beside `pending` that are not committed
  // yet; nullopt if it need not. `most` in an hour; 0: without limit.
  [[nodiscard]] std::optional<std::string> reached(size_t most, size_t pending,
                                                   Clock::time_point now) const;
  // When the hour allows another one; max() if only forgive() does.
  [[nodiscard]] Clock::time_point free_at(size_t most) const;
  // Counts anew.
  void forgive() { letters_.clear(); }

 private:
  struct Counted {
    Clock::time_point time;
    size_t letters = 0;
  };
  [[nodiscard]] size_t counted_since(Clock::time_point time) const;

  std::deque<Counted> letters_;
  bool is_from_beginning_ = true;
};

}  // namespace metadb::ingest
