// The files of tests/sql, through psql and a running metadb, against what they must print.
// METADB_WRITE_SQL=1 writes the expectations anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <thread>
#include <vector>

#include "server/child_process.h"

namespace metadb::tests {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgram = METADB_BINARY_DIR "/metadb";
const fs::path kFolder = METADB_SOURCE_DIR "/tests/sql";

std::string contents(const fs::path& file) {
  std::ifstream input(file);
  std::stringstream text;
  text << input.rdbuf();
  return text.str();
}

// Without what differs from run to run, librdkafka's and libgit2's reason why nothing listens on a
// port, and from one PostgreSQL to the next, the line of its source.
std::string steady(const std::string& output) {
  static const std::regex kReason("(can't be read yet: |no connection: ).*");
  static const std::regex kLocation("LOCATION: .*\n");
  return std::regex_replace(std::regex_replace(output, kReason, "$1..."), kLocation, "");
}

// An installation as `metadb init` makes it, started on a free port.
class Installation {
 public:
  Installation() {
    std::string name = "/tmp/metadb-sql-XXXXXX";
    folder_ = mkdtemp(name.data());
    fs::permissions(folder_, fs::perms(0755));
    const auto made = server::run_child({.command = {kProgram, "init", "-D", directory()}});
    if (made.exit_code != 0) throw std::runtime_error(made.output);
    server_ = server::ChildProcess::start(
        {.command = {kProgram, "start", "-D", directory(), "-p", "0"}, .log = folder_ / "log"});
    write_passwords();
    await_port();
  }
  ~Installation() {
    if (server_) {
      const auto stopped = server::run_child({.command = {kProgram, "stop", "-D", directory()}});
      EXPECT_EQ(stopped.exit_code, 0) << stopped.output << contents(folder_ / "log");
      EXPECT_EQ(server_->wait(), 0);
    }
    fs::remove_all(folder_);
  }
  Installation(const Installation&) = delete;
  Installation& operator=(const Installation&) = delete;

  [[nodiscard]] std::string output_of(const std::string& file) const {
    const std::string conninfo =
        "host=127.0.0.1 port=" + port_ + " user=mdbadmin dbname=metadb passfile=" + passwords();
    return server::run_child({.command = {"/usr/bin/env", "LC_ALL=C.UTF-8", "psql", "-X", "-a",
                                          "-q", "-v", "VERBOSITY=verbose", "-f", file, conninfo},
                              .directory = kFolder})
        .output;
  }

 private:
  [[nodiscard]] std::string directory() const { return (folder_ / "d").string(); }
  [[nodiscard]] std::string passwords() const { return (folder_ / "passwords").string(); }

  void write_passwords() const {
    std::string admin = contents(folder_ / "d/mdbadmin.password");
    admin.erase(std::remove(admin.begin(), admin.end(), '\n'), admin.end());
    std::ofstream(passwords()) << "*:*:*:mdbadmin:" << admin << "\n*:*:*:ann:ann\n*:*:*:ben:ben\n";
    fs::permissions(passwords(), fs::perms(0600));
  }

  // `metadb status` answers with exit code 0 and the addresses when the server is ready.
  void await_port() {
    static const std::regex kPort(R"(127\.0\.0\.1:(\d+))");
    std::smatch match;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (std::chrono::steady_clock::now() < deadline) {
      const auto status = server::run_child({.command = {kProgram, "status", "-D", directory()}});
      if (std::regex_search(status.output, match, kPort)) {
        port_ = match[1];
        return;
      }
      if (server::wait_for_end(server_->descriptor(), 50)) {
        server_.reset();
        throw std::runtime_error("metadb ended: " + contents(folder_ / "log"));
      }
    }
    server::send_signal(server_->descriptor(), SIGTERM);
    throw std::runtime_error("metadb is not ready: " + contents(folder_ / "log"));
  }

  fs::path folder_;
  std::optional<server::ChildProcess> server_;
  std::string port_;
};

TEST(Sql, FilesPrintWhatTheyMust) {
  const bool writes = getenv("METADB_WRITE_SQL") != nullptr;
  const Installation installation;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".sql") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  ASSERT_FALSE(files.empty());
  for (const fs::path& file : files) {
    const std::string output = steady(installation.output_of(file.filename().string()));
    const fs::path expected = fs::path(file).replace_extension(".out");
    if (writes) std::ofstream(expected) << output;
    EXPECT_EQ(output, contents(expected)) << file;
  }
}

}  // namespace
}  // namespace metadb::tests
