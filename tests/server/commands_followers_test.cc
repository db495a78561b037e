// Records that wait behind one that was set aside, and the commands that end that.
#include "tests/server/tables_fixture.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using testing::ElementsAre;
using testing::HasSubstr;

class FollowerCommands : public TablesTest {
 protected:
  // A row, an update that cannot be read, and one that leaves its value out; a second apart.
  FollowerCommands() {
    add(1, "a", 'c');
    ingest::RecordedMessage broken =
        recorded({.op = 'u', .id = 1, .value = "b", .ts_us = 1'700'000'001'500'000});
    value_ = *broken.value;
    broken.value = "garbage";
    topics_.add(std::move(broken));
    add(1, kUnavailable);
    EXPECT_TRUE(catches_up());
  }
  std::string letters() { return only("SELECT count(*) FROM metadb.dead_letter"); }

  std::string value_;
};

TEST_F(FollowerCommands, AListSaysWhatTheyWaitFor) {
  const server::Reply reply = run("list dead_letters");
  ASSERT_EQ(reply.rows.size(), 2U);
  EXPECT_EQ(reply.rows[0].back(), "1");
  EXPECT_EQ(reply.rows[1].back(), std::nullopt);
}

TEST_F(FollowerCommands, ARetryAppliesThemInTheirOrder) {
  run("retry dead letters");
  EXPECT_THAT(notices_.at(0).message, HasSubstr("0 dead letters applied, 2 left"));
  superuser_.exec(
      "UPDATE metadb.dead_letter SET value = convert_to($1, 'UTF8') WHERE follows IS NULL",
      {value_});
  run("retry dead letters");
  EXPECT_THAT(notices_.at(0).message, HasSubstr("2 dead letters applied, 0 left"));
  EXPECT_EQ(only("SELECT v FROM public.t"), "b");
}

TEST_F(FollowerCommands, APurgeAppliesThemAndDeletesTheRest) {
  run("purge dead letters");
  ASSERT_EQ(notices_.size(), 2U);
  EXPECT_EQ(notices_[0].message,
            "data source \"s\": 1 record that waited behind dead letters applied, 0 left");
  EXPECT_EQ(notices_[1].message, "1 dead letter purged");
  EXPECT_EQ(letters(), "0");
  EXPECT_EQ(only("SELECT v FROM public.t"), "a");
  add(1, kUnavailable);
  add(2, "new", 'c');
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(letters(), "0");
}

TEST_F(FollowerCommands, APurgeOfASourceThatIsNotReadDeletesNothing) {
  run("pause data source s");
  const Error error = failure("purge dead letters for data source s");
  EXPECT_EQ(error.sqlstate, "55000");
  EXPECT_THAT(error.hint, HasSubstr("RESUME DATA SOURCE"));
  EXPECT_EQ(failure("purge dead letters").sqlstate, "55000");
  EXPECT_EQ(letters(), "2");
}

TEST_F(FollowerCommands, APurgeOfADroppedSourceDeletesThemToo) {
  run("drop data source s");
  run("purge dead letters for data source s");
  EXPECT_EQ(notices_.back().message, "2 dead letters purged");
  EXPECT_EQ(letters(), "0");
}

}  // namespace
}  // namespace metadb::tests
