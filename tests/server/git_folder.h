// A Git repository that a test makes, with the program git.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "server/child_process.h"

namespace metadb::tests {

// In a folder of its own under /tmp that everybody may read; it goes with it.
class GitFolder {
 public:
  GitFolder() {
    std::string name = "/tmp/metadb-git-XXXXXX";
    path_ = mkdtemp(name.data());
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
    git({"init", "-q", "-b", "main", "."});
  }
  ~GitFolder() { std::filesystem::remove_all(path_); }
  GitFolder(const GitFolder&) = delete;
  GitFolder& operator=(const GitFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string url() const { return "file://" + path_.string(); }

  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file) << text;
  }
  // The name of the commit.
  std::string commit() const {
    git({"add", "-A"});
    git({"commit", "-q", "--allow-empty", "-m", "a change"});
    std::string name = git({"rev-parse", "HEAD"});
    name.pop_back();
    return name;
  }
  std::string git(const std::vector<std::string>& arguments) const {
    server::ChildCommand command;
    command.command = {"/usr/bin/git", "-c", "user.name=test", "-c", "user.email=test@localhost"};
    command.command.insert(command.command.end(), arguments.begin(), arguments.end());
    command.directory = path_;
    const server::ChildResult result = server::run_child(command);
    if (result.exit_code != 0) throw std::runtime_error("git: " + result.output);
    return result.output;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace metadb::tests
