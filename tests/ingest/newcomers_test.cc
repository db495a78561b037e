#include "ingest/newcomers.h"

#include <gmock/gmock.h>

namespace metadb::tests {
namespace {

using ingest::Newcomers;
using ingest::Partition;
using ingest::TopicPartition;
using testing::ElementsAre;
using testing::IsEmpty;

// A topic `t` whose partitions have been read up to `next` (-1: not at all) of `high`.
class NewcomersTest : public testing::Test {
 protected:
  void add(int32_t part, int64_t next, int64_t high) {
    catalog::Position position;
    position.next_offset = next;
    Partition partition({"t", part}, position);
    partition.begin({0, high}, "");
    partitions_.emplace(TopicPartition{"t", part}, std::move(partition));
  }
  std::vector<int32_t> reading() const {
    std::vector<int32_t> out;
    for (const auto& [at, partition] : partitions_) out.push_back(at.partition);
    return out;
  }

  std::map<TopicPartition, Partition> partitions_;
  Newcomers newcomers_;
};

TEST_F(NewcomersTest, WaitUntilAllOldOnesAreCommitted) {
  add(0, 5, 9);
  add(1, 2, 3);
  add(2, -1, 4);
  newcomers_.hold_back(partitions_, {});
  EXPECT_THAT(reading(), ElementsAre(0, 1));
  EXPECT_EQ(newcomers_.lag(), 4);
  newcomers_.committed({"t", 0}, 9);
  newcomers_.committed({"t", 1}, 2);
  EXPECT_THAT(newcomers_.ready(), IsEmpty());
  newcomers_.committed({"t", 1}, 3);
  EXPECT_THAT(newcomers_.ready(), ElementsAre(TopicPartition{"t", 2}));
  EXPECT_FALSE(newcomers_.is_waiting());
}

TEST_F(NewcomersTest, OldOneThatEndsInAControlRecordIsReadToItsEnd) {
  add(0, 5, 9);
  add(1, -1, 4);
  newcomers_.hold_back(partitions_, {});
  newcomers_.reached_end({{"t", 0}, 8}, 8);
  EXPECT_TRUE(newcomers_.is_waiting()) << "an earlier end";
  newcomers_.reached_end({{"t", 0}, 9}, 8);
  EXPECT_TRUE(newcomers_.is_waiting()) << "not committed yet";
  newcomers_.committed({"t", 0}, 8);
  EXPECT_THAT(newcomers_.ready(), ElementsAre(TopicPartition{"t", 1}));
}

TEST_F(NewcomersTest, DoNotWaitForWhatIsReadOrNewOrWhereTheyWereLetIn) {
  add(0, 9, 9);
  add(1, -1, 4);
  newcomers_.hold_back(partitions_, {});
  EXPECT_THAT(reading(), ElementsAre(0, 1));
  partitions_.clear();
  add(0, -1, 9);
  add(1, -1, 4);
  newcomers_.hold_back(partitions_, {});
  EXPECT_THAT(reading(), ElementsAre(0, 1));
  partitions_.clear();
  add(0, 3, 9);
  add(1, -1, 4);
  newcomers_.hold_back(partitions_, {{"t", 1}});
  EXPECT_THAT(reading(), ElementsAre(0, 1));
  EXPECT_FALSE(newcomers_.is_waiting());
}

}  // namespace
}  // namespace metadb::tests
