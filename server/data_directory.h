// The directory that `init` makes and one server at a time owns.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/descriptor.h"

namespace metadb::server {

// An account of the operating system.
struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

// The account that owns the data directory: whoever calls, or `postgres` if that is root and there
// is one.
Account owner_account();
// Why that account can't run PostgreSQL's server programs, which refuse root and users that are in
// no list; nullopt if it can.
std::optional<std::string> account_problem();
inline constexpr const char* kGoesOnAsCaller = ": metadb goes on as the user who called it";
// owner_account() for the private PostgreSQL. Throws catalog::Error for an account_problem().
Account cluster_account();

// Goes on as `account` if the process runs as root; otherwise nothing. For good: what needed root
// must be done before. Throws catalog::Error 42501 if the system refuses.
void drop_privileges(const Account& account);

// The same for as long as it lives: files are opened and connections made as `account`.
// REQUIRES: no other thread opens any.
class ActingAs {
 public:
  explicit ActingAs(const Account& account);
  ~ActingAs();
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;

 private:
  bool is_active_ = false;
  gid_t gid_ = 0;
  std::vector<gid_t> groups_;
};

// Paths in a data directory, and how it is made. Names no secrets; holds no resources.
class DataDirectory {
 public:
  // Makes the directory (0700, of owner_account()) and its parents. Throws catalog::Error if it
  // exists and is not empty, or if its owner could not reach it.
  static DataDirectory create(const std::filesystem::path& path);
  // An initialized one. Throws catalog::Error if `path` does not hold a metadb.yaml.
  static DataDirectory open(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // Whom it belongs to now, whoever made it.
  [[nodiscard]] Account owner() const;
  [[nodiscard]] std::filesystem::path configuration() const { return path_ / "metadb.yaml"; }
  [[nodiscard]] std::filesystem::path lock() const { return path_ / "metadb.lock"; }
  [[nodiscard]] std::filesystem::path pid_file() const { return path_ / "metadb.pid"; }
  // The private PostgreSQL: its cluster, log and socket.
  [[nodiscard]] std::filesystem::path postgres() const { return path_ / "postgres"; }
  // Repositories of external SQL, while they are fetched.
  [[nodiscard]] std::filesystem::path external_sql() const { return path_ / "external_sql"; }
  // Holds the password of a role of the private PostgreSQL.
  [[nodiscard]] std::filesystem::path password_file(std::string_view role) const;

 private:
  explicit DataDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// Writes a file of mode 0600 that belongs to `owner`, whole or not at all.
void write_private_file(const std::filesystem::path& file, std::string_view text,
                        const Account& owner);
// A new directory of mode 0700 that belongs to `owner`; an existing one must already be that.
void make_private_directory(const std::filesystem::path& directory, const Account& owner);
// Where a Unix socket called `name` is made: `preferred` if the whole path fits into the 107 bytes
// of sockaddr_un, else a private directory of `owner` under /run or /tmp, the same one every time.
std::filesystem::path socket_directory(const std::filesystem::path& preferred,
                                       std::string_view name, const Account& owner);
// The nearest parent of `directory` that `account` may not search.
std::optional<std::filesystem::path> unsearchable_parent(const std::filesystem::path& directory,
                                                         const Account& account);

// What metadb.pid says of the server that holds the lock.
struct RunningServer {
  pid_t pid = 0;
  uint64_t started = 0;  // clock ticks after boot: tells the process from a later one of its number
  std::chrono::sys_seconds since{};
  bool is_ready = false;               // accepts connections
  std::vector<std::string> addresses;  // as a reader would write them: "127.0.0.1:8550"
  std::string database;                // one line on the backing database
};

// The right to run in a data directory: flock on metadb.lock, which the kernel gives back however
// the process ends; metadb.pid says who has it.
class ServerLock {
 public:
  // Throws catalog::Error 55006 that names the process if another one holds it. Waits a second
  // before it gives up, and another one for that process to say its name.
  explicit ServerLock(const DataDirectory& directory);
  // Removes metadb.pid, then gives up the lock.
  ~ServerLock();
  ServerLock(const ServerLock&) = delete;
  ServerLock& operator=(const ServerLock&) = delete;
  // Replaces what metadb.pid says; `started` is filled in.
  void announce(const RunningServer& server) const;

 private:
  DataDirectory directory_;
  Descriptor file_;
};

// The server that runs in `directory`; nullopt if none holds the lock.
std::optional<RunningServer> running_server(const DataDirectory& directory);

}  // namespace metadb::server
