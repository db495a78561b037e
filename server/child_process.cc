#include "server/child_process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <string_view>

#include "catalog/error.h"

namespace metadb::server {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw catalog::Error("58000", what + ": " + std::strerror(errno));
}

// PG... would lead PostgreSQL's programs elsewhere; METADB_... may hold passwords.
std::vector<std::string> child_environment() {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable(*entry);
    if (variable.starts_with("METADB_") || variable.starts_with("PG")) continue;
    kept.emplace_back(variable);
  }
  return kept;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> found;
  for (std::string& text : texts) found.push_back(text.data());
  found.push_back(nullptr);
  return found;
}

// What the child needs, made before fork: after it only async-signal-safe calls are allowed,
// since other threads may have held any lock.
struct Prepared {
  std::vector<std::string> command;
  std::vector<std::string> environment;
  std::vector<char*> command_pointers;
  std::vector<char*> environment_pointers;
  std::vector<gid_t> groups;
  bool is_other_user = false;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string directory;
  std::string log;
  bool is_daemon = false;
};

void prepare(const ChildCommand& from, Prepared& to) {
  to.command = from.command;
  to.environment = child_environment();
  to.command_pointers = pointers(to.command);
  to.environment_pointers = pointers(to.environment);
  to.directory = from.directory.string();
  to.log = from.log.string();
  to.is_daemon = from.is_daemon;
  if (!from.account || geteuid() != 0 || from.account->uid == 0) return;
  to.is_other_user = true;
  to.uid = from.account->uid;
  to.gid = from.account->gid;
  int count = 64;
  to.groups.resize(static_cast<size_t>(count));
  if (getgrouplist(from.account->name.c_str(), to.gid, to.groups.data(), &count) < 0) {
    to.groups.resize(static_cast<size_t>(count));
    getgrouplist(from.account->name.c_str(), to.gid, to.groups.data(), &count);
  }
  to.groups.resize(static_cast<size_t>(count));
}

// The log is opened by the child as the user it has become: in a folder of that user, root would
// follow links to anywhere.
bool redirect_to_log(const Prepared& prepared) {
  if (prepared.log.empty()) return true;
  const int log = open(prepared.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  return log >= 0 && dup2(log, 1) == 1 && dup2(log, 2) == 2;
}

// In the child. Ends it with 127 and the number of the error in `report` if exec is not reached.
[[noreturn]] void become(const Prepared& prepared, int input, int output, int report) {
  const int null = open("/dev/null", O_RDWR);
  if (output < 0) output = null;
  if (input < 0) input = null;
  bool ok = null >= 0 && dup2(input, 0) == 0 && dup2(output, 1) == 1 && dup2(output, 2) == 2;
  ok = ok && dup2(report, 3) == 3 && fcntl(3, F_SETFD, FD_CLOEXEC) == 0;
  ok = ok && close_range(4, ~0U, 0) == 0;
  if (ok && prepared.is_daemon) ok = setsid() >= 0;
  if (ok && prepared.is_other_user) {
    ok = setgroups(prepared.groups.size(), prepared.groups.data()) == 0 &&
         setgid(prepared.gid) == 0 && setuid(prepared.uid) == 0;
  }
  ok = ok && chdir(prepared.directory.c_str()) == 0 && redirect_to_log(prepared);
  if (ok) {
    sigset_t none;
    sigemptyset(&none);
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execve(prepared.command_pointers[0], prepared.command_pointers.data(),
           prepared.environment_pointers.data());
  }
  const int number = errno;
  [[maybe_unused]] const ssize_t written = write(3, &number, sizeof number);
  _exit(127);
}

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
  // Both above 3, so that the child's dup2 to 0-3 overwrites neither.
  const int read_end = fcntl(ends[0], F_DUPFD_CLOEXEC, 10);
  const int write_end = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
  close(ends[0]);
  close(ends[1]);
  Pipe made{Descriptor(read_end), Descriptor(write_end)};
  if (!made.read || !made.write) fail("pipe");
  return made;
}

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = read(descriptor, buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got > 0) text.append(buffer.data(), static_cast<size_t>(got));
    if (got < 0 && errno != EINTR) fail("read");
  }
}

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) fail("waitpid");
  }
  return exit_code_of(status);
}

// A pipe that holds the command's input to its end; empty if it has none.
Descriptor input_of(const ChildCommand& command) {
  if (command.input.empty()) return Descriptor();
  if (command.input.size() > kChildInputMax) {
    throw catalog::Error("54000", "the input of a program is too long");
  }
  Pipe input = make_pipe();
  const ssize_t written = write(input.write.get(), command.input.data(), command.input.size());
  if (written != static_cast<ssize_t>(command.input.size())) fail("write");
  return std::move(input.read);
}

// Forks; output goes to `output`, to /dev/null if that is -1. Returns when the program runs or
// could not be started.
pid_t spawn(const ChildCommand& command, int output) {
  Prepared prepared;
  prepare(command, prepared);
  const Descriptor input = input_of(command);
  Pipe report = make_pipe();
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) become(prepared, input.get(), output, report.write.get());
  report.write = Descriptor();
  const std::string failure = read_all(report.read.get());
  if (failure.size() == sizeof(int)) {
    wait_for(pid);
    std::memcpy(&errno, failure.data(), sizeof(int));
    fail(command.command.front() + " cannot be run");
  }
  return pid;
}

}  // namespace

ChildResult run_child(const ChildCommand& command) {
  Pipe output = make_pipe();
  const pid_t pid = spawn(command, output.write.get());
  output.write = Descriptor();
  ChildResult result;
  result.output = read_all(output.read.get());
  result.exit_code = wait_for(pid);
  return result;
}

namespace {

int left_ms(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, INT_MAX));
}

// Reads until the other end is closed; which bound was reached first.
ChildEnd read_within(int output, const ChildBounds& bounds, std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + bounds.timeout;
  const Descriptor stopped(eventfd(0, EFD_CLOEXEC));
  if (!stopped) fail("eventfd");
  const std::stop_callback wake(bounds.stop, [&] { eventfd_write(stopped.get(), 1); });
  std::array<char, 65536> buffer{};
  for (;;) {
    std::array<pollfd, 2> waited{{{output, POLLIN, 0}, {stopped.get(), POLLIN, 0}}};
    const int ready = poll(waited.data(), waited.size(), left_ms(deadline));
    if (ready < 0 && errno != EINTR) fail("poll");
    if (bounds.stop.stop_requested()) return ChildEnd::stopped;
    if (left_ms(deadline) == 0) return ChildEnd::timed_out;
    if (ready <= 0 || waited[0].revents == 0) continue;
    const ssize_t got = read(output, buffer.data(), buffer.size());
    if (got == 0) return ChildEnd::ended;
    if (got < 0 && errno != EINTR) fail("read");
    if (got > 0) text.append(buffer.data(), static_cast<size_t>(got));
    if (text.size() > bounds.output_max) return ChildEnd::said_too_much;
  }
}

}  // namespace

BoundedResult run_child(const ChildCommand& command, const ChildBounds& bounds) {
  Pipe output = make_pipe();
  const pid_t pid = spawn(command, output.write.get());
  output.write = Descriptor();
  BoundedResult result;
  try {
    result.end = read_within(output.read.get(), bounds, result.output);
  } catch (...) {
    kill(pid, SIGKILL);
    wait_for(pid);
    throw;
  }
  if (result.end != ChildEnd::ended) kill(pid, SIGKILL);
  result.exit_code = wait_for(pid);
  return result;
}

ChildProcess::ChildProcess(pid_t pid) : pid_(pid), descriptor_(open_process(pid)) {}

ChildProcess ChildProcess::start(const ChildCommand& command) {
  return ChildProcess(spawn(command, -1));
}

int ChildProcess::wait() {
  return wait_for(pid_);
}

bool wait_for_end(int descriptor, int timeout_ms) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd waited{descriptor, POLLIN, 0};
    const int ready = poll(&waited, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) fail("poll");
  }
}

// By system call: <sys/pidfd.h> of glibc 2.36 cannot be linked from C++.
Descriptor open_process(pid_t pid) {
  Descriptor descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!descriptor && errno != ESRCH) fail("pidfd_open");
  return descriptor;
}

void send_signal(int descriptor, int signal_number) {
  if (syscall(SYS_pidfd_send_signal, descriptor, signal_number, nullptr, 0) != 0 &&
      errno != ESRCH) {
    fail("pidfd_send_signal");
  }
}

}  // namespace metadb::server
