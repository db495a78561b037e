// The private PostgreSQL that runs when metadb.yaml names no database.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

#include "server/child_process.h"
#include "server/data_directory.h"
#include "server/database.h"

namespace metadb::server {

// A PostgreSQL cluster in DIR/postgres, run by the distribution's binaries as cluster_account().
//
// Listens on a Unix socket only; everybody proves a password by SCRAM. Database metadb, owned by
// mdbadmin; superuser postgres. Whom the front end lets in as postgres by SO_PEERCRED, it logs in
// with the password of access().
// One object and one thread at a time; the caller holds the ServerLock. The postmaster is a child
// in a session of its own: it outlives a killed metadb and is stopped by the next start().
class EmbeddedPostgres {
 public:
  static constexpr const char* kDatabase = "metadb";
  static constexpr const char* kSuperuser = "postgres";
  static constexpr const char* kSystemUser = "mdbadmin";

  // max_clients: connections that metadb lets in; the workers' own come on top. Throws
  // catalog::Error if there is no cluster_account().
  EmbeddedPostgres(DataDirectory directory, int max_clients);
  // Stops the postmaster if it still runs.
  ~EmbeddedPostgres();
  EmbeddedPostgres(const EmbeddedPostgres&) = delete;
  EmbeddedPostgres& operator=(const EmbeddedPostgres&) = delete;

  // Makes the cluster, its password files, roles and database, and leaves it stopped. Throws
  // catalog::Error 57014 if `stop` was requested first.
  void create(const std::stop_token& stop = {});
  // Returns when it accepts connections, or false when `stop` was requested first. Throws
  // catalog::Error with the last line of its log if it does not come up, 0A000 if the binaries have
  // another major version than the cluster.
  bool start(const std::stop_token& stop = {});
  // Fast shutdown, immediate if that takes longer than a minute.
  void stop();

  // Of the running postmaster. Readable when it has ended.
  [[nodiscard]] int descriptor() const { return postmaster_->descriptor(); }
  [[nodiscard]] bool is_running() const { return postmaster_.has_value(); }
  // Where clients of the cluster connect. Passwords are read from the password files.
  [[nodiscard]] DatabaseAccess access() const;
  // The account that the data directory and the postmaster belong to.
  [[nodiscard]] const Account& owner() const { return owner_; }
  // "private PostgreSQL 15 in DIR/postgres".
  [[nodiscard]] std::string description() const;
  [[nodiscard]] std::filesystem::path log() const { return home_ / "log"; }

 private:
  [[nodiscard]] std::filesystem::path data() const { return home_ / "data"; }
  void run_initdb(const std::filesystem::path& binaries) const;
  void write_configuration();
  void create_roles() const;
  void stop_survivor() const;
  bool wait_until_ready(const std::stop_token& stop);
  [[nodiscard]] bool is_ready() const;
  // The last FATAL line that this run wrote into the log.
  [[nodiscard]] std::string last_words() const;
  [[nodiscard]] std::string conninfo(const char* role, const char* database) const;

  DataDirectory directory_;
  std::filesystem::path home_;
  Account owner_;
  int max_clients_;
  std::filesystem::path socket_directory_;
  std::optional<ChildProcess> postmaster_;
  uintmax_t log_begin_ = 0;  // where the log ended when it was started
};

// PostgreSQL's server programs on this machine.
struct PostgresBinaries {
  std::filesystem::path directory;
  int major = 0;
};

// Those of `major` if given, else the newest: what pg_config says, the distribution's folders,
// PATH. nullopt if there are none (of that version).
std::optional<PostgresBinaries> find_postgres(std::optional<int> major);

}  // namespace metadb::server
