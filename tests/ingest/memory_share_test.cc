#include "ingest/memory_share.h"

#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

using ingest::memory_share;

constexpr int64_t kShareMiB = int64_t{1} << 20;

TEST(MemoryShare, IsLessWhereMoreSourcesShareIt) {
  const int64_t limit = 1024 * kShareMiB;
  EXPECT_EQ(memory_share(limit, 1).batch_bytes, 32 * kShareMiB);
  EXPECT_EQ(memory_share(limit, 4).batch_bytes, 8 * kShareMiB);
  EXPECT_EQ(memory_share(limit, 4).queue_bytes, 16 * kShareMiB);
}

TEST(MemoryShare, IsNeverTooLittleToGoOnNorMoreThanHelps) {
  EXPECT_EQ(memory_share(kShareMiB, 100).batch_bytes, kShareMiB);
  EXPECT_EQ(memory_share(kShareMiB, 100).queue_bytes, 4 * kShareMiB);
  EXPECT_EQ(memory_share(0, 0).batch_bytes, kShareMiB);
  EXPECT_EQ(memory_share(1000'000 * kShareMiB, 1).batch_bytes, 32 * kShareMiB);
}

}  // namespace
}  // namespace metadb::tests
