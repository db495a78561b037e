// A topic that stands because too much of it was set aside, and the commands that let it go on.
#include "tests/fakes/eventually.h"
#include "tests/ingest/recorded_topics.h"
#include "tests/server/commands_fixture.h"

namespace metadb::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class LetterLimitCommands : public CommandsTest {
 protected:
  LetterLimitCommands() {
    make_source_ = [this](const catalog::DataSource& source, const catalog::Snapshot& snapshot) {
      return topics_.factory()(source, snapshot);
    };
    topics_.add({.id = 1});
    for (int i = 0; i < 5; ++i) {
      ingest::RecordedMessage message = recorded(RowEvent{});
      message.value = "no JSON";
      topics_.add(std::move(message));
    }
    topics_.add({.id = 2});
    run("create data source s type kafka options (brokers 'b', topics 't', consumer_group 'g', "
        "dead_letter_limit '3')");
  }
  ~LetterLimitCommands() override { workers_->stop_all(); }

  std::string error() { return listed("status", "last_error").value_or(""); }
  bool stands() {
    return eventually([&] { return error().find("set aside") != std::string::npos; });
  }
  bool goes_on() {
    return eventually([&] { return only("SELECT count(*) FROM public.t") == "2"; });
  }
  std::string letters() { return only("SELECT count(*) FROM metadb.dead_letter"); }

  RecordedTopics topics_;
};

TEST_F(LetterLimitCommands, StatusSaysWhyAndWhatToType) {
  ASSERT_TRUE(stands());
  EXPECT_THAT(error(), AllOf(HasSubstr("3 records were set aside within an hour"),
                             HasSubstr(R"(RETRY DEAD LETTERS FOR DATA SOURCE "s")")));
  EXPECT_EQ(letters(), "3");
}

TEST_F(LetterLimitCommands, ResumeLeavesTheLetters) {
  ASSERT_TRUE(stands());
  run("resume data source s");
  EXPECT_TRUE(notices_.empty());
  EXPECT_TRUE(goes_on());
  EXPECT_EQ(letters(), "5");
}

TEST_F(LetterLimitCommands, PurgeGivesThemUp) {
  ASSERT_TRUE(stands());
  run("purge dead letters");
  EXPECT_TRUE(goes_on());
  EXPECT_EQ(letters(), "2");
}

TEST_F(LetterLimitCommands, RetryTriesThemOnceTheTopicGoesOn) {
  ASSERT_TRUE(stands());
  run("retry dead letters for data source s");
  ASSERT_FALSE(notices_.empty());
  EXPECT_THAT(notices_.back().message, HasSubstr("0 dead letters applied, 3 left"));
  EXPECT_THAT(notices_.back().detail, HasSubstr("not a JSON object"));
  EXPECT_TRUE(goes_on());
}

TEST_F(LetterLimitCommands, AnotherLimitHoldsAtOnce) {
  ASSERT_TRUE(stands());
  run("alter data source s options (set dead_letter_limit '0')");
  EXPECT_TRUE(goes_on());
  EXPECT_EQ(letters(), "5");
}

}  // namespace
}  // namespace metadb::tests
