// One order for the records of a topic's partitions.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "ingest/change.h"
#include "ingest/held_message.h"

namespace metadb::ingest {

// Holds what was read of each partition and releases it in the order of the source's log, as far as
// records say where in it they stand, and else as they came. Of one partition the order is always
// that in which it was read.
//
// A record with a place is released once each other partition has a record waiting, or is at its
// end, and none of the records that wait before all others has a lower place in the same log. So
// places are compared wherever a topic is read from behind; where it is read as it is written, a
// record may still come late. A record without a place is released as soon as it is the first of
// its partition. Between two logs, and while a log that began anew is not known to be the one that
// all partitions tell of, the order is that of arrival: nothing ever waits for what can't be
// compared.
//
// A truncate, which is about all partitions, waits for more: of the others each has a later record
// waiting, or was read to an end that was asked for after the truncate had come.
//
// Belongs to one stream; used by its thread. Does no I/O: whoever has it asks for ends.
class PartitionOrder {
 public:
  using Clock = std::chrono::steady_clock;

  // Where a record of a log stands.
  struct Place {
    std::string log;
    std::optional<Sequence> at;  // none: it does not say
    int64_t ts_us = 0;
    bool is_streaming = true;  // and no row of a snapshot
    bool is_truncate = false;
  };
  struct End {
    int64_t offset = 0;
  };
  struct Released {
    int32_t partition = 0;
    std::variant<HeldMessage, End> what;
    // A truncate, and of another partition something was released that comes after it in the log;
    // or something else, and a truncate was released that comes after it.
    bool is_late = false;
  };

  explicit PartitionOrder(const std::vector<int32_t>& partitions);
  // The highest place of a log, and the latest time, that the partition had been read to before.
  // REQUIRES: nothing of it was pushed.
  void begin(int32_t partition, const Place& highest);

  // `rests_until`: where another partition has nothing waiting, it is not released before that.
  // What was written before it, side by side, may still be on its way.
  void push(int32_t partition, HeldMessage message, std::optional<Place> place,
            Clock::time_point rests_until = {});
  // The partition was read to its end at `offset`. The next message takes that back.
  void push_end(int32_t partition, int64_t offset);

  // What comes next; nullopt: it is not known yet, see awaited(), rests() and unasked().
  std::optional<Released> next(Clock::time_point now = Clock::time_point::max());
  // Whether it rests. As of the last next().
  [[nodiscard]] bool rests() const { return rests_; }

  // The partitions that have nothing waiting and are not known to be at their ends, while something
  // waits for them. As of the last next().
  [[nodiscard]] const std::vector<int32_t>& awaited() const { return awaited_; }
  // Those whose ends a truncate needs. As of the last next().
  [[nodiscard]] const std::vector<int32_t>& unasked() const { return unasked_; }
  // Where the partition ended when something of the source was delivered last. Returns whether it
  // is at its end.
  bool hear_end(int32_t partition, int64_t end);
  // Where it ends now: the answer to a question.
  void tell_end(int32_t partition, int64_t end);

  [[nodiscard]] bool is_empty() const { return size_ == 0; }
  // Whether nothing of the partition waits.
  [[nodiscard]] bool is_empty(int32_t partition) const { return at(partition).entries.empty(); }
  [[nodiscard]] size_t bytes() const { return bytes_; }
  [[nodiscard]] size_t bytes(int32_t partition) const { return at(partition).bytes; }

 private:
  struct Log {
    // It began anew: these partitions have not come to that point, those have. Empty, both: its
    // places are compared.
    std::set<int32_t> behind;
    std::set<int32_t> anew;
    Sequence truncated;  // the place of the last truncate that was released
  };
  struct Entry {
    std::variant<HeldMessage, End> what;
    std::optional<Place> place;
    Log* log = nullptr;  // of the place
    uint64_t arrival = 0;
    Clock::time_point rests_until{};
    bool is_judged = false;
  };
  // What was released of a log.
  struct Passed {
    Sequence highest;
    int64_t latest_us = INT64_MIN;  // of changes
    int64_t rows_us = INT64_MIN;    // of a snapshot's rows that do not say where they stand
  };
  struct Queue {
    int32_t partition = 0;
    std::deque<Entry> entries;
    size_t bytes = 0;
    std::map<const Log*, Passed> passed;
    int64_t reach = -1;  // the offset after what came; -1: nothing came
    bool is_at_end = false;
    int64_t must_reach = -1;  // the end that was told last
    uint64_t told_at = 0;     // how many had arrived then
  };

  [[nodiscard]] const Queue& at(int32_t partition) const;
  Queue& at(int32_t partition);
  void judge(Queue& queue);
  void catch_up(Log& log);
  [[nodiscard]] static bool is_free(const Entry& entry);
  Queue* first_free();
  void note_awaited();
  [[nodiscard]] bool has_empty() const;
  [[nodiscard]] std::vector<Queue*> lowest();
  [[nodiscard]] bool may_pass(const Queue& truncate);
  [[nodiscard]] bool is_late(const Queue& queue) const;
  [[nodiscard]] bool is_late_truncate(const Queue& queue) const;
  static void note_passed(Queue& queue);
  Released release(Queue& queue);

  std::vector<Queue> queues_;  // by partition
  std::map<std::string, Log> logs_;
  std::vector<int32_t> awaited_;
  std::vector<int32_t> unasked_;
  bool rests_ = false;
  uint64_t arrivals_ = 0;
  size_t size_ = 0;  // messages
  size_t bytes_ = 0;
};

}  // namespace metadb::ingest
