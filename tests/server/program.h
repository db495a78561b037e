// The program itself, run as a user runs it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "catalog/postgres.h"
#include "server/child_process.h"
#include "server/embedded_postgres.h"

namespace metadb::tests {

namespace fs = std::filesystem;

// METADB_BINARY names a copy (tests/server/as_ordinary_user).
inline const char* program() {
  const char* given = std::getenv("METADB_BINARY");
  return given == nullptr ? METADB_BINARY_DIR "/metadb" : given;
}

inline std::string contents(const fs::path& file) {
  std::ifstream input(file);
  std::stringstream text;
  text << input.rdbuf();
  return text.str();
}

inline mode_t mode_of(const fs::path& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) throw std::runtime_error("no " + file.string());
  return status.st_mode & 0777;
}

// A `metadb start` whose log is read until it says what is waited for.
class Running {
 public:
  explicit Running(const fs::path& directory, std::vector<std::string> more = {}) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    std::vector<std::string> words{program(), "start", "-D", directory.string(), "-p", "0"};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], 2);
      execv(arguments[0], arguments.data());
      _exit(127);
    }
    close(ends[1]);
    errors_ = fdopen(ends[0], "r");
  }
  ~Running() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      wait();
    }
    fclose(errors_);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  // Reads the log up to a line with `text`; false if it ends first.
  bool says(const std::string& text) {
    std::array<char, 4096> line{};
    while (fgets(line.data(), line.size(), errors_) != nullptr) {
      log_ += line.data();
      if (std::string(line.data()).find(text) != std::string::npos) return true;
    }
    return false;
  }
  void signal(int number) const { kill(pid_, number); }
  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::string& log() const { return log_; }

 private:
  pid_t pid_ = 0;
  FILE* errors_ = nullptr;
  std::string log_;
};

class Program : public testing::Test {
 protected:
  Program() {
    std::string name = "/tmp/metadb-process-XXXXXX";
    folder_ = mkdtemp(name.data());
    fs::permissions(folder_, fs::perms(0755));
    directory_ = folder_ / "d";
  }
  ~Program() override {
    // A server that a test left behind would go on in a folder that is gone.
    if (fs::exists(postmaster_pid_file())) {
      const server::Descriptor process = server::open_process(postmaster());
      if (process) {
        server::send_signal(process.get(), SIGQUIT);
        server::wait_for_end(process.get(), 60'000);
      }
    }
    fs::remove_all(folder_);
  }

  static server::ChildResult run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program());
    return server::run_child({.command = std::move(arguments)});
  }
  server::ChildResult init() const { return run({"init", "-D", directory_.string()}); }
  // A folder of programs that pass for PostgreSQL 99's and do what `script` says.
  [[nodiscard]] fs::path fake_postgres(const std::string& script) const {
    std::string name = (folder_ / "bin-XXXXXX").string();
    const fs::path binaries = mkdtemp(name.data());
    fs::permissions(binaries, fs::perms(0755));
    const std::string version =
        "[ \"$1\" = --version ] && echo 'postgres (PostgreSQL) 99.0' && exit\n";
    for (const char* program_name : {"postgres", "initdb"}) {
      std::ofstream(binaries / program_name) << "#!/bin/sh\n" << version << script << "\n";
      fs::permissions(binaries / program_name, fs::perms(0755));
    }
    std::ofstream(binaries / "pg_config") << "#!/bin/sh\necho '" << binaries.string() << "'\n";
    fs::permissions(binaries / "pg_config", fs::perms(0755));
    return binaries;
  }
  static server::ChildResult run_with(const fs::path& binaries,
                                      const std::vector<std::string>& arguments) {
    const std::string path = std::getenv("PATH");
    setenv("PATH", (binaries.string() + ":" + path).c_str(), 1);
    const server::ChildResult result = run(arguments);
    setenv("PATH", path.c_str(), 1);
    return result;
  }
  // A data directory as init leaves it, but without a cluster.
  void write_configuration(const std::string& yaml) const {
    fs::create_directories(directory_ / "postgres/data");
    std::ofstream(directory_ / "metadb.yaml") << yaml;
    // As init leaves it: the server goes on as this account.
    const server::Account owner = server::owner_account();
    for (const fs::path& path : {directory_, directory_ / "metadb.yaml", directory_ / "postgres",
                                 directory_ / "postgres/data"}) {
      ASSERT_EQ(chown(path.c_str(), owner.uid, owner.gid), 0) << path;
    }
  }
  // Replaces a word of metadb.yaml, which stays its owner's.
  void configure(const std::string& before, const std::string& after) const {
    std::string text = contents(directory_ / "metadb.yaml");
    const size_t at = text.find(before);
    ASSERT_NE(at, std::string::npos) << text;
    std::ofstream(directory_ / "metadb.yaml") << text.replace(at, before.size(), after);
  }
  void expect_private_files() const {
    const server::Account owner = server::owner_account();
    for (const char* name : {"metadb.yaml", "mdbadmin.password", "postgres.password"}) {
      EXPECT_EQ(mode_of(directory_ / name), 0600) << name;
      struct stat status {};
      ASSERT_EQ(stat((directory_ / name).c_str(), &status), 0);
      EXPECT_EQ(status.st_uid, owner.uid) << name;
    }
    EXPECT_EQ(mode_of(directory_), 0700);
    EXPECT_EQ(mode_of(directory_ / "postgres"), 0700);
  }
  [[nodiscard]] fs::path postmaster_pid_file() const {
    return directory_ / "postgres/data/postmaster.pid";
  }
  [[nodiscard]] pid_t postmaster() const { return std::stoi(contents(postmaster_pid_file())); }
  [[nodiscard]] std::string password(const std::string& role) const {
    std::string text = contents(directory_ / (role + ".password"));
    if (text.ends_with('\n')) text.pop_back();
    return text;
  }
  // Into the private PostgreSQL, past metadb.
  [[nodiscard]] std::string conninfo(const std::string& user, const std::string& secret) const {
    return catalog::conninfo_with("", {{"host", (directory_ / "postgres").string()},
                                       {"port", "5432"},
                                       {"user", user},
                                       {"password", secret},
                                       {"passfile", "/dev/null/none"},
                                       {"dbname", "metadb"}});
  }

  fs::path folder_;
  fs::path directory_;
};

}  // namespace metadb::tests
