#include "server/data_directory.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <system_error>
#include <thread>
#include <utility>

#include "catalog/error.h"
#include "server/child_process.h"

namespace metadb::server {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, std::string_view what, int error_number) {
  throw catalog::Error("58030",
                       fmt::format("{}: {}: {}", path.string(), what, std::strerror(error_number)));
}

Account account_of(const passwd& entry) {
  return {entry.pw_uid, entry.pw_gid, entry.pw_name};
}

// A user who is in no list is called by the number.
Account account_of(uid_t uid, gid_t gid) {
  if (const passwd* entry = getpwuid(uid)) return account_of(*entry);
  return {uid, gid, fmt::format("{}", uid)};
}

bool is_empty_directory(const fs::path& path) {
  std::error_code error;
  const bool is_empty = fs::is_directory(path, error) && fs::is_empty(path, error);
  if (error) throw catalog::Error("58030", path.string() + ": " + error.message());
  return is_empty;
}

// An absolute path without ".", ".." or a slash at the end, so that parents can be walked.
fs::path normal_path(const fs::path& path) {
  fs::path normal = fs::absolute(path).lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

// When a process began, in clock ticks after boot (proc(5), field 22 of stat, which everybody may
// read); nullopt if there is no such process.
std::optional<uint64_t> start_of(pid_t pid) {
  std::ifstream input(fmt::format("/proc/{}/stat", pid));
  std::stringstream text;
  text << input.rdbuf();
  // The name of the program stands in parentheses and may hold anything.
  const std::string stat = text.str();
  std::istringstream fields(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
  constexpr int kFirstBehindTheName = 3;
  constexpr int kStart = 22;
  std::string skipped;
  for (int field = kFirstBehindTheName; field < kStart; ++field) fields >> skipped;
  uint64_t ticks = 0;
  if (!(fields >> ticks)) return std::nullopt;
  return ticks;
}

// Whether `holds` comes true within a second.
bool soon(const std::function<bool()>& holds) {
  constexpr auto kPatience = std::chrono::seconds(1);
  constexpr auto kStep = std::chrono::milliseconds(20);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kStep);
  }
  return true;
}

// False if somebody else holds the lock.
bool try_lock(const Descriptor& file, int operation, const fs::path& name) {
  if (flock(file.get(), operation | LOCK_NB) == 0) return true;
  if (errno != EWOULDBLOCK) fail(name, "cannot be locked", errno);
  return false;
}

RunningServer parse_pid_file(const fs::path& file) {
  RunningServer server;
  std::ifstream input(file);
  for (std::string line; std::getline(input, line);) {
    const size_t equals = line.find('=');
    if (equals == std::string::npos) {
      std::from_chars(line.data(), line.data() + line.size(), server.pid);
      continue;
    }
    const std::string key = line.substr(0, equals);
    const std::string value = line.substr(equals + 1);
    if (key == "started") {
      std::from_chars(value.data(), value.data() + value.size(), server.started);
    } else if (key == "since") {
      int64_t seconds = 0;
      std::from_chars(value.data(), value.data() + value.size(), seconds);
      server.since = std::chrono::sys_seconds(std::chrono::seconds(seconds));
    } else if (key == "ready") {
      server.is_ready = value == "true";
    } else if (key == "address") {
      server.addresses.push_back(value);
    } else if (key == "database") {
      server.database = value;
    }
  }
  return server;
}

// The server that holds the lock; nullopt if it does not say so soon. What a process long gone left
// in metadb.pid does not count.
std::optional<RunningServer> named_holder(const DataDirectory& directory) {
  RunningServer server;
  const bool is_named = soon([&] {
    server = parse_pid_file(directory.pid_file());
    return server.pid > 0 && start_of(server.pid) == server.started;
  });
  if (!is_named) return std::nullopt;
  return server;
}

// libpq and OpenSSL look for files in the home directory, and fail on those they may not read.
void use_home_of(uid_t uid) {
  const passwd* entry = getpwuid(uid);
  if (entry == nullptr) return;
  setenv("HOME", entry->pw_dir, 1);
  setenv("USER", entry->pw_name, 1);
  setenv("LOGNAME", entry->pw_name, 1);
}

[[noreturn]] void fail_to_become(const Account& account) {
  throw catalog::Error(
      "42501", fmt::format("can't go on as the user {}: {}", account.name, std::strerror(errno)));
}

}  // namespace

Account owner_account() {
  if (geteuid() == 0) {
    if (const passwd* entry = getpwnam("postgres")) return account_of(*entry);
  }
  return account_of(geteuid(), getegid());
}

std::optional<std::string> account_problem() {
  if (geteuid() == 0 && getpwnam("postgres") == nullptr) return "there is no user \"postgres\"";
  if (getpwuid(geteuid()) == nullptr) {
    return fmt::format("user {} has no entry in the list of users", geteuid());
  }
  return std::nullopt;
}

Account cluster_account() {
  if (const auto problem = account_problem()) {
    throw catalog::Error("58000", *problem + ", whom the private PostgreSQL needs")
        .with_hint(
            "Install PostgreSQL, run metadb as an ordinary user, or use a PostgreSQL of your "
            "own: metadb init --database, or database.conninfo.");
  }
  return owner_account();
}

void drop_privileges(const Account& account) {
  if (geteuid() != 0 || account.uid == 0) return;
  if (initgroups(account.name.c_str(), account.gid) != 0 || setgid(account.gid) != 0 ||
      setuid(account.uid) != 0) {
    fail_to_become(account);
  }
  use_home_of(account.uid);
}

ActingAs::ActingAs(const Account& account) {
  if (geteuid() != 0 || account.uid == 0) return;
  groups_.resize(static_cast<size_t>(std::max(getgroups(0, nullptr), 0)));
  if (getgroups(static_cast<int>(groups_.size()), groups_.data()) < 0) fail_to_become(account);
  gid_ = getegid();
  if (initgroups(account.name.c_str(), account.gid) != 0 || setegid(account.gid) != 0 ||
      seteuid(account.uid) != 0) {
    fail_to_become(account);
  }
  is_active_ = true;
  use_home_of(account.uid);
}

ActingAs::~ActingAs() {
  if (!is_active_) return;
  // Root may: its real user never changed.
  const bool is_root_again =
      seteuid(0) == 0 && setegid(gid_) == 0 && setgroups(groups_.size(), groups_.data()) == 0;
  if (!is_root_again) std::abort();
  use_home_of(0);
}

DataDirectory DataDirectory::create(const fs::path& given) {
  const fs::path path = normal_path(given);
  const Account owner = owner_account();
  if (fs::exists(path) && !is_empty_directory(path)) {
    throw catalog::Error("58P02", path.string() + " exists and is not an empty directory");
  }
  if (!fs::exists(path.parent_path())) {
    // Parents are ordinary directories that others may pass through, whatever our umask.
    const mode_t previous = umask(022);
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    umask(previous);
    if (error) throw catalog::Error("58030", path.parent_path().string() + ": " + error.message());
  }
  if (const auto parent = unsearchable_parent(path, owner)) {
    throw catalog::Error("42501",
                         fmt::format("{} cannot be searched by user {}, who will own the data "
                                     "directory; choose another one, as with -D /var/lib/metadb",
                                     parent->string(), owner.name));
  }
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail(path, "cannot be made", errno);
  if (chown(path.c_str(), owner.uid, owner.gid) != 0) fail(path, "cannot be given away", errno);
  if (chmod(path.c_str(), 0700) != 0) fail(path, "cannot be made private", errno);
  return DataDirectory(path);
}

DataDirectory DataDirectory::open(const fs::path& given) {
  DataDirectory directory(normal_path(given));
  std::error_code error;
  if (!fs::exists(directory.configuration(), error)) {
    if (error) throw catalog::Error("58030", directory.path().string() + ": " + error.message());
    throw catalog::Error("58P01",
                         fmt::format("{} is not a data directory of metadb; make one with: "
                                     "metadb init -D {}",
                                     directory.path().string(), directory.path().string()));
  }
  return directory;
}

Account DataDirectory::owner() const {
  struct stat status {};
  if (stat(path_.c_str(), &status) != 0) fail(path_, "cannot be examined", errno);
  return account_of(status.st_uid, status.st_gid);
}

fs::path DataDirectory::password_file(std::string_view role) const {
  return path_ / (std::string(role) + ".password");
}

void write_private_file(const fs::path& file, std::string_view text, const Account& owner) {
  const fs::path draft = file.string() + ".new";
  if (unlink(draft.c_str()) != 0 && errno != ENOENT) fail(draft, "cannot be replaced", errno);
  const Descriptor output(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!output) fail(draft, "cannot be written", errno);
  while (!text.empty()) {
    const ssize_t written = write(output.get(), text.data(), text.size());
    if (written < 0 && errno != EINTR) fail(draft, "cannot be written", errno);
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
  if (fchown(output.get(), owner.uid, owner.gid) != 0) fail(draft, "cannot be given away", errno);
  if (fsync(output.get()) != 0) fail(draft, "cannot be written", errno);
  if (rename(draft.c_str(), file.c_str()) != 0) fail(file, "cannot be written", errno);
}

void make_private_directory(const fs::path& directory, const Account& owner) {
  if (mkdir(directory.c_str(), 0700) == 0) {
    if (lchown(directory.c_str(), owner.uid, owner.gid) != 0) {
      fail(directory, "cannot be given away", errno);
    }
    return;
  }
  if (errno != EEXIST) fail(directory, "cannot be made", errno);
  // Under /tmp anybody could have made it first: only a private one of the owner will do.
  struct stat status {};
  if (lstat(directory.c_str(), &status) != 0) fail(directory, "cannot be examined", errno);
  if (!S_ISDIR(status.st_mode) || status.st_uid != owner.uid || (status.st_mode & 077) != 0) {
    throw catalog::Error("42501", fmt::format("{} exists and is not a private directory of user {}",
                                              directory.string(), owner.name));
  }
}

fs::path socket_directory(const fs::path& preferred, std::string_view name, const Account& owner) {
  constexpr size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (preferred.string().size() + 1 + name.size() <= kLongest) return preferred;
  const fs::path base = geteuid() == 0 ? "/run" : "/tmp";
  const fs::path directory = base / fmt::format("metadb-{}-{:016x}", owner.uid,
                                                std::hash<std::string>{}(preferred.string()));
  make_private_directory(directory, owner);
  return directory;
}

std::optional<fs::path> unsearchable_parent(const fs::path& directory, const Account& account) {
  // Only the kernel knows (groups, access lists), so a child that is that user asks it.
  std::vector<fs::path> parents;
  for (fs::path parent = directory.parent_path();; parent = parent.parent_path()) {
    parents.insert(parents.begin(), parent);
    if (parent == parent.root_path()) break;
  }
  if (geteuid() != 0) {
    for (const fs::path& parent : parents) {
      if (access(parent.c_str(), X_OK) != 0) return parent;
    }
    return std::nullopt;
  }
  std::vector<std::string> command{"/usr/bin/test", "-x", ""};
  for (const fs::path& parent : parents) {
    command.back() = parent.string();
    if (run_child({.command = command, .account = account}).exit_code != 0) return parent;
  }
  return std::nullopt;
}

ServerLock::ServerLock(const DataDirectory& directory)
    : directory_(directory),
      file_(::open(directory.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (!file_) fail(directory.lock(), "cannot be opened", errno);
  // `status` and `stop` look by taking the lock, for a moment.
  if (soon([&] { return try_lock(file_, LOCK_EX, directory.lock()); })) return;
  const std::optional<RunningServer> other = named_holder(directory);
  throw catalog::Error(
      "55006", other ? fmt::format("another metadb runs in {}, as process {}",
                                   directory.path().string(), other->pid)
                     : fmt::format("another process holds {} and has not said yet who it is",
                                   directory.lock().string()));
}

ServerLock::~ServerLock() {
  std::error_code ignored;  // a metadb.pid that stays behind is recognized as such
  fs::remove(directory_.pid_file(), ignored);
}

void ServerLock::announce(const RunningServer& server) const {
  std::string text = fmt::format("{}\nstarted={}\nsince={}\nready={}\n", server.pid,
                                 start_of(server.pid).value_or(0),
                                 server.since.time_since_epoch().count(), server.is_ready);
  for (const std::string& address : server.addresses) text += fmt::format("address={}\n", address);
  text += fmt::format("database={}\n", server.database);
  write_private_file(directory_.pid_file(), text, {geteuid(), getegid(), ""});
}

std::optional<RunningServer> running_server(const DataDirectory& directory) {
  const Descriptor file(::open(directory.lock().c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    if (errno == ENOENT) return std::nullopt;
    fail(directory.lock(), "cannot be opened", errno);
  }
  if (try_lock(file, LOCK_SH, directory.lock())) return std::nullopt;
  auto server = named_holder(directory);
  if (!server) {
    throw catalog::Error("55006",
                         fmt::format("a process that {} does not name holds {}",
                                     directory.pid_file().string(), directory.lock().string()));
  }
  return server;
}

}  // namespace metadb::server
