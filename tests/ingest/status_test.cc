#include "ingest/status.h"

#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

using ingest::SourceState;
using ingest::SourceStatus;
using ingest::StatusBoard;
using ingest::Trouble;

constexpr int64_t kSilentUs = 1 + std::chrono::microseconds(StatusBoard::kTroubleMax).count();

bool has_error(const StatusBoard& board) {
  EXPECT_EQ(board.read().last_error.empty(), !board.read().last_error_us);
  return !board.read().last_error.empty();
}

TEST(Status, ErrorOfTheStreamEndsWhenEventsArrive) {
  StatusBoard board;
  board.report_retry("no answer", 1);
  EXPECT_TRUE(has_error(board));
  board.recovered(ingest::now_us());
  EXPECT_FALSE(has_error(board));
}

TEST(Status, ErrorStaysWhileATopicIsStopped) {
  StatusBoard board;
  board.update([](SourceStatus& status) { status.stopped_lanes["t"] = {"locked", false, 1}; });
  board.report_error(Trouble::stream, "locked");
  board.recovered(ingest::now_us() + kSilentUs);
  EXPECT_TRUE(has_error(board));
}

// One of several topics may be forbidden while the others arrive: it is told every minute.
TEST(Status, TroubleOfTheSourceEndsWhenItIsToldNoMore) {
  StatusBoard board;
  board.report_error(Trouble::source, "not authorized");
  board.recovered(ingest::now_us() + 60'000'000);
  EXPECT_TRUE(has_error(board));
  board.recovered(ingest::now_us() + kSilentUs);
  EXPECT_FALSE(has_error(board));
}

TEST(Status, TroubleOfTheGroupEndsWhenItGivesAll) {
  StatusBoard board;
  board.report_error(Trouble::group, "only 1 of 3");
  board.recovered(ingest::now_us() + kSilentUs);
  EXPECT_TRUE(has_error(board));
  board.group_is_whole();
  EXPECT_FALSE(has_error(board));
  board.report_error(Trouble::stream, "no answer");
  board.group_is_whole();
  EXPECT_TRUE(has_error(board));
}

TEST(Status, CountsAddUpByPartitionUntilTheTopicIsGone) {
  StatusBoard board;
  const ingest::TopicPartition first{"t", 0};
  const ingest::TopicPartition other{"u", 3};
  board.count({{first, {2, 1, 0}}, {other, {1, 0, 1}}});
  board.count({{first, {3, 0, 1}}});
  board.see_end(first, 9);
  EXPECT_EQ(board.partitions().at(first).events.applied, 5);
  EXPECT_EQ(board.partitions().at(first).end, 9);
  EXPECT_EQ(board.partitions().at(other).end, std::nullopt);
  EXPECT_EQ(board.read().filtered, 1);
  EXPECT_EQ(board.read().duplicates, 2);
  board.keep_topics({"u"});
  EXPECT_EQ(board.partitions().size(), 1U);
}

TEST(Status, RetriesForAsLongAsNoBrokerAnswers) {
  StatusBoard board;
  board.enter(SourceState::streaming);
  board.source_is_away();
  EXPECT_EQ(board.read().state, SourceState::retrying);
  EXPECT_EQ(board.read().last_error, "no broker answers");
  board.report_error(Trouble::source, "connection refused");
  board.enter(SourceState::streaming);
  EXPECT_EQ(board.read().state, SourceState::retrying);
  board.source_is_back();
  board.enter(SourceState::streaming);
  EXPECT_EQ(board.read().state, SourceState::streaming);
  EXPECT_FALSE(has_error(board));
}

TEST(Status, BrokerThatIsBackEndsNoOtherTrouble) {
  StatusBoard board;
  board.source_is_away();
  board.report_error(Trouble::stream, "a topic stands");
  board.source_is_back();
  EXPECT_TRUE(has_error(board));
}

}  // namespace
}  // namespace metadb::tests
