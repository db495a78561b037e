#include "server/data_directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>

#include "catalog/error.h"

namespace metadb::tests {
namespace {

namespace fs = std::filesystem;
using server::DataDirectory;
using server::Descriptor;
using server::ServerLock;
using testing::HasSubstr;

// Runs `work` in a process of its own, which goes on as the owner of data directories; its result
// is the exit code.
pid_t as_owner(const std::function<int()>& work) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  try {
    server::drop_privileges(server::owner_account());
    _exit(work());
  } catch (...) {
    _exit(100);
  }
}

int exit_code(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

class DataDirectories : public testing::Test {
 protected:
  DataDirectories() {
    std::string name = "/tmp/metadb-directory-XXXXXX";
    folder_ = mkdtemp(name.data());
    fs::permissions(folder_, fs::perms(0755));
    directory_ = DataDirectory::create(folder_ / "d");
  }
  ~DataDirectories() override { fs::remove_all(folder_); }

  // Somebody else's hold on the lock: locks belong to what open() made.
  [[nodiscard]] Descriptor hold(int operation) const {
    Descriptor file(::open(directory_->lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_EQ(flock(file.get(), operation | LOCK_NB), 0);
    return file;
  }
  // Tries to get the lock in another thread; what it throws, or "" if it got it.
  [[nodiscard]] std::future<std::string> try_to_start() const {
    return std::async(std::launch::async, [directory = *directory_]() -> std::string {
      try {
        const ServerLock lock(directory);
        return "";
      } catch (const catalog::Error& error) {
        return error.sqlstate + " " + error.message();
      }
    });
  }

  fs::path folder_;
  std::optional<DataDirectory> directory_;
};

TEST_F(DataDirectories, LockWaitsForThoseWhoOnlyLook) {
  std::optional<Descriptor> glance(hold(LOCK_SH));
  auto started = try_to_start();
  EXPECT_EQ(started.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  glance.reset();
  EXPECT_EQ(started.get(), "");
}

TEST_F(DataDirectories, LockNamesTheProcessThatHasIt) {
  const ServerLock holder(*directory_);
  auto second = try_to_start();
  // It has not said so yet; the second one waits for that.
  EXPECT_EQ(second.wait_for(std::chrono::milliseconds(1'300)), std::future_status::timeout);
  holder.announce({.pid = getpid(), .addresses = {}, .database = "d"});
  EXPECT_THAT(second.get(), HasSubstr("55006 another metadb runs in"));
  EXPECT_THAT(try_to_start().get(), testing::EndsWith(", as process " + std::to_string(getpid())));
}

TEST_F(DataDirectories, LockBelievesNoProcessThatBeganAtAnotherTime) {
  const Descriptor holder = hold(LOCK_EX);
  std::ofstream(directory_->pid_file()) << getpid() << "\nstarted=1\nready=true\n";
  EXPECT_THAT(try_to_start().get(), HasSubstr("has not said yet who it is"));
  EXPECT_THROW(server::running_server(*directory_), catalog::Error);
}

TEST_F(DataDirectories, OwnerSeesAServerThatRootStarted) {
  std::array<int, 2> ready{};
  std::array<int, 2> done{};
  ASSERT_EQ(pipe2(ready.data(), O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(done.data(), O_CLOEXEC), 0);
  const pid_t served = as_owner([&] {
    const ServerLock lock(*directory_);
    lock.announce({.pid = getpid(), .addresses = {"here"}, .database = "d"});
    close(ready[1]);
    close(done[1]);
    char byte = 0;
    return read(done[0], &byte, 1) == 0 ? 0 : 1;
  });
  close(ready[1]);
  char byte = 0;
  EXPECT_EQ(read(ready[0], &byte, 1), 0);
  const pid_t looked = as_owner([&] {
    const auto found = server::running_server(*directory_);
    return found && found->pid == served && found->addresses.size() == 1 ? 0 : 1;
  });
  EXPECT_EQ(exit_code(looked), 0);
  close(done[1]);
  EXPECT_EQ(exit_code(served), 0);
  EXPECT_FALSE(server::running_server(*directory_));
}

}  // namespace
}  // namespace metadb::tests
