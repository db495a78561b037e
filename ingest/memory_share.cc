#include "ingest/memory_share.h"

#include <algorithm>

namespace metadb::ingest {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

// Both are some of several users of the memory: beside them there are the tuples of a batch on
// their way to PostgreSQL, and sessions.
constexpr int64_t kQueuePart = 16;
constexpr int64_t kQueueMin = 4 * kMiB;
constexpr int64_t kQueueMax = 128 * kMiB;
constexpr int64_t kBatchPart = 32;
constexpr int64_t kBatchMin = kMiB;
constexpr int64_t kBatchMax = 32 * kMiB;

}  // namespace

MemoryShare memory_share(int64_t limit_bytes, size_t sources) {
  const int64_t limit = limit_bytes / static_cast<int64_t>(std::max<size_t>(sources, 1));
  return {static_cast<size_t>(std::clamp(limit / kQueuePart, kQueueMin, kQueueMax)),
          static_cast<size_t>(std::clamp(limit / kBatchPart, kBatchMin, kBatchMax))};
}

}  // namespace metadb::ingest
