#include "ingest/lane.h"

#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

using catalog::Error;
using ingest::Lane;
using ingest::LaneStopped;

TEST(Lane, TellsWhyItStandsWithSqlstateDetailAndHint) {
  Lane lane("topic");
  lane.stop(LaneStopped(
      Error("2BP01", "can't change it").with_detail("v depends.").with_hint("Drop v."), "topic"));
  EXPECT_EQ(lane.report().reason, "can't change it (2BP01); v depends.; Drop v.");
}

}  // namespace
}  // namespace metadb::tests
