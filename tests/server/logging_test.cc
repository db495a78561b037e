#include "server/logging.h"

#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>

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
  spdlog::info("too early");
  {
    const server::LogTable table(database.conninfo());
    EXPECT_EQ(spdlog::default_logger()->sinks(), sinks);
    spdlog::warn("in time");
    spdlog::debug("too little");
  }
  spdlog::info("too late");
  EXPECT_EQ(spdlog::default_logger()->sinks(), sinks);
  const auto lines = database.connect().exec(
      "SELECT string_agg(error_severity || ' ' || message, ',') FROM metadb.log "
      "WHERE message ~ '^(too|in) '");
  EXPECT_EQ(lines.optional_text(0, 0), "WARNING in time");
}

}  // namespace
}  // namespace metadb::tests
