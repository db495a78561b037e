// Partitions that a topic got after it was read: they wait for those it had.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ingest/partition.h"
#include "ingest/source.h"

namespace metadb::ingest {

// More partitions move keys between them: an event in a new one may follow one of the same key that
// an old one still holds. So the new ones begin when the old ones have been committed up to where
// they ended when the new ones were seen. Belongs to one stream; used by its thread.
class Newcomers {
 public:
  // Takes out of `partitions`, which have begun, those that must wait. Of a topic of which nothing
  // was applied yet none waits, nor does one that is in `let_in`.
  void hold_back(std::map<TopicPartition, Partition>& partitions,
                 const std::set<TopicPartition>& let_in);

  // The end of a partition was delivered, and `next_offset` follows what was delivered of it: what
  // lies between holds no records.
  void reached_end(const EndOfPartition& end, int64_t next_offset);
  void committed(const TopicPartition& at, int64_t next_offset);

  // Those whose wait is over; empty as long as all wait.
  [[nodiscard]] const std::vector<TopicPartition>& ready() const { return ready_; }
  [[nodiscard]] bool is_waiting() const { return !waiting_.empty(); }
  // How many events wait in them.
  [[nodiscard]] int64_t lag() const { return lag_; }

 private:
  struct Old {
    int64_t until = 0;
    int64_t committed = 0;
  };
  void forget_if_done(const TopicPartition& at);

  std::map<TopicPartition, Old> old_;  // that are waited for
  std::map<std::string, std::vector<TopicPartition>> waiting_;
  std::vector<TopicPartition> ready_;
  int64_t lag_ = 0;
};

}  // namespace metadb::ingest
