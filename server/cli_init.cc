#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <system_error>

#include "catalog/error.h"
#include "catalog/postgres.h"
#include "server/cli.h"
#include "server/config.h"
#include "server/data_directory.h"
#include "server/database.h"
#include "server/embedded_postgres.h"
#include "server/logging.h"
#include "server/stop_signals.h"

namespace metadb::server {
namespace {

namespace fs = std::filesystem;

// Takes back a data directory that was not finished, so that init can be repeated.
class Unfinished {
 public:
  explicit Unfinished(const DataDirectory& directory) : path_(directory.path()) {}
  ~Unfinished() {
    if (is_finished_) return;
    std::error_code error;
    fs::remove_all(path_, error);
    if (error) {
      fmt::print(stderr, "metadb: {} stays behind: {}\n", path_.string(), error.message());
    }
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  void finish() { is_finished_ = true; }

 private:
  fs::path path_;
  bool is_finished_ = false;
};

struct HowToConnect {
  std::string user;
  std::string database;
  std::string password;  // where it is, as a sentence
};

void warn(const std::string& what) {
  fmt::print(stderr, "metadb: warning: {}\n", what);
}

// What libpq takes for a user that is not named depends on who asks.
std::string with_user(const DatabaseConfig& database, const std::string& system_user) {
  if (!database.system_user.empty() || catalog::conninfo_value(database.conninfo, "user")) {
    return database.conninfo;
  }
  return catalog::conninfo_with(database.conninfo, {{"user", system_user}});
}

// As the account that the server will be: to PostgreSQL, and to the files that libpq reads.
HowToConnect use_given(const Config& config) {
  const ActingAs server(owner_account());
  const DatabaseAccess access = given_database(config.database);
  const DatabaseReport report = check_database(access);
  for (const std::string& warning : report.warnings) warn(warning);
  if (!config.accept_backend_trust && asks_nothing(access)) warn(kAsksNothing);
  return {report.system_user, report.name, "the one that PostgreSQL knows for this role"};
}

HowToConnect make_private(const DataDirectory& directory, const Config& config,
                          const std::stop_token& stop) {
  EmbeddedPostgres(directory, config.max_connections).create(stop);
  return {EmbeddedPostgres::kSystemUser, EmbeddedPostgres::kDatabase,
          "in " + directory.password_file(EmbeddedPostgres::kSystemUser).string()};
}

}  // namespace

int init(const InitOptions& options) {
  start_logging({}, "warning");
  const StopSignals signals(StopSignals::Hangup::stops);
  Config config = config_from(process_environment());
  std::map<std::string, std::string> values;
  if (!options.conninfo.empty()) config.database.conninfo = options.conninfo;
  const bool is_given = !config.database.conninfo.empty();
  // A database that will not do is found out before anything is made.
  HowToConnect how;
  if (is_given) {
    if (const auto problem = account_problem()) warn(*problem + kGoesOnAsCaller);
    how = use_given(config);
  } else {
    cluster_account();
  }
  if (!options.conninfo.empty()) {
    values["database.conninfo"] = with_user(config.database, how.user);
  }
  const DataDirectory directory = DataDirectory::create(options.directory);
  Unfinished unfinished(directory);
  if (!is_given) how = make_private(directory, config, signals.token());
  // Last: a directory without it is not a data directory.
  write_private_file(directory.configuration(), annotated_yaml(values), owner_account());
  unfinished.finish();
  fmt::print(
      "The data directory {} is ready.\n"
      "Start:    metadb start -D {}\n"
      "Connect:  psql -h localhost -p {} -U {} -d {}\n"
      "Password: {}\n",
      directory.path().string(), directory.path().string(), config.port, how.user, how.database,
      how.password);
  return 0;
}

}  // namespace metadb::server
