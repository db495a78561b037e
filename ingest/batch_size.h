// How much a batch may hold, as far as batches have been cut short.
#pragma once

#include <chrono>
#include <cstddef>

namespace metadb::ingest {

// A batch that takes longer than the group, or a command, leaves it alone would begin again for
// ever: each that was cut short makes the next ones half as large, until they are soon over.
//
// Kept across streams; used by the worker's thread.
class BatchSize {
 public:
  // Changes; more than any batch has: as long as none was cut short.
  [[nodiscard]] size_t changes_max() const { return changes_max_; }
  // A batch of so many was given up before it was committed.
  void cut_short(size_t changes);
  // A batch was committed in that time.
  void committed(std::chrono::milliseconds time);

 private:
  static constexpr size_t kAny = 1'000'000;
  size_t changes_max_ = kAny;
};

}  // namespace metadb::ingest
