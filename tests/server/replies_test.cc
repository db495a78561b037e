#include <gtest/gtest.h>

#include <chrono>
#include <string_view>

#include "server/session_replies.h"

namespace metadb::tests {
namespace {

using server::ReplyQueue;
using server::Request;

void send(ReplyQueue& queue, std::string_view types) {
  for (const char type : types) {
    switch (type) {
      case 'P':
        queue.sent(Request::parse);
        break;
      case 'B':
        queue.sent(Request::bind);
        break;
      case 'D':
        queue.sent(Request::describe);
        break;
      case 'E':
        queue.sent(Request::execute);
        break;
      case 'C':
        queue.sent(Request::close);
        break;
      case 'S':
        queue.sent(Request::sync);
        break;
      case 'Q':
        queue.sent(Request::query);
        break;
      case 'c':
        queue.sent(Request::copy_end);
        break;
      default:
        FAIL() << type;
    }
  }
}
void receive(ReplyQueue& queue, std::string_view types) {
  for (const char type : types) EXPECT_TRUE(queue.received(type)) << type;
}

TEST(ReplyQueue, IsEmptyWhenEverythingIsAnswered) {
  ReplyQueue queue;
  send(queue, "PBDESQPDSCS");
  receive(queue,
          "12TDDCZ"
          "TDCTDCZ"
          "1tnZ"
          "3");
  EXPECT_FALSE(queue.is_empty());
  receive(queue, "Z");
  EXPECT_TRUE(queue.is_empty());
}

TEST(ReplyQueue, ErrorDropsUpToSync) {
  ReplyQueue queue;
  send(queue, "PBESPBES");
  receive(queue, "1EZ");
  EXPECT_FALSE(queue.is_skipping());
  receive(queue, "12C");
  EXPECT_FALSE(queue.is_empty());
  receive(queue, "Z");
  EXPECT_TRUE(queue.is_empty());
}

TEST(ReplyQueue, ErrorBeforeSyncSkipsWhatIsSentUpToIt) {
  ReplyQueue queue;
  send(queue, "BEQ");  // PostgreSQL skips the query, too
  receive(queue, "E");
  EXPECT_TRUE(queue.is_skipping());
  send(queue, "PBQ");
  EXPECT_TRUE(queue.is_empty());
  send(queue, "S");
  EXPECT_FALSE(queue.is_skipping());
  receive(queue, "Z");
  EXPECT_TRUE(queue.is_empty());
}

TEST(ReplyQueue, ErrorInQueryStillOwesReady) {
  ReplyQueue queue;
  send(queue, "QQ");
  receive(queue, "CEZ");
  EXPECT_FALSE(queue.is_empty());
  receive(queue, "CZ");
  EXPECT_TRUE(queue.is_empty());
}

TEST(ReplyQueue, SwallowsTheErrorOfOurOwnRequest) {
  ReplyQueue queue;
  queue.sent(Request::execute, true);
  EXPECT_FALSE(queue.received('E'));
  send(queue, "S");
  receive(queue, "Z");
  EXPECT_TRUE(queue.is_empty());
}

TEST(ReplyQueue, SyncsDuringCopyInAreNotAnswered) {
  ReplyQueue queue;
  send(queue, "PBES");
  receive(queue, "12G");
  EXPECT_TRUE(queue.is_copying_in());
  send(queue, "SS");
  send(queue, "cS");
  EXPECT_FALSE(queue.is_copying_in());
  receive(queue, "CZ");
  EXPECT_TRUE(queue.is_empty());
}

// As it is where the data before the Sync are wrong: PostgreSQL no longer reads data then.
TEST(ReplyQueue, SyncDuringCopyInThatIsAnsweredEndsTheSkipping) {
  ReplyQueue queue;
  send(queue, "PBE");
  receive(queue, "12G");
  send(queue, "S");
  receive(queue, "E");
  EXPECT_TRUE(queue.is_skipping());
  receive(queue, "Z");
  EXPECT_FALSE(queue.is_skipping());
  send(queue, "Q");
  EXPECT_FALSE(queue.is_empty());
  receive(queue, "CZ");
  EXPECT_TRUE(queue.is_empty());
}

TEST(ReplyQueue, CopyDoneMayBeSentAheadOfCopyInResponse) {
  ReplyQueue queue;
  send(queue, "PBEScS");
  receive(queue, "12G");
  EXPECT_FALSE(queue.is_copying_in());
  receive(queue, "CZ");
  EXPECT_TRUE(queue.is_empty());
}

// One by one they would take a minute.
TEST(ReplyQueue, AnyNumberOfSyncsMayBeSentAheadOfCopyInResponse) {
  for (const bool is_ended : {false, true}) {
    ReplyQueue queue;
    send(queue, "PBE");
    constexpr int kMany = 4'000'000;
    for (int i = 0; i < kMany; ++i) queue.sent(Request::sync);
    if (is_ended) send(queue, "cSQ");
    const auto begun = std::chrono::steady_clock::now();
    receive(queue, "12G");
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
    EXPECT_EQ(queue.is_copying_in(), !is_ended);
    if (!is_ended) send(queue, "cSQ");
    receive(queue, "CZ");
    EXPECT_FALSE(queue.is_empty());
    receive(queue, "CZ");
    EXPECT_TRUE(queue.is_empty());
  }
}

TEST(ReplyQueue, TwoCopiesInOneQuery) {
  ReplyQueue queue;
  send(queue, "Q");
  receive(queue, "G");
  send(queue, "c");
  receive(queue, "CG");
  EXPECT_TRUE(queue.is_copying_in());
  send(queue, "c");
  receive(queue, "CZ");
  EXPECT_TRUE(queue.is_empty());
}

TEST(ReplyQueue, KnowsWhatIsNotSynced) {
  ReplyQueue queue;
  send(queue, "P");
  EXPECT_TRUE(queue.is_unsynced());
  EXPECT_FALSE(queue.has_executed());
  send(queue, "BE");
  EXPECT_TRUE(queue.has_executed());
  send(queue, "S");
  EXPECT_FALSE(queue.is_unsynced());
  EXPECT_FALSE(queue.has_executed());
}

TEST(ReplyQueue, LongPipelinesComeToTheirEnd) {
  ReplyQueue queue;
  constexpr int kRounds = 100'000;
  for (int i = 0; i < kRounds; ++i) send(queue, "BE");
  send(queue, "S");
  for (int i = 0; i < kRounds; ++i) receive(queue, "2C");
  EXPECT_FALSE(queue.is_empty());
  receive(queue, "Z");
  EXPECT_TRUE(queue.is_empty());
}

}  // namespace
}  // namespace metadb::tests
