#include "ingest/troubles.h"

#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

using ingest::Absence;
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

TEST(Absence, IsToldOnceWhenItHasLasted) {
  Absence absence;
  EXPECT_EQ(absence.next(), std::nullopt);
  absence.begin(kStart);
  absence.begin(kStart + seconds(1));
  EXPECT_FALSE(absence.is_news(kStart + seconds(1)));
  EXPECT_EQ(absence.next(), kStart + Troubles::kPatience);
  EXPECT_TRUE(absence.is_news(kStart + Troubles::kPatience));
  EXPECT_FALSE(absence.is_news(kStart + seconds(100)));
  EXPECT_EQ(absence.next(), std::nullopt);
  EXPECT_TRUE(absence.end());
  EXPECT_FALSE(absence.end());
}

TEST(Absence, ShortOneIsNotTold) {
  Absence absence;
  absence.begin(kStart);
  EXPECT_FALSE(absence.end());
  EXPECT_FALSE(absence.is_news(kStart + seconds(100)));
}

TEST(Absence, AsksOnceInAnInterval) {
  Absence absence;
  EXPECT_FALSE(absence.must_probe(kStart));
  absence.begin(kStart);
  EXPECT_FALSE(absence.must_probe(kStart));
  EXPECT_TRUE(absence.must_probe(kStart + Absence::kProbeInterval));
  EXPECT_FALSE(absence.must_probe(kStart + Absence::kProbeInterval));
  absence.end();
  EXPECT_FALSE(absence.must_probe(kStart + seconds(100)));
}

}  // namespace
}  // namespace metadb::tests
