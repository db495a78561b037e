// `metadb demo` as a script runs it: without a terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "server/child_process.h"

namespace metadb::tests {
namespace {

namespace fs = std::filesystem;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

// Command lines of all processes that name `folder`.
std::string processes_of(const std::string& folder) {
  std::string found;
  for (const auto& process : fs::directory_iterator("/proc")) {
    std::ifstream input(process.path() / "cmdline");
    const std::string line{std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()};
    if (line.find(folder) != std::string::npos) found += line + "\n";
  }
  return found;
}

TEST(Demo, ShowsTheWholePathAndLeavesNothing) {
  const server::ChildResult demo =
      server::run_child({.command = {METADB_BINARY_DIR "/metadb", "demo"}});
  ASSERT_EQ(demo.exit_code, 0) << demo.output;
  EXPECT_THAT(demo.output, ContainsRegex(R"(metadb listens on 127\.0\.0\.1:[0-9]+; Kafka on )"));
  EXPECT_THAT(demo.output,
              ContainsRegex(R"(metadb=> create data source library type kafka options )"
                            R"(\(brokers '127\.0\.0\.1:[0-9]+', [^;]+;)"
                            "\nCREATE DATA SOURCE\n"));
  for (const std::string table : {"items", "loans", "patrons"})
    EXPECT_THAT(demo.output, ContainsRegex("\n library +[|] " + table + " +[|] library +\n"));
  // The last loan of the recording; and the first that came back, as lent and as returned.
  EXPECT_THAT(demo.output, ContainsRegex("\n 65 +[|] 39 +[|] 61 +[|] [0-9-]+ +[|] +\n"));
  const std::string times = "\n [0-9]+ +[|] 20[0-9]+-[^|]+[|] ";
  EXPECT_THAT(demo.output, ContainsRegex(times + "20[0-9]+-[^|]+[|] f +[|] 3 +[|] +\n"));
  EXPECT_THAT(demo.output, ContainsRegex(times + "9999-[^|]+[|] t +[|] 3 +[|] 20[0-9]+-[^\n]+\n"));
  EXPECT_THAT(demo.output, HasSubstr("metadb init -D DIR"));
  EXPECT_THAT(demo.output, Not(HasSubstr("ERROR")));

  std::smatch folder;
  ASSERT_TRUE(std::regex_search(demo.output, folder, std::regex("/tmp/metadb-demo-[A-Za-z0-9]+")))
      << demo.output;
  EXPECT_FALSE(fs::exists(folder.str())) << folder.str();
  EXPECT_EQ(processes_of(folder.str()), "");
}

}  // namespace
}  // namespace metadb::tests
