#include "ingest/troubles.h"

#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

using ingest::Troubles;
using ingest::Urgency;
using std::chrono::seconds;

const Troubles::Clock::time_point kStart{seconds(1000)};

TEST(Troubles, TellsAtOnceWhatWillNotHeal) {
  Troubles troubles;
  troubles.note("refused", Urgency::at_once, kStart);
  EXPECT_EQ(troubles.due(kStart), "refused");
  EXPECT_EQ(troubles.due(kStart), std::nullopt);
}

TEST(Troubles, WaitsWhetherAConnectionComesBack) {
  Troubles troubles;
  troubles.note("down", Urgency::if_it_stays, kStart);
  EXPECT_EQ(troubles.due(kStart), std::nullopt);
  EXPECT_EQ(troubles.next(), kStart + Troubles::kPatience);
  EXPECT_EQ(troubles.due(kStart + Troubles::kPatience), "down");
  troubles.note("other", Urgency::if_it_stays, kStart);
  troubles.recovered();
  EXPECT_EQ(troubles.due(kStart + seconds(100)), std::nullopt);
  EXPECT_EQ(troubles.next(), std::nullopt);
}

TEST(Troubles, TellsEqualOnesOnceAMinute) {
  Troubles troubles;
  for (int at = 0; at < 100; ++at) {
    troubles.note("failed (after " + std::to_string(at) + "ms in state CONNECT)", Urgency::at_once,
                  kStart);
  }
  EXPECT_TRUE(troubles.due(kStart));
  EXPECT_FALSE(troubles.due(kStart));
  troubles.note("failed (after 5ms in state UP)", Urgency::at_once, kStart + seconds(59));
  EXPECT_FALSE(troubles.due(kStart + seconds(59)));
  troubles.note("failed", Urgency::at_once, kStart + seconds(61));
  EXPECT_TRUE(troubles.due(kStart + seconds(61)));
}

}  // namespace
}  // namespace metadb::tests
