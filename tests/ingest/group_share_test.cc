#include "ingest/group_share.h"

#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

using ingest::GroupShare;
using namespace std::chrono_literals;

const GroupShare::Clock::time_point kBegin{1000s};

TEST(GroupShare, FewerPartitionsThanThereAreAreToldAfterAMinute) {
  GroupShare share;
  EXPECT_TRUE(share.is_due(kBegin));
  EXPECT_FALSE(share.is_news(1, 2, kBegin));
  EXPECT_FALSE(share.is_due(kBegin + 1s));
  EXPECT_TRUE(share.is_due(kBegin + 20s));
  EXPECT_FALSE(share.is_news(1, 2, kBegin + 59s));
  EXPECT_TRUE(share.is_news(1, 2, kBegin + 60s));
  EXPECT_FALSE(share.is_news(1, 2, kBegin + 5min));
  EXPECT_TRUE(share.is_news(1, 2, kBegin + 12min));
}

TEST(GroupShare, DifferenceThatGoesIsNotTold) {
  GroupShare share;
  EXPECT_FALSE(share.is_news(1, 2, kBegin));
  EXPECT_FALSE(share.is_news(2, 2, kBegin + 40s));
  EXPECT_FALSE(share.is_news(2, 3, kBegin + 80s));
  EXPECT_FALSE(share.is_news(3, 3, kBegin + 150s));
}

TEST(GroupShare, NoAnswerSaysNothing) {
  GroupShare share;
  EXPECT_FALSE(share.is_news(0, std::nullopt, kBegin));
  EXPECT_FALSE(share.is_news(0, std::nullopt, kBegin + 2min));
}

}  // namespace
}  // namespace metadb::tests
