// Records that wait behind one that failed: tried again in their order, or once it is given up.
#include "tests/ingest/letters_fixture.h"

namespace metadb::tests {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

// A table (id, v, w).
class FollowersRetry : public Letters {
 protected:
  static RowEvent event(char op, int id, int64_t second, const std::string& v,
                        const std::string& w) {
    return {.op = op, .id = id, .value = v, .ts_us = at(second), .w = w};
  }
  // A row, and an update that cannot be read, with `waiting` more that leave v out.
  void begin(int waiting) {
    topics_.add(event('c', 1, 1, "a", "a"));
    add_broken(topics_, event('u', 1, 2, "b", "b"));
    for (int i = 0; i < waiting; ++i)
      topics_.add(event('u', 1, 3 + i, kUnavailable, fmt::format("w{}", i)));
  }
  std::vector<std::string> all() {
    return rows(
        "SELECT id, v, w, extract(epoch FROM __start)::bigint - 1700000000, CASE WHEN __current "
        "THEN 'now' ELSE (extract(epoch FROM __end)::bigint - 1700000000)::text END FROM t__ ORDER "
        "BY 1, __start, __end, 2, 3");
  }
  RecordedTopics topics_;
};

TEST_F(FollowersRetry, AreFilledFromTheLetterThatIsAppliedBeforeThem) {
  begin(2);
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  EXPECT_THAT(all(), ElementsAre("1,a,a,1,now"));
  mend();
  EXPECT_EQ(retry().applied, 3);
  EXPECT_THAT(all(), ElementsAre("1,a,a,1,2", "1,b,b,2,3", "1,b,w0,3,4", "1,b,w1,4,now"));
  topics_.add(event('u', 1, 9, kUnavailable, "last"));
  ASSERT_TRUE(catches_up(topics_));
  EXPECT_THAT(all(), Contains("1,b,last,9,now"));
}

TEST_F(FollowersRetry, StayWhileTheirLetterFails) {
  begin(2);
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  const auto outcome = retry();
  EXPECT_EQ(outcome.applied, 0);
  EXPECT_EQ(outcome.left, 3);
  EXPECT_THAT(outcome.reasons, Contains(AllOf(HasSubstr("offset 2: "), HasSubstr("offset 1 "))));
  EXPECT_THAT(rows("SELECT \"offset\", follows FROM metadb.dead_letter ORDER BY 1"),
              ElementsAre("1,NULL", "2,1", "3,1"));
  EXPECT_THAT(all(), ElementsAre("1,a,a,1,now"));
}

TEST_F(FollowersRetry, BehindALaterEventGoIntoHistory) {
  begin(2);
  topics_.add(event('u', 1, 7, "z", "z"));
  topics_.add(event('u', 1, 8, kUnavailable, "y"));
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  EXPECT_THAT(all(), ElementsAre("1,a,a,1,7", "1,z,z,7,8", "1,z,y,8,now"));
  mend();
  EXPECT_EQ(retry().applied, 3);
  EXPECT_THAT(rows("SELECT v, w FROM t__ ORDER BY __start"),
              ElementsAre("a,a", "b,b", "b,w0", "b,w1", "z,z", "z,y"));
}

// It failed itself; once it is mended it must not be filled from what was before both.
TEST_F(FollowersRetry, ALetterThatLeavesValuesOutBecomesOne) {
  topics_.add(event('c', 1, 1, "a", "a"));
  add_broken(topics_, event('u', 1, 2, "b", "b"));
  add_broken(topics_, event('u', 1, 3, kUnavailable, "c"));
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  const std::vector<Mended> failed = mended_;
  mended_ = {failed[1]};
  mend();
  EXPECT_EQ(retry().left, 2);
  EXPECT_THAT(rows("SELECT \"offset\", follows, sqlstate FROM metadb.dead_letter ORDER BY 1"),
              ElementsAre("1,NULL,22032", "2,1,55000"));
  mended_ = {failed[0]};
  mend();
  EXPECT_EQ(retry().applied, 2);
  EXPECT_THAT(rows("SELECT v, w FROM t"), ElementsAre("b,c"));
}

TEST_F(FollowersRetry, AreAppliedToWhatIsThereOnceTheLetterIsGivenUp) {
  begin(2);
  add_broken(topics_, event('c', 2, 4, "b", "b"));
  topics_.add(event('u', 2, 5, kUnavailable, "w"));
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  watcher_.exec("DELETE FROM metadb.dead_letter WHERE follows IS NULL");
  EXPECT_EQ(count("metadb.dead_letter"), 3);
  const auto outcome = apply_followers();
  EXPECT_EQ(outcome.applied, 3);
  EXPECT_EQ(outcome.given_up, 0);
  EXPECT_EQ(count("metadb.dead_letter"), 0);
  EXPECT_THAT(rows("SELECT id, v, w FROM t ORDER BY 1"), ElementsAre("1,a,w1", "2,NULL,w"));
  // What was never seen is listed as such.
  EXPECT_THAT(rows("SELECT column_name FROM metadb.unresolved"), ElementsAre("v"));
}

TEST_F(FollowersRetry, ThatCannotBeAppliedEitherAreGivenUp) {
  begin(2);
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  watcher_.exec("ALTER TABLE t__ ADD CHECK (w <> 'w0')");
  // Of a letter that is still there none is touched.
  EXPECT_EQ(apply_followers().left, 2);
  watcher_.exec("DELETE FROM metadb.dead_letter WHERE follows IS NULL");
  const auto outcome = apply_followers();
  EXPECT_EQ(outcome.applied, 1);
  EXPECT_EQ(outcome.given_up, 1);
  EXPECT_EQ(count("metadb.dead_letter"), 0);
  EXPECT_THAT(rows("SELECT v, w FROM t"), ElementsAre("a,w1"));
}

TEST_F(FollowersRetry, OfAKeyChangeAreFilledFromTheOldKey) {
  for (const bool is_closed : {false, true}) {
    const int id = is_closed ? 20 : 10;
    topics_.add(event('c', id, 1, "a", "a"));
    add_broken(topics_, event('u', id, 2, "b", "b"));
    topics_.add(event('d', id, 3, "", ""));
    RowEvent moved = event('c', id + 1, 3, kUnavailable, "moved");
    moved.moved_from = id;
    topics_.add(moved);
    topics_.add(event('u', id + 1, 4, kUnavailable, "later"));
    // Another row has the old key by the time that they are tried again.
    topics_.add(event('c', id, 5, "new", "new"));
    if (is_closed) topics_.add(event('u', id + 1, 6, "c", "c"));
  }
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  EXPECT_THAT(rows("SELECT id, v FROM t ORDER BY 1"), ElementsAre("10,new", "20,new", "21,c"));
  mend();
  EXPECT_EQ(retry().applied, 6);
  EXPECT_THAT(all(), ElementsAre("10,a,a,1,2", "10,b,b,2,3", "10,new,new,5,now", "11,b,moved,3,4",
                                 "11,b,later,4,now",  //
                                 "20,a,a,1,2", "20,b,b,2,3", "20,new,new,5,now", "21,b,moved,3,4",
                                 "21,b,later,4,6", "21,c,c,6,now"));
}

// Letters that are mended in another order than they failed in.
TEST_F(FollowersRetry, WhatIsMendedOutOfOrderLeavesNoTwoEqualNeighbours) {
  topics_.add(event('c', 1, 1, "a", "a"));
  topics_.add(event('c', 2, 1, "a", "a"));
  for (const int id : {1, 2}) {
    add_broken(topics_, event('u', id, 2, "b", "b"));
    add_broken(topics_, event('u', id, 3, id == 1 ? "b" : "a", id == 1 ? "b" : "a"));
    topics_.add(event('u', id, 4, "c", "c"));
  }
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  const std::vector<Mended> failed = mended_;
  mended_ = {failed[1], failed[3]};
  mend();
  EXPECT_EQ(retry().applied, 2);
  mended_ = {failed[0], failed[2]};
  mend();
  EXPECT_EQ(retry().applied, 2);
  EXPECT_THAT(all(), ElementsAre("1,a,a,1,2", "1,b,b,2,4", "1,c,c,4,now", "2,a,a,1,2", "2,b,b,2,3",
                                 "2,a,a,3,4", "2,c,c,4,now"));
}

TEST_F(FollowersRetry, ATopicThatStandsForThemGoesOnOnceTheyAreApplied) {
  constexpr int kWaiting = static_cast<int>(ingest::Applier::kFollowersMax);
  begin(kWaiting);
  start(topics_);
  ASSERT_TRUE(catches_up(topics_));
  topics_.add(event('u', 1, 5000, kUnavailable, "one more"));
  topics_.add(event('c', 2, 5001, "x", "x"));
  ASSERT_TRUE(eventually([&] { return !status().stopped_lanes.empty(); }));
  EXPECT_THAT(status().stopped_lanes.begin()->second.reason,
              AllOf(HasSubstr("1000 records of one key wait behind the one at offset 1"),
                    HasSubstr("RETRY DEAD LETTERS")));
  mend();
  // Though nothing of the topic is read meanwhile.
  EXPECT_EQ(retry().left, 0);
  ASSERT_TRUE(catches_up(topics_));
  retry();
  EXPECT_EQ(count("metadb.dead_letter"), 0);
  EXPECT_EQ(count("t__ WHERE id = 1"), 2 + kWaiting + 1);
  EXPECT_EQ(count("t WHERE id = 2"), 1);
  EXPECT_TRUE(eventually([&] { return status().stopped_lanes.empty(); }));
}

}  // namespace
}  // namespace metadb::tests
