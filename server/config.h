// What metadb.yaml says: everything that is needed before the database answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/allow_list.h"
#include "server/tls.h"

namespace metadb::server {

// The backing PostgreSQL. An empty conninfo means the private one under the data directory.
struct DatabaseConfig {
  std::string conninfo;
  std::string system_user;
  std::string system_password;
  std::string system_password_file;
  std::string superuser;
  std::string superuser_password;
  std::string superuser_password_file;
};

struct Config {
  std::vector<std::string> listen_addresses{"127.0.0.1"};
  uint16_t port = 8550;               // 0 = any free port
  std::string unix_socket_directory;  // empty: chosen by socket_directory()
  int max_connections = 100;
  int superuser_reserved_connections = 3;
  int io_threads = 0;  // 0 = one for each four processors, at least one
  int64_t memory_limit_bytes = int64_t{2} << 30;
  DatabaseConfig database;
  ClientTlsOptions tls;
  bool is_tls_required = false;
  bool accept_backend_trust = false;
  std::vector<AllowRule> allow;
  std::chrono::seconds login_timeout{60};
  std::chrono::seconds idle_timeout{0};      // 0: none
  std::chrono::seconds shutdown_timeout{5};  // for sessions to come to an idle point
  std::string log_file;                      // empty: stderr
  std::string log_level = "info";
  bool are_connections_logged = false;
};

// One line of the table that metadb.yaml, the environment and the documentation come from.
struct Setting {
  std::string_view path;     // of the key in YAML: "database.conninfo"
  std::string_view initial;  // the default, as YAML would have it; empty = none
  std::string_view doc;
  bool is_secret;  // its value is never shown, not even in an error
  bool is_list;    // a YAML sequence; commas in the environment
  // Stores one value, or one element more of a list. Throws std::invalid_argument that says what is
  // expected.
  std::function<void(Config&, const std::string&)> store;
  std::function<void(Config&)> clear = nullptr;  // of a list: forgets its elements
};

std::span<const Setting> settings();
// METADB_ and the path in capitals: "METADB_DATABASE_CONNINFO".
std::string environment_name(std::string_view path);

using Environment = std::map<std::string, std::string>;
// The variables of this process that start with METADB_.
Environment process_environment();
// Those of `environment` that no setting reads: spelling mistakes, most likely.
std::vector<std::string> unknown_variables(const Environment& environment);

// Defaults, then the file, then the environment; password files are read. Relative names of files
// count from the folder of the file. Throws catalog::Error F0000 with one line that names file,
// line and key.
Config load_config(const std::filesystem::path& file, const Environment& environment);
// The same without a file.
Config config_from(const Environment& environment);

// The settings that differ and are read at start only.
std::vector<std::string_view> fixed_differences(const Config& before, const Config& after);

// A metadb.yaml that explains every setting, with `values` (by path) filled in and all others
// commented out at their defaults.
std::string annotated_yaml(const std::map<std::string, std::string>& values);

}  // namespace metadb::server
