// Programs of the operating system, run without a shell.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "server/data_directory.h"

namespace metadb::server {

// What to run. The child has no descriptor of ours but 0 to 2, none of our blocked signals, and the
// caller's environment without what METADB_ and PG variables say.
struct ChildCommand {
  std::vector<std::string> command;       // the program's path, then its arguments
  std::optional<Account> account = {};    // run as this user if we are root
  std::filesystem::path directory = "/";  // working directory
  std::filesystem::path log = {};         // appended to by a ChildProcess; not for run_child
  std::string input = {};                 // for its standard input, kChildInputMax bytes at most
  bool is_daemon = false;                 // in a session of its own: Ctrl-C does not reach it
};

// What a pipe takes before anybody reads it.
inline constexpr size_t kChildInputMax = 32'768;

struct ChildResult {
  int exit_code = 0;   // 128 + signal number if a signal ended it
  std::string output;  // standard output and error, unless they went to a log
};

// Runs to the end.
ChildResult run_child(const ChildCommand& command);

struct ChildBounds {
  std::chrono::milliseconds timeout;
  size_t output_max;
  std::stop_token stop;
};

enum class ChildEnd : uint8_t { ended, timed_out, said_too_much, stopped };

struct BoundedResult {
  ChildEnd end = ChildEnd::ended;
  int exit_code = 0;
  std::string output;
};

// Runs to the end, or kills it at the first of the bounds.
BoundedResult run_child(const ChildCommand& command, const ChildBounds& bounds);

// A child that goes on. Not stopped by the destructor: the owner decides how it ends.
class ChildProcess {
 public:
  // REQUIRES: command.log is set. Throws catalog::Error if the program can't be started.
  static ChildProcess start(const ChildCommand& command);
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Readable when the process has ended (pidfd_open).
  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  // Collects the exit status. REQUIRES: it has ended, or the caller wants to wait.
  int wait();

 private:
  explicit ChildProcess(pid_t pid);
  pid_t pid_;
  Descriptor descriptor_;
};

// Waits until `descriptor` of pidfd_open says that its process has ended; false after timeout_ms.
bool wait_for_end(int descriptor, int timeout_ms);
// A descriptor for any process; empty if there is none with that number.
Descriptor open_process(pid_t pid);
void send_signal(int descriptor, int signal_number);

}  // namespace metadb::server
