#include "server/logging.h"

#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>

#include "catalog/catalog.h"
#include "server/log_sink.h"
#include "tests/fakes/test_database.h"
#include "tests/server/program.h"

namespace metadb::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Log : public testing::Test {
 protected:
  Log() {
    std::string name = "/tmp/metadb-log-XXXXXX";
    folder_ = mkdtemp(name.data());
    file_ = folder_ / "logs/metadb.log";
    server::start_logging(file_, "info");
  }
  ~Log() override {
    spdlog::set_default_logger(previous_);
    fs::remove_all(folder_);
  }

  std::shared_ptr<spdlog::logger> previous_ = spdlog::default_logger();
  fs::path folder_;
  fs::path file_;
};

TEST_F(Log, IsOpenedAgainByItsName) {
  spdlog::info("one");
  fs::rename(file_, folder_ / "old");
  spdlog::info("two");
  server::reopen_log();
  spdlog::info("three");
  EXPECT_THAT(contents(folder_ / "old"),
              AllOf(HasSubstr("info: one"), HasSubstr("info: two"), Not(HasSubstr("three"))));
  EXPECT_THAT(contents(file_), AllOf(HasSubstr("info: three"), Not(HasSubstr("two"))));
  server::reopen_log();
  EXPECT_THAT(contents(file_), HasSubstr("info: three")) << "appended to, not emptied";
}

TEST_F(Log, GoesOnInTheOldFileIfTheNewOneCannotBeOpened) {
  fs::rename(folder_ / "logs", folder_ / "old");
  std::ofstream(folder_ / "logs") << "no folder";
  try {
    server::reopen_log();
    FAIL() << "expected an error";
  } catch (const catalog::Error& error) {
    EXPECT_EQ(error.sqlstate, "58030");
    EXPECT_THAT(error.message(), HasSubstr(file_.string()));
  }
  spdlog::info("still here");
  EXPECT_THAT(contents(folder_ / "old/metadb.log"), HasSubstr("info: still here"));
}

// Threads that log read the list of sinks, which nobody may change then.
TEST_F(Log, GoesIntoTheTableThroughASinkThatWasThereBefore) {
  const TestDatabase database;
  catalog::Catalog({database.conninfo(), database.conninfo()}).open("metadb 0");
  const auto sinks = spdlog::default_logger()->sinks();
  spdlog::info("early");
  {
    const server::LogTable table(database.conninfo());
    EXPECT_EQ(spdlog::default_logger()->sinks(), sinks);
    spdlog::warn("in time");
    spdlog::debug("too little");
  }
  spdlog::info("too late");
  EXPECT_EQ(spdlog::default_logger()->sinks(), sinks);
  const auto lines = database.connect().exec(
      "SELECT string_agg(error_severity || ' ' || message, ',' ORDER BY log_time) FROM metadb.log "
      "WHERE message ~ '^(early|in|too) ?'");
  EXPECT_EQ(lines.optional_text(0, 0), "INFO early,WARNING in time");
}

TEST_F(Log, KeepsABoundedNumberOfLinesForATableThatIsNotOpenYet) {
  const TestDatabase database;
  catalog::Catalog({database.conninfo(), database.conninfo()}).open("metadb 0");
  for (size_t i = 0; i < server::kEarlyLinesMax + 100; ++i) spdlog::info("early {}", i);
  { const server::LogTable table(database.conninfo()); }
  EXPECT_EQ(database.connect().exec("SELECT count(*) FROM metadb.log").int64(0, 0),
            static_cast<int64_t>(server::kEarlyLinesMax));
}

// The lines of the file as the table has them: time, severity and message.
std::vector<std::string> lines_of(const fs::path& file) {
  static const std::regex kLine(R"((\S+ \S+) \+00:00 \[\d+\] (\w+): (.*))");
  static const std::map<std::string, std::string> kSeverities = {
      {"info", "INFO"}, {"warning", "WARNING"}, {"error", "ERROR"}, {"critical", "FATAL"}};
  std::vector<std::string> out;
  std::ifstream input(file);
  std::smatch match;
  for (std::string line; std::getline(input, line);) {
    if (!std::regex_match(line, match, kLine)) return {"no line of a log: " + line};
    out.push_back(match[1].str() + " " + kSeverities.at(match[2]) + " " + match[3].str());
  }
  return out;
}

TEST_F(Log, TableAndFileAgree) {
  const TestDatabase database;
  catalog::Catalog({database.conninfo(), database.conninfo()}).open("metadb 0");
  spdlog::info("before the table is open");
  {
    const server::LogTable table(database.conninfo());
    spdlog::warn("tables: {}", 3);
    for (int i = 0; i < 40; ++i) spdlog::error("the same again");
    spdlog::critical("the end");
    server::tell_repeats();
  }
  std::vector<std::string> in_table;
  const auto rows = database.connect().exec(
      "SELECT to_char(log_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'), error_severity, "
      "message FROM metadb.log ORDER BY log_time, ctid");
  for (int row = 0; row < rows.rows(); ++row) {
    in_table.push_back(
        fmt::format("{} {} {}", rows.text(row, 0), rows.text(row, 1), rows.text(row, 2)));
  }
  EXPECT_EQ(in_table, lines_of(file_));
  EXPECT_THAT(in_table, testing::Contains(HasSubstr("ERROR message repeated 37 times: the same")));
}

}  // namespace
}  // namespace metadb::tests
