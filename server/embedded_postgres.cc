#include "server/embedded_postgres.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "catalog/postgres.h"

namespace metadb::server {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSocketName = ".s.PGSQL.5432";
constexpr int kStartTimeoutMs = 120'000;
constexpr int kStopTimeoutMs = 60'000;
// Connections that metadb itself holds at most: workers, commands, maintenance.
constexpr int kOwnConnections = 50;

// 160 random bits in letters and digits.
std::string generated_password() {
  constexpr std::string_view kAlphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGH";
  static_assert(kAlphabet.size() == 32);
  std::array<unsigned char, 32> random{};
  if (getentropy(random.data(), random.size()) != 0) {
    throw std::system_error(errno, std::generic_category(), "getentropy");
  }
  std::string password;
  for (const unsigned char byte : random) password += kAlphabet[byte % kAlphabet.size()];
  return password;
}

std::string first_line(const fs::path& file) {
  std::ifstream input(file);
  std::string line;
  if (!std::getline(input, line) || line.empty()) {
    throw catalog::Error("58P01", file.string() + " cannot be read or is empty");
  }
  return line;
}

// The major version in "postgres (PostgreSQL) 15.4 (Debian ...)" or in PG_VERSION's "15".
std::optional<int> first_number(std::string_view text) {
  const size_t digit = text.find_first_of("0123456789");
  int number = 0;
  if (digit == std::string_view::npos ||
      std::from_chars(text.data() + digit, text.data() + text.size(), number).ec != std::errc()) {
    return std::nullopt;
  }
  return number;
}

std::vector<fs::path> binary_folders() {
  std::vector<fs::path> folders;
  std::vector<fs::path> path;
  const char* search = std::getenv("PATH");
  std::istringstream list(search != nullptr ? search : "/usr/bin:/usr/local/bin");
  for (std::string folder; std::getline(list, folder, ':');) {
    if (folder.starts_with('/')) path.emplace_back(folder);
  }
  for (const fs::path& folder : path) {
    if (access((folder / "pg_config").c_str(), X_OK) != 0) continue;
    std::string said = run_child({.command = {folder / "pg_config", "--bindir"}}).output;
    while (said.ends_with('\n')) said.pop_back();
    folders.emplace_back(said);
    break;
  }
  for (const char* base : {"/usr/lib/postgresql", "/usr"}) {
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(base, absent)) {
      const std::string name = entry.path().filename();
      const bool is_version = name.find_first_not_of("0123456789") == std::string::npos;
      if (is_version || name.starts_with("pgsql-")) folders.push_back(entry.path() / "bin");
    }
  }
  folders.insert(folders.end(), path.begin(), path.end());
  return folders;
}

// initdb's reason stands in one line, among progress and advice.
catalog::Error initdb_failure(const ChildResult& result) {
  std::string reason = fmt::format("exit code {}", result.exit_code);
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);) {
    for (const std::string_view mark : {"error: ", "FATAL: "}) {
      const size_t at = line.find(mark);
      if (at == std::string::npos) continue;
      reason = line.substr(std::min(line.find_first_not_of(' ', at + mark.size()), line.size()));
    }
  }
  std::string detail = result.output;
  while (detail.ends_with('\n')) detail.pop_back();
  return catalog::Error("58000", "initdb failed: " + reason).with_detail(std::move(detail));
}

// One element of a list in postgresql.conf: "..." for the list, '...' for the file (guc-file.l).
std::string quoted_setting(const fs::path& path) {
  std::string element;
  for (const char c : path.string()) {
    if (c == '\'' || c == '"') element += c;
    if (c == '\\') element += c;
    element += c;
  }
  return "'\"" + element + "\"'";
}

// The number in the first line of postmaster.pid; nullopt without such a file.
std::optional<pid_t> postmaster_pid(const fs::path& data) {
  std::ifstream input(data / "postmaster.pid");
  std::string line;
  if (!std::getline(input, line)) return std::nullopt;
  return first_number(line);
}

}  // namespace

std::optional<PostgresBinaries> find_postgres(std::optional<int> major) {
  std::optional<PostgresBinaries> best;
  for (const fs::path& folder : binary_folders()) {
    if (access((folder / "postgres").c_str(), X_OK) != 0) continue;
    if (access((folder / "initdb").c_str(), X_OK) != 0) continue;
    const ChildResult said = run_child({.command = {folder / "postgres", "--version"}});
    const std::optional<int> version = first_number(said.output);
    if (said.exit_code != 0 || !version || (major && *version != *major)) continue;
    if (!best || *version > best->major) best = PostgresBinaries{folder, *version};
  }
  return best;
}

EmbeddedPostgres::EmbeddedPostgres(DataDirectory directory, int max_clients)
    : directory_(std::move(directory)),
      home_(directory_.postgres()),
      owner_(cluster_account()),
      max_clients_(max_clients) {}

EmbeddedPostgres::~EmbeddedPostgres() {
  try {
    stop();
  } catch (const std::exception& error) {
    spdlog::error("the private PostgreSQL was not stopped: {}", error.what());
  }
}

void EmbeddedPostgres::create(const std::stop_token& stop) {
  const auto binaries = find_postgres(std::nullopt);
  if (!binaries) {
    throw catalog::Error("58P01",
                         "PostgreSQL's server programs (postgres, initdb) were not found; install "
                         "the package postgresql, or name a database with --database");
  }
  make_private_directory(home_, owner_);
  for (const char* role : {kSuperuser, kSystemUser}) {
    write_private_file(directory_.password_file(role), generated_password() + "\n", owner_);
  }
  run_initdb(binaries->directory);
  if (!start(stop)) throw catalog::Error("57014", "interrupted");
  create_roles();
  this->stop();
}

void EmbeddedPostgres::run_initdb(const fs::path& binaries) const {
  const ChildResult result = run_child({
      .command = {binaries / "initdb", "--pgdata=" + data().string(),
                  std::string("--username=") + kSuperuser,
                  "--pwfile=" + directory_.password_file(kSuperuser).string(),
                  "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8",
                  "--data-checksums"},
      .account = owner_,
      .directory = home_,
  });
  if (result.exit_code != 0) throw initdb_failure(result);
  // The administrator's own settings go into postgresql.conf; ours come first and are written anew
  // at each start, because the data directory may have moved.
  const fs::path settings = data() / "postgresql.conf";
  std::ofstream(settings, std::ios::app) << "\n# Settings below this line win over metadb's.\n"
                                         << "include '../metadb.conf'\n";
}

void EmbeddedPostgres::write_configuration() {
  socket_directory_ = socket_directory(home_, kSocketName, owner_);
  write_private_file(home_ / "metadb.conf",
                     fmt::format("# Written by metadb at each start.\n"
                                 "cluster_name = 'metadb'\n"
                                 "listen_addresses = ''\n"
                                 "port = 5432\n"
                                 "unix_socket_directories = {}\n"
                                 "unix_socket_permissions = 0700\n"
                                 "password_encryption = 'scram-sha-256'\n"
                                 "max_connections = {}\n"
                                 "max_locks_per_transaction = 1024\n"
                                 "shared_buffers = 256MB\n"
                                 "max_wal_size = 2GB\n"
                                 // Tables that are updated fast grow while nobody looks at them.
                                 "autovacuum_naptime = 10s\n"
                                 "log_line_prefix = '%m [%p] %q%u@%d '\n",
                                 quoted_setting(socket_directory_), max_clients_ + kOwnConnections),
                     owner_);
}

void EmbeddedPostgres::create_roles() const {
  catalog::Connection connection(conninfo(kSuperuser, "postgres"));
  // A verifier, not the password: statements may be logged.
  const std::string verifier =
      connection.scram_verifier(kSystemUser, first_line(directory_.password_file(kSystemUser)));
  connection.exec(fmt::format("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}",
                              catalog::quote_identifier(kSystemUser),
                              catalog::quote_literal(verifier)));
  connection.exec(fmt::format("CREATE DATABASE {} OWNER {}", catalog::quote_identifier(kDatabase),
                              catalog::quote_identifier(kSystemUser)));
}

bool EmbeddedPostgres::start(const std::stop_token& stop) {
  if (!fs::exists(data() / "PG_VERSION")) {
    throw catalog::Error("58P01", fmt::format("{} names no database, and {} holds no private "
                                              "PostgreSQL; set database.conninfo, or make a new "
                                              "data directory with metadb init",
                                              directory_.configuration().string(), home_.string()));
  }
  const std::optional<int> major = first_number(first_line(data() / "PG_VERSION"));
  const auto binaries = find_postgres(major);
  if (!binaries) {
    const auto other = find_postgres(std::nullopt);
    throw catalog::Error(
        "0A000",
        fmt::format("{} was made by PostgreSQL {}, but {}; install the package postgresql-{}, or "
                    "convert the cluster with pg_upgrade",
                    data().string(), major.value_or(0),
                    other ? fmt::format("only PostgreSQL {} is installed", other->major)
                          : "no PostgreSQL is installed",
                    major.value_or(0)));
  }
  stop_survivor();
  write_configuration();
  std::error_code absent;
  const uintmax_t log_size = fs::file_size(log(), absent);
  log_begin_ = absent ? 0 : log_size;
  postmaster_ = ChildProcess::start({
      .command = {binaries->directory / "postgres", "-D", data().string()},
      .account = owner_,
      .directory = home_,
      .log = log(),
      .is_daemon = true,
  });
  return wait_until_ready(stop);
}

void EmbeddedPostgres::stop_survivor() const {
  const std::optional<pid_t> pid = postmaster_pid(data());
  if (!pid || *pid <= 0) return;
  const Descriptor process = open_process(*pid);
  if (!process) return;
  // A postmaster works in its data directory; another process may have got the number since.
  std::error_code error;
  if (!fs::equivalent(fmt::format("/proc/{}/cwd", *pid), data(), error) || error) return;
  spdlog::warn("stopping the private PostgreSQL (process {}) of a server that was killed", *pid);
  send_signal(process.get(), SIGINT);
  if (wait_for_end(process.get(), kStopTimeoutMs)) return;
  send_signal(process.get(), SIGQUIT);
  if (wait_for_end(process.get(), kStopTimeoutMs)) return;
  throw catalog::Error(
      "55006", fmt::format("process {} still runs in {} and does not stop", *pid, data().string()));
}

bool EmbeddedPostgres::wait_until_ready(const std::stop_token& stop) {
  constexpr int kStepMs = 20;
  for (int waited = 0; waited < kStartTimeoutMs; waited += kStepMs) {
    if (wait_for_end(postmaster_->descriptor(), kStepMs)) {
      postmaster_->wait();
      postmaster_.reset();
      throw catalog::Error("57P03", fmt::format("the private PostgreSQL did not start: {} (see {})",
                                                last_words(), log().string()));
    }
    if (is_ready()) return true;
    if (stop.stop_requested()) {
      this->stop();
      return false;
    }
  }
  this->stop();
  throw catalog::Error("57P03", fmt::format("the private PostgreSQL was not ready in time (see {})",
                                            log().string()));
}

bool EmbeddedPostgres::is_ready() const {
  // postmaster.pid: process, data directory, start, port, socket directory, address, shared memory,
  // status (miscadmin.h, LOCK_FILE_LINE_PM_STATUS; since PostgreSQL 10).
  std::ifstream input(data() / "postmaster.pid");
  std::string line;
  for (int number = 1; std::getline(input, line); ++number) {
    if (number == 1 && first_number(line) != postmaster_->pid()) return false;
    if (number == 8) return line.starts_with("ready");
  }
  return false;
}

std::string EmbeddedPostgres::last_words() const {
  std::ifstream input(log());
  input.seekg(static_cast<std::streamoff>(log_begin_));
  std::string last = "it did not say why";
  for (std::string line; std::getline(input, line);) {
    if (line.find("FATAL") != std::string::npos) last = line;
  }
  return last;
}

void EmbeddedPostgres::stop() {
  if (!postmaster_) return;
  send_signal(postmaster_->descriptor(), SIGINT);
  if (!wait_for_end(postmaster_->descriptor(), kStopTimeoutMs)) {
    spdlog::warn("the private PostgreSQL takes long to stop; stopping it at once");
    send_signal(postmaster_->descriptor(), SIGQUIT);
  }
  postmaster_->wait();
  postmaster_.reset();
}

std::string EmbeddedPostgres::conninfo(const char* role, const char* database) const {
  return catalog::conninfo_with("", {{"host", socket_directory_.string()},
                                     {"port", "5432"},
                                     {"dbname", database},
                                     {"user", role},
                                     {"password", first_line(directory_.password_file(role))}});
}

DatabaseAccess EmbeddedPostgres::access() const {
  return {conninfo(kSystemUser, kDatabase), conninfo(kSuperuser, kDatabase)};
}

std::string EmbeddedPostgres::description() const {
  return fmt::format("private PostgreSQL {} in {}", first_line(data() / "PG_VERSION"),
                     home_.string());
}

}  // namespace metadb::server
