#include "ingest/batch_size.h"

#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

using namespace std::chrono_literals;

TEST(BatchSize, IsHalvedUntilBatchesAreCommittedAndGrowsWhileThatIsSoon) {
  ingest::BatchSize size;
  const size_t any = size.changes_max();
  size.cut_short(3000);
  EXPECT_EQ(size.changes_max(), 1500U);
  size.cut_short(1500);
  EXPECT_EQ(size.changes_max(), 750U);
  size.committed(3s);
  EXPECT_EQ(size.changes_max(), 750U);
  size.committed(100ms);
  EXPECT_EQ(size.changes_max(), 1500U);
  for (int i = 0; i < 20; ++i) size.committed(1ms);
  EXPECT_EQ(size.changes_max(), any);
}

TEST(BatchSize, IsNeverNothing) {
  ingest::BatchSize size;
  size.cut_short(1);
  EXPECT_EQ(size.changes_max(), 1U);
}

}  // namespace
}  // namespace metadb::tests
