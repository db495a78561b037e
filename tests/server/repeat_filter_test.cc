#include "server/repeat_filter.h"

#include <gmock/gmock.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <thread>

#include "tests/fakes/eventually.h"

namespace metadb::tests {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

class Lines final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::vector<std::string> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(lines_, {});
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    lines_.emplace_back(message.payload.data(), message.payload.size());
  }
  void flush_() override {}

 private:
  std::vector<std::string> lines_;
};

class RepeatFilterTest : public testing::Test {
 protected:
  void filter(const server::RepeatFilterOptions& options) {
    filter_ = std::make_shared<server::RepeatFilter>(
        std::vector<std::shared_ptr<spdlog::sinks::sink>>{lines_, others_}, options);
  }
  void log(const std::string& text, spdlog::level::level_enum level = spdlog::level::info) {
    filter_->log(spdlog::details::log_msg("test", level, text));
  }

  std::shared_ptr<Lines> lines_ = std::make_shared<Lines>();
  std::shared_ptr<Lines> others_ = std::make_shared<Lines>();
  std::shared_ptr<server::RepeatFilter> filter_;
};

// A client says what user it is before anybody has asked for a password.
TEST_F(RepeatFilterTest, AMessageIsOneLine) {
  filter({});
  log("user \"x\n2026-01-01 critical: all is lost\r\x1b[2J\x7f\" \tz\xC3\xBCrich");
  EXPECT_THAT(lines_->take(),
              ElementsAre("user \"x\\n2026-01-01 critical: all is lost\\x0d\\x1b[2J\\x7f\" "
                          "\tz\xC3\xBCrich"));
}

class FullDisk final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg&) override { throw spdlog::spdlog_ex("disk full"); }
  void flush_() override { throw spdlog::spdlog_ex("disk full"); }
};

// Neither the thread that counts nor the end of the server.
TEST_F(RepeatFilterTest, ASinkThatFailsKeepsNoOtherFromItsLines) {
  {
    server::RepeatFilter filter({std::make_shared<FullDisk>(), lines_},
                                {.passes = 1, .first_window = milliseconds(20)});
    const auto say = [&](const std::string& text) {
      filter.log(spdlog::details::log_msg("test", spdlog::level::info, text));
    };
    for (int i = 0; i < 3; ++i) say("again");
    std::vector<std::string> seen;
    EXPECT_TRUE(eventually([&] {
      for (std::string& line : lines_->take()) seen.push_back(std::move(line));
      return seen.size() == 2;
    }));
    EXPECT_THAT(seen, ElementsAre("again", "message repeated 2 times: again"));
    for (int i = 0; i < 2; ++i) say("at the end");
    filter.flush();
    filter.tell_all();
  }
  EXPECT_THAT(lines_->take(), ElementsAre("at the end", "message repeated 1 times: at the end"));
}

TEST_F(RepeatFilterTest, CountsWhatComesAgainAndAgain) {
  filter({});
  for (int i = 0; i < 40; ++i) log("down");
  log("else");
  filter_->tell_all();
  EXPECT_THAT(lines_->take(),
              ElementsAre("down", "down", "down", "else", "message repeated 37 times: down"));
  filter_->tell_all();
  EXPECT_THAT(lines_->take(), IsEmpty()) << "it was told";
}

TEST_F(RepeatFilterTest, GivesEverySinkTheSame) {
  filter({.passes = 1});
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int n = 0; n < 50; ++n) log("line " + std::to_string((n * i) % 7));
    });
  }
  threads.clear();
  filter_.reset();
  const auto lines = lines_->take();
  EXPECT_EQ(lines, others_->take());
  EXPECT_GE(lines.size(), 7U);
}

TEST_F(RepeatFilterTest, TellsTheCountInTimeAndLaterLessOften) {
  filter({.passes = 1, .first_window = milliseconds(20), .longest_window = milliseconds(40)});
  std::vector<std::string> seen;
  const auto repeats_until = [&](size_t count) {
    return eventually([&] {
      log("down");
      for (std::string& line : lines_->take()) seen.push_back(std::move(line));
      return seen.size() >= count;
    });
  };
  ASSERT_TRUE(repeats_until(4));
  EXPECT_EQ(seen[0], "down");
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_THAT(seen[i], testing::MatchesRegex("message repeated [0-9]+ times: down"));
  }
}

TEST_F(RepeatFilterTest, ForgetsWhatHasStopped) {
  filter({.passes = 1, .first_window = milliseconds(10), .longest_window = milliseconds(10)});
  log("down");
  // It passes again once a whole window went by without it.
  ASSERT_TRUE(eventually([&] {
    std::this_thread::sleep_for(milliseconds(30));
    lines_->take();
    log("down");
    return lines_->take() == std::vector<std::string>{"down"};
  }));
}

TEST_F(RepeatFilterTest, RemembersABoundedNumberOfTexts) {
  filter({.passes = 1, .texts_max = 2});
  log("a");
  log("a");
  log("b");
  log("c");  // in the place of the one that ends first, whose count is told
  EXPECT_THAT(lines_->take(), ElementsAre("a", "b", "message repeated 1 times: a", "c"));
}

TEST_F(RepeatFilterTest, LetsDebugLinesAndLongOnesPass) {
  filter({.passes = 1, .text_bytes_max = 3});
  for (int i = 0; i < 3; ++i) log("dbg", spdlog::level::debug);
  for (int i = 0; i < 3; ++i) log("long");
  EXPECT_EQ(lines_->take().size(), 6U);
}

}  // namespace
}  // namespace metadb::tests
