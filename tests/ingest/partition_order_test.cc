#include "ingest/partition_order.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

namespace metadb::tests {
namespace {

using ingest::HeldMessage;
using ingest::PartitionOrder;
using testing::ElementsAre;
using testing::IsEmpty;

// Records are known by their offsets, which are unique over all partitions.
class PartitionOrderTest : public testing::Test {
 protected:
  static constexpr std::string_view kServer = "srv";

  struct At {
    int32_t partition = 0;
    int64_t offset = 0;
  };
  struct Said {
    uint64_t lsn = 0;
    int64_t ts_us = 0;  // 0: as the position
    std::string log = std::string(kServer);
    bool is_truncate = false;
  };

  void add(const At& at, const Said& said) {
    const int64_t ts_us = said.ts_us == 0 ? static_cast<int64_t>(said.lsn) : said.ts_us;
    order_.push(at.partition, message(at.offset),
                PartitionOrder::Place{said.log, ingest::Sequence{said.lsn, 0}, ts_us, true,
                                      said.is_truncate});
  }
  void add_truncate(const At& at, uint64_t lsn) { add(at, {.lsn = lsn, .is_truncate = true}); }
  void add_unplaced(const At& at) { order_.push(at.partition, message(at.offset), std::nullopt); }
  void add_row(const At& at, int64_t ts_us) {
    order_.push(at.partition, message(at.offset),
                PartitionOrder::Place{std::string(kServer), std::nullopt, ts_us, false, false});
  }

  // The offsets of what is released now.
  std::vector<int64_t> released() {
    std::vector<int64_t> out;
    while (auto next = order_.next()) {
      const auto* message = std::get_if<HeldMessage>(&next->what);
      if (message == nullptr) continue;
      out.push_back(message->message.offset);
      if (next->is_late) late_.push_back(out.back());
    }
    return out;
  }

  static HeldMessage message(int64_t offset) {
    HeldMessage held;
    held.message.offset = offset;
    return held;
  }

  PartitionOrder order_{{0, 1}};
  std::vector<int64_t> late_;  // of these
};

TEST_F(PartitionOrderTest, LowerPlacesComeFirstOnceAllPartitionsHaveSomething) {
  add({0, 1}, {.lsn = 10});
  add({0, 2}, {.lsn = 30});
  EXPECT_THAT(released(), IsEmpty());
  EXPECT_THAT(order_.awaited(), ElementsAre(1));
  add({1, 3}, {.lsn = 20});
  EXPECT_THAT(released(), ElementsAre(1, 3));
  EXPECT_THAT(order_.awaited(), ElementsAre(1));
  order_.push_end(1, 4);
  EXPECT_THAT(released(), ElementsAre(2));
  EXPECT_TRUE(order_.is_empty());
}

TEST_F(PartitionOrderTest, PartitionAtItsEndIsWaitedForAgainOnceItGoesOn) {
  order_.push_end(1, 0);
  add({0, 1}, {.lsn = 10});
  EXPECT_THAT(released(), ElementsAre(1));
  add({1, 2}, {.lsn = 5});
  EXPECT_THAT(released(), IsEmpty()) << "the other one was left before its end";
  EXPECT_FALSE(order_.hear_end(0, 3)) << "it has more";
  EXPECT_THAT(released(), IsEmpty());
  EXPECT_TRUE(order_.hear_end(0, 2));
  EXPECT_THAT(released(), ElementsAre(2));
}

TEST_F(PartitionOrderTest, EndIsToldBehindWhatWaitsBeforeIt) {
  add({0, 1}, {.lsn = 10});
  order_.push_end(0, 2);
  EXPECT_FALSE(order_.next()) << "the other partition is not known";
  order_.push_end(1, 0);
  EXPECT_EQ(std::get<PartitionOrder::End>(order_.next()->what).offset, 0);
  EXPECT_TRUE(std::holds_alternative<HeldMessage>(order_.next()->what));
  EXPECT_EQ(std::get<PartitionOrder::End>(order_.next()->what).offset, 2);
}

TEST_F(PartitionOrderTest, RecordsWithoutPlaceWaitForNoOtherPartition) {
  add_unplaced({0, 1});
  add({0, 2}, {.lsn = 10});
  add_unplaced({0, 3});
  EXPECT_THAT(released(), ElementsAre(1));
  order_.push_end(1, 0);
  EXPECT_THAT(released(), ElementsAre(2, 3)) << "but for those before them";
}

TEST_F(PartitionOrderTest, OrderInAPartitionIsThatOfItsOffsets) {
  add({0, 1}, {.lsn = 30});
  add({0, 2}, {.lsn = 10});  // sent again
  add({1, 3}, {.lsn = 20});
  order_.push_end(0, 3);
  order_.push_end(1, 4);
  EXPECT_THAT(released(), ElementsAre(3, 1, 2));
}

TEST_F(PartitionOrderTest, PlacesOfTwoLogsAreTakenAsTheyCome) {
  add({0, 1}, {.lsn = 900, .log = "other"});
  add({1, 2}, {.lsn = 5});
  add({0, 3}, {.lsn = 901, .log = "other"});
  add({1, 4}, {.lsn = 6});
  order_.push_end(0, 4);
  order_.push_end(1, 5);
  EXPECT_THAT(released(), ElementsAre(1, 2, 3, 4));
}

TEST_F(PartitionOrderTest, TruncateOfALogComesBehindWhatHidesBehindAnotherLog) {
  add_truncate({0, 1}, 50);
  add({1, 2}, {.lsn = 900, .log = "other"});
  add({1, 3}, {.lsn = 40});
  add({1, 4}, {.lsn = 60});
  order_.push_end(0, 2);
  EXPECT_THAT(released(), ElementsAre(2, 3, 1, 4));
}

// Its new positions are lower and its times later.
TEST_F(PartitionOrderTest, LogThatBeganAnewIsFollowedAsItComesUntilAllPartitionsTellOfIt) {
  add({0, 1}, {.lsn = 900});
  add({1, 2}, {.lsn = 901});
  add({0, 3}, {.lsn = 10, .ts_us = 2000});
  add({1, 4}, {.lsn = 902, .ts_us = 1500});
  add({0, 5}, {.lsn = 30, .ts_us = 2000});
  add({1, 6}, {.lsn = 20, .ts_us = 2000});
  add({0, 7}, {.lsn = 31, .ts_us = 2000});
  EXPECT_THAT(released(), ElementsAre(1, 2, 3, 4, 6)) << "compared again from 20 and 30 on";
  EXPECT_THAT(order_.awaited(), ElementsAre(1));
}

TEST_F(PartitionOrderTest, LogThatBeganAnewIsComparedOnceTheOthersWereAtTheirEnds) {
  order_.begin(0, {"srv", ingest::Sequence{900, 0}, 1000, true, false});
  order_.begin(1, {"srv", ingest::Sequence{950, 0}, 1000, true, false});
  order_.push_end(1, 0);
  add({0, 1}, {.lsn = 10, .ts_us = 2000});
  add_truncate({0, 2}, 20);
  EXPECT_THAT(released(), ElementsAre(1));
  order_.tell_end(1, 0);
  EXPECT_THAT(released(), ElementsAre(2));
  EXPECT_THAT(late_, IsEmpty()) << "950 is a place of the old log";
}

TEST_F(PartitionOrderTest, TruncateWaitsForTheEndsAsTheyWereWhenItHadCome) {
  order_.push_end(1, 7);
  add_truncate({0, 20}, 50);
  EXPECT_THAT(released(), IsEmpty());
  EXPECT_THAT(order_.awaited(), IsEmpty());
  EXPECT_THAT(order_.unasked(), ElementsAre(1));
  order_.tell_end(1, 9);
  EXPECT_THAT(released(), IsEmpty());
  EXPECT_THAT(order_.awaited(), ElementsAre(1));
  EXPECT_FALSE(order_.hear_end(1, 7)) << "an old end";
  add({1, 7}, {.lsn = 40});
  EXPECT_THAT(released(), ElementsAre(7));
  add({1, 8}, {.lsn = 60});
  order_.push_end(0, 21);
  EXPECT_THAT(released(), ElementsAre(20, 8));
  EXPECT_THAT(late_, IsEmpty());
}

TEST_F(PartitionOrderTest, TruncateBehindWhichOthersHaveLaterRecordsNeedsNoQuestion) {
  add_truncate({0, 1}, 50);
  add({1, 2}, {.lsn = 60});
  EXPECT_THAT(released(), ElementsAre(1));
  EXPECT_THAT(order_.unasked(), IsEmpty());
}

TEST_F(PartitionOrderTest, TruncatesThatHadComeShareAnAnswer) {
  order_.push_end(1, 0);
  add_truncate({0, 1}, 50);
  add_truncate({0, 2}, 51);
  EXPECT_THAT(released(), IsEmpty());
  order_.tell_end(1, 0);
  EXPECT_THAT(released(), ElementsAre(1, 2));
  add_truncate({0, 3}, 52);
  EXPECT_THAT(released(), IsEmpty());
  EXPECT_THAT(order_.unasked(), ElementsAre(1));
}

TEST_F(PartitionOrderTest, TruncateIsLateBehindALaterChangeOfAnotherPartition) {
  order_.push_end(0, 0);
  add({1, 1}, {.lsn = 60});
  order_.push_end(1, 2);
  EXPECT_THAT(released(), ElementsAre(1));
  add_truncate({0, 2}, 50);
  order_.push_end(0, 3);
  EXPECT_THAT(released(), IsEmpty());
  order_.tell_end(1, 2);
  EXPECT_THAT(released(), ElementsAre(2));
  EXPECT_THAT(late_, ElementsAre(2));
}

TEST_F(PartitionOrderTest, TruncateIsLateBehindWhatWasAppliedBeforeTheStart) {
  order_.begin(1, {"srv", ingest::Sequence{60, 0}, 60, true, false});
  order_.push_end(1, 0);
  add_truncate({0, 2}, 50);
  EXPECT_THAT(released(), IsEmpty());
  order_.tell_end(1, 0);
  EXPECT_THAT(released(), ElementsAre(2));
  EXPECT_THAT(late_, ElementsAre(2));
}

TEST_F(PartitionOrderTest, ChangeIsLateBehindALaterTruncate) {
  order_.push_end(1, 0);
  add_truncate({0, 2}, 50);
  order_.push_end(0, 3);
  EXPECT_THAT(released(), IsEmpty());
  order_.tell_end(1, 0);
  EXPECT_THAT(released(), ElementsAre(2));
  add({1, 3}, {.lsn = 40});
  add({1, 4}, {.lsn = 60});
  EXPECT_THAT(released(), ElementsAre(3, 4));
  EXPECT_THAT(late_, ElementsAre(3));
}

// They are told before all that follows the snapshot, and do not say where they stand.
TEST_F(PartitionOrderTest, TruncateIsLateBehindRowsOfALaterSnapshotThatItsPartitionHasNotTold) {
  add_row({1, 1}, 70);
  add_truncate({0, 2}, 50);
  order_.push_end(1, 2);
  order_.tell_end(1, 2);
  EXPECT_THAT(released(), ElementsAre(1, 2));
  add_row({0, 3}, 70);
  add_truncate({0, 4}, 60);  // by a clock that is behind the connector's
  EXPECT_THAT(released(), ElementsAre(3));
  order_.tell_end(1, 2);
  EXPECT_THAT(released(), ElementsAre(4));
  EXPECT_THAT(late_, ElementsAre(2));
}

// What is written at once comes one partition after the other.
TEST_F(PartitionOrderTest, RecordRestsWhereAnotherPartitionIsAtItsEnd) {
  const auto now = PartitionOrder::Clock::now();
  const auto place = [](uint64_t lsn) {
    return PartitionOrder::Place{std::string(kServer), ingest::Sequence{lsn, 0}, 0, true, false};
  };
  order_.push_end(1, 0);
  order_.push(0, message(1), place(10), now + std::chrono::milliseconds(5));
  EXPECT_TRUE(std::holds_alternative<PartitionOrder::End>(order_.next(now)->what));
  EXPECT_FALSE(order_.next(now));
  EXPECT_TRUE(order_.rests());
  order_.push(1, message(2), place(9), now + std::chrono::milliseconds(5));
  EXPECT_EQ(order_.next(now)->partition, 1);
  EXPECT_FALSE(order_.next(now));
  EXPECT_FALSE(order_.rests()) << "it waits for what the other one has more";
  order_.push_end(1, 3);
  EXPECT_TRUE(order_.next(now));
  EXPECT_FALSE(order_.next(now));
  EXPECT_EQ(order_.next(now + std::chrono::milliseconds(5))->partition, 0);
}

TEST_F(PartitionOrderTest, CountsWhatItHolds) {
  add({0, 1}, {.lsn = 10});
  const size_t one = order_.bytes(0);
  EXPECT_GT(one, 0U);
  add({0, 2}, {.lsn = 10});
  EXPECT_EQ(order_.bytes(0), 2 * one);
  EXPECT_EQ(order_.bytes(), 2 * one);
  order_.push_end(1, 0);
  released();
  EXPECT_EQ(order_.bytes(), 0U);
  EXPECT_EQ(order_.bytes(0), 0U);
}

// Whatever comes first of which partition, in whatever pieces, with ends between that are no ends
// any more when they are told: what is released is one order, and nothing is left.
TEST(PartitionOrderProperty, AnyInterleavingOfOrderedPartitionsGivesTheOneOrder) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&](size_t bound) {
      return std::uniform_int_distribution<size_t>(0, bound - 1)(random);
    };
    const size_t partitions = 1 + below(5);
    std::vector<int32_t> names;
    for (size_t i = 0; i < partitions; ++i) names.push_back(static_cast<int32_t>(i));
    PartitionOrder order(names);
    std::vector<std::vector<int64_t>> waiting(partitions);  // by partition
    const int64_t count = static_cast<int64_t>(below(60));
    for (int64_t i = 1; i <= count; ++i) waiting[below(partitions)].push_back(i);
    std::vector<int64_t> released;
    const auto release = [&] {
      while (true) {
        if (auto next = order.next()) {
          if (const auto* held = std::get_if<HeldMessage>(&next->what))
            released.push_back(held->message.offset);
          continue;
        }
        const std::vector<int32_t> unasked = order.unasked();
        for (const int32_t partition : unasked) {
          const auto& left = waiting[static_cast<size_t>(partition)];
          order.tell_end(partition, left.empty() ? 0 : left.back() + 1);
        }
        if (unasked.empty()) return;
      }
    };
    std::vector<size_t> open;
    for (size_t i = 0; i < partitions; ++i) open.push_back(i);
    while (!open.empty()) {
      const size_t which = below(open.size());
      auto& left = waiting[open[which]];
      for (size_t n = below(6); n > 0 && !left.empty(); --n) {
        const int64_t at = left.front();
        HeldMessage held;
        held.message.offset = at;
        left.erase(left.begin());
        const bool is_truncate = below(8) == 0;
        order.push(names[open[which]], std::move(held),
                   PartitionOrder::Place{"srv", ingest::Sequence{static_cast<uint64_t>(at), 0}, at,
                                         true, is_truncate});
        if (below(3) == 0) release();
      }
      if (left.empty()) {
        order.push_end(names[open[which]], count + 1);
        open.erase(open.begin() + static_cast<ptrdiff_t>(which));
      }
      release();
    }
    ASSERT_EQ(released.size(), static_cast<size_t>(count));
    EXPECT_TRUE(std::ranges::is_sorted(released));
  }
}

}  // namespace
}  // namespace metadb::tests
