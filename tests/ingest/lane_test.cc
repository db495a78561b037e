#include "ingest/lane.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "catalog/stream_lock.h"
#include "tests/fakes/eventually.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using ingest::Lane;
using ingest::LaneStopped;

TEST(Lane, TellsWhyItStandsWithSqlstateDetailAndHint) {
  Lane lane("topic", std::make_shared<ingest::Decoder>());
  lane.stop(LaneStopped(
      Error("2BP01", "can't change it").with_detail("v depends.").with_hint("Drop v."), "topic"));
  EXPECT_EQ(lane.report().reason, "can't change it (2BP01); v depends.; Drop v.");
}

// A command may take its time, and the topic is to go on soon after it.
TEST(Lane, AsksForATableThatACommandHasEverySecondHoweverLongThatTakes) {
  const TestDatabase database;
  catalog::Connection connection = database.connect();
  catalog::Connection command = database.connect();
  std::optional<catalog::StreamLock> lock;
  lock.emplace(command, std::vector<catalog::TableName>{{"public", "t"}});
  Lane lane("topic", std::make_shared<ingest::Decoder>());
  LaneStopped busy(Error("55P03", "a command works on it"), "topic");
  busy.busy_table = {"public", "t"};
  for (int i = 0; i < 10; ++i) lane.stop(busy);
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(lane.is_due());
    EXPECT_TRUE(eventually([&] { return lane.is_due(); }, std::chrono::seconds(3)));
    EXPECT_FALSE(lane.resume(connection));
  }
  lock.reset();
  EXPECT_TRUE(lane.resume(connection));
  EXPECT_FALSE(lane.is_stopped());
}

TEST(Decoders, AreSharedBySomeLanesAndComeFreeWithThem) {
  ingest::Decoders decoders;
  std::vector<Lane> lanes;
  std::set<const ingest::Decoder*> used;
  for (int i = 0; i < 40; ++i) {
    const auto decoder = decoders.take();
    used.insert(decoder.get());
    lanes.emplace_back("t" + std::to_string(i), decoder);
  }
  EXPECT_EQ(used.size(), 3U);
  const std::weak_ptr<ingest::Decoder> last = decoders.take();
  EXPECT_EQ(last.use_count(), 1 + 8);
  lanes.clear();
  EXPECT_EQ(last.use_count(), 1);
}

}  // namespace
}  // namespace metadb::tests
