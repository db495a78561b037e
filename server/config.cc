#include "server/config.h"

#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <tuple>

#include "catalog/error.h"
#include "catalog/postgres.h"

namespace metadb::server {
namespace {

int64_t whole_number(const std::string& text, int64_t least, int64_t most) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) {
    throw std::invalid_argument("expects a whole number from " + std::to_string(least) + " to " +
                                std::to_string(most));
  }
  return number;
}

bool truth(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  throw std::invalid_argument("expects true or false");
}

int64_t gibibytes(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !(number >= 0.25) ||
      !(number <= 65536)) {
    throw std::invalid_argument("expects a number of GiB, at least 0.25");
  }
  return static_cast<int64_t>(number * static_cast<double>(int64_t{1} << 30));
}

std::string log_level(const std::string& text) {
  constexpr std::array kLevels{"debug", "info", "warning", "error"};
  if (std::ranges::find(kLevels, text) == kLevels.end()) {
    throw std::invalid_argument("expects one of debug, info, warning, error");
  }
  return text;
}

std::string not_empty(const std::string& text) {
  if (text.empty()) throw std::invalid_argument("expects a name or an address");
  return text;
}

std::chrono::seconds seconds(const std::string& text, int64_t least) {
  constexpr int64_t kMost = int64_t{7} * 24 * 3600;
  return std::chrono::seconds(whole_number(text, least, kMost));
}

// What libpq says of a mistake may quote a password.
std::string connection_string(const std::string& text) {
  try {
    catalog::conninfo_with(text, {});
  } catch (const catalog::Error&) {
    throw std::invalid_argument(
        "expects a libpq connection string such as \"host=db.example dbname=metadb "
        "user=mdbadmin\", or a URI");
  }
  return text;
}

template <auto Member>
auto text_of_tls() {
  return [](Config& config, const std::string& text) { config.tls.*Member = text; };
}

template <auto Member>
auto text_of_database() {
  return [](Config& config, const std::string& text) { config.database.*Member = text; };
}

// REQUIRES: the default was cleared before the first element.
void add_listen_address(Config& config, const std::string& text) {
  config.listen_addresses.push_back(not_empty(text));
}

const std::vector<Setting> kSettings{
    {"listen_addresses", "[127.0.0.1]",
     "Addresses to accept TCP connections on; 0.0.0.0 or \"::\" for all, [] for none.", false, true,
     add_listen_address, [](Config& config) { config.listen_addresses.clear(); }},
    {"port", "8550",
     "TCP port, also the number in the name of the Unix socket; 0 takes any free port.", false,
     false,
     [](Config& config, const std::string& text) {
       config.port = static_cast<uint16_t>(whole_number(text, 0, 65535));
     }},
    {"unix_socket_directory", "",
     "Where the Unix socket is made. Default: the data directory, or a private directory under "
     "/run or /tmp if the name of the socket would be longer than 107 bytes.",
     false, false,
     [](Config& config, const std::string& text) { config.unix_socket_directory = text; }},
    {"max_connections", "100", "Client connections at one time.", false, false,
     [](Config& config, const std::string& text) {
       config.max_connections = static_cast<int>(whole_number(text, 1, 100000));
     }},
    {"superuser_reserved_connections", "3",
     "How many of these are kept for superusers, so that an administrator always gets in.", false,
     false,
     [](Config& config, const std::string& text) {
       config.superuser_reserved_connections = static_cast<int>(whole_number(text, 0, 100000));
     }},
    {"login_timeout", "60", "Seconds that a login may take.", false, false,
     [](Config& config, const std::string& text) { config.login_timeout = seconds(text, 1); }},
    {"idle_timeout", "0",
     "Seconds after which a session that does nothing, outside a transaction, is ended; 0 for "
     "never.",
     false, false,
     [](Config& config, const std::string& text) { config.idle_timeout = seconds(text, 0); }},
    {"shutdown_timeout", "5",
     "Seconds that sessions get at shutdown to finish what they run; then it is cancelled.", false,
     false,
     [](Config& config, const std::string& text) { config.shutdown_timeout = seconds(text, 0); }},
    {"io_threads", "0",
     "Threads that relay between clients and PostgreSQL; 0 takes one for each four processors.",
     false, false,
     [](Config& config, const std::string& text) {
       config.io_threads = static_cast<int>(whole_number(text, 0, 256));
     }},
    {"memory_limit_gib", "2",
     "Memory that ingest is sized by, in GiB, for all data sources together: a sixteenth of it is "
     "for what is read ahead, a thirty-second for a batch.",
     false, false,
     [](Config& config, const std::string& text) { config.memory_limit_bytes = gibibytes(text); }},
    {"database.conninfo", "",
     "The backing database: a libpq connection string or URI. Without it the server runs a "
     "private PostgreSQL under the data directory.",
     true, false,
     [](Config& config, const std::string& text) {
       config.database.conninfo = connection_string(text);
     }},
    {"database.system_user", "",
     "Role that owns the catalog and the tables. Default: the user of conninfo.", false, false,
     text_of_database<&DatabaseConfig::system_user>()},
    {"database.system_password", "", "Its password. Default: the one in conninfo.", true, false,
     text_of_database<&DatabaseConfig::system_password>()},
    {"database.system_password_file", "",
     "File whose first line is that password, instead of system_password.", false, false,
     text_of_database<&DatabaseConfig::system_password_file>()},
    {"database.superuser", "",
     "Role that manages roles. Default: the user of conninfo; it need not be a superuser.", false,
     false, text_of_database<&DatabaseConfig::superuser>()},
    {"database.superuser_password", "", "Its password. Default: the one in conninfo.", true, false,
     text_of_database<&DatabaseConfig::superuser_password>()},
    {"database.superuser_password_file", "",
     "File whose first line is that password, instead of superuser_password.", false, false,
     text_of_database<&DatabaseConfig::superuser_password_file>()},
    {"tls.certificate", "",
     "PEM file with the certificate (and its chain) that clients are shown; without it there is no "
     "TLS for clients.",
     false, false, text_of_tls<&ClientTlsOptions::certificate>()},
    {"tls.key", "", "PEM file with its private key. Default: in the certificate's file.", false,
     false, text_of_tls<&ClientTlsOptions::key>()},
    {"tls.client_ca", "",
     "PEM file with the CA that clients' certificates must come from. Default: none is asked for.",
     false, false, text_of_tls<&ClientTlsOptions::client_ca>()},
    {"tls.require", "false", "Refuse TCP connections without TLS.", false, false,
     [](Config& config, const std::string& text) { config.is_tls_required = truth(text); }},
    {"auth.accept_backend_trust", "false",
     "Let local clients in when PostgreSQL asks them for nothing (trust, peer, ident, cert in "
     "pg_hba.conf). PostgreSQL sees metadb, not the client.",
     false, false,
     [](Config& config, const std::string& text) { config.accept_backend_trust = truth(text); }},
    {"auth.allow", "[]",
     "Who may come, one rule a line as in pg_hba.conf: TYPE DATABASE USER ADDRESS METHOD, where "
     "TYPE "
     "is local (without ADDRESS), host, hostssl or hostnossl and METHOD allow or reject. The first "
     "rule that fits decides; whoever fits none is rejected. Without rules everybody may; who may "
     "log in is PostgreSQL's to say anyway.",
     false, true, [](Config& config, const std::string& text) { config.allow.emplace_back(text); },
     [](Config& config) { config.allow.clear(); }},
    {"log.file", "",
     "File that the log is appended to; SIGHUP opens it again. Default: standard error.", false,
     false, [](Config& config, const std::string& text) { config.log_file = text; }},
    {"log.level", "info", "Least level that is logged: debug, info, warning or error.", false,
     false, [](Config& config, const std::string& text) { config.log_level = log_level(text); }},
    {"log.connections", "false", "Log a line when a client's connection ends.", false, false,
     [](Config& config, const std::string& text) { config.are_connections_logged = truth(text); }},
};

const Setting* setting_at(std::string_view path) {
  const auto found = std::ranges::find(kSettings, path, &Setting::path);
  return found == kSettings.end() ? nullptr : &*found;
}

bool is_section(std::string_view path) {
  const std::string prefix = std::string(path) + ".";
  return std::ranges::any_of(kSettings,
                             [&](const Setting& s) { return s.path.starts_with(prefix); });
}

// Where a value came from: "DIR/metadb.yaml:12" or the name of a variable.
using Origins = std::map<std::string, std::string, std::less<>>;

[[noreturn]] void fail(std::string_view where, std::string_view key, std::string_view what) {
  std::string line(where);
  if (!key.empty()) line += ": " + std::string(key);
  throw catalog::Error("F0000", line + ": " + std::string(what));
}

// Fills a Config from YAML and environment and remembers where each value came from.
class Loader {
 public:
  void read(const std::filesystem::path& file);
  void override_from(const Environment& environment);
  // Replaces ..._password_file by what the file holds; other files get their whole names.
  void read_password_files(const std::filesystem::path& folder);
  void place_files(const std::filesystem::path& folder);
  void check_together() const;
  [[nodiscard]] Config config() const { return config_; }

 private:
  void read_map(const std::string& file, const std::string& prefix, const YAML::Node& map);
  void read_value(const std::string& where, const Setting& setting, const YAML::Node& value);
  void store(const std::string& where, const Setting& setting,
             const std::vector<std::string>& values);
  void read_password_file(std::string_view path, std::string& name, std::string& password,
                          const std::filesystem::path& folder);

  Config config_;
  Origins origins_;
};

std::string line_of(const std::string& file, const YAML::Mark& mark) {
  return file + ":" + std::to_string(mark.line + 1);
}

void Loader::read(const std::filesystem::path& file) {
  std::ifstream input(file);
  if (!input) fail(file.string(), "", std::string("cannot be read: ") + std::strerror(errno));
  YAML::Node root;
  try {
    root = YAML::Load(input);
  } catch (const YAML::ParserException& error) {
    fail(line_of(file.string(), error.mark), "", "not valid YAML: " + error.msg);
  }
  if (root.IsNull()) return;
  if (!root.IsMap()) fail(line_of(file.string(), root.Mark()), "", "expects `key: value` lines");
  read_map(file.string(), "", root);
}

void Loader::read_map(const std::string& file, const std::string& prefix, const YAML::Node& map) {
  std::set<std::string> seen;
  for (const auto& entry : map) {
    const std::string where = line_of(file, entry.first.Mark());
    if (!entry.first.IsScalar()) fail(where, prefix, "a key must be a word");
    const std::string path = prefix + entry.first.Scalar();
    if (!seen.insert(path).second) fail(where, path, "given twice");
    if (const Setting* setting = setting_at(path)) {
      read_value(where, *setting, entry.second);
    } else if (!is_section(path)) {
      fail(where, path, "unknown setting");
    } else if (entry.second.IsMap()) {
      read_map(file, path + ".", entry.second);
    } else if (!entry.second.IsNull()) {
      fail(where, path, "expects settings below it, indented");
    }
  }
}

void Loader::read_value(const std::string& where, const Setting& setting, const YAML::Node& value) {
  if (value.IsNull()) return;  // a key without a value keeps the default
  if (value.IsScalar()) return store(where, setting, {value.Scalar()});
  if (!value.IsSequence() || !setting.is_list) {
    fail(where, setting.path,
         setting.is_list ? "expects a list of values" : "expects a single value");
  }
  std::vector<std::string> values;
  for (const auto& element : value) {
    if (!element.IsScalar()) fail(where, setting.path, "expects a list of single values");
    values.push_back(element.Scalar());
  }
  store(where, setting, values);
}

void Loader::store(const std::string& where, const Setting& setting,
                   const std::vector<std::string>& values) {
  if (setting.clear) setting.clear(config_);
  for (const std::string& value : values) {
    try {
      setting.store(config_, value);
    } catch (const std::invalid_argument& error) {
      fail(where, setting.path,
           error.what() + (setting.is_secret ? std::string() : ", not \"" + value + "\""));
    }
  }
  origins_[std::string(setting.path)] = where;
}

void Loader::override_from(const Environment& environment) {
  for (const Setting& setting : kSettings) {
    const auto found = environment.find(environment_name(setting.path));
    if (found == environment.end()) continue;
    std::vector<std::string> values{found->second};
    if (setting.is_list) {
      values.clear();
      std::istringstream list(found->second);
      for (std::string value; std::getline(list, value, ',');) values.push_back(value);
    }
    store(found->first, setting, values);
    // A password and its file are one setting: whatever the environment says of it counts alone.
    const std::string path(setting.path);
    if (path.ends_with("password")) {
      if (!environment.contains(environment_name(path + "_file"))) {
        if (origins_.erase(path + "_file") > 0) setting_at(path + "_file")->store(config_, "");
      }
    } else if (path.ends_with("password_file")) {
      const std::string password = path.substr(0, path.size() - std::strlen("_file"));
      if (!environment.contains(environment_name(password))) {
        if (origins_.erase(password) > 0) setting_at(password)->store(config_, "");
      }
    }
  }
}

void Loader::read_password_files(const std::filesystem::path& folder) {
  DatabaseConfig& database = config_.database;
  read_password_file("database.system_password_file", database.system_password_file,
                     database.system_password, folder);
  read_password_file("database.superuser_password_file", database.superuser_password_file,
                     database.superuser_password, folder);
}

void Loader::place_files(const std::filesystem::path& folder) {
  for (std::string* name : {&config_.tls.certificate, &config_.tls.key, &config_.tls.client_ca}) {
    if (!name->empty()) *name = folder / *name;
  }
}

// What makes no sense without something else.
void Loader::check_together() const {
  if (config_.tls.certificate.empty()) {
    for (const std::string_view path : {"tls.key", "tls.client_ca", "tls.require"}) {
      const auto given = origins_.find(path);
      if (given == origins_.end() || (path == "tls.require" && !config_.is_tls_required)) continue;
      fail(given->second, path, "needs tls.certificate");
    }
  }
  const auto reserved = origins_.find("superuser_reserved_connections");
  if (reserved != origins_.end() &&
      config_.superuser_reserved_connections >= config_.max_connections) {
    fail(reserved->second, reserved->first, "must be less than max_connections");
  }
}

void Loader::read_password_file(std::string_view path, std::string& name, std::string& password,
                                const std::filesystem::path& folder) {
  if (name.empty()) return;
  const std::string& where = origins_.at(std::string(path));
  if (!password.empty()) fail(where, path, "the password itself is given too");
  const std::filesystem::path file = folder / name;
  std::ifstream input(file);
  if (!input) fail(where, path, "cannot read " + file.string() + ": " + std::strerror(errno));
  std::getline(input, password);
  if (password.ends_with('\r')) password.pop_back();
  if (password.empty()) fail(where, path, file.string() + " does not begin with a password");
}

std::string quoted(const std::string& value) {
  YAML::Emitter out;
  out << YAML::DoubleQuoted << value;
  return out.c_str();
}

// "# " lines of at most 96 characters.
std::string comment(std::string_view text, const std::string& indent) {
  std::istringstream words{std::string(text)};
  std::string lines;
  std::string line = indent + "#";
  for (std::string word; words >> word;) {
    if (line.size() + 1 + word.size() > 96) {
      lines += line + "\n";
      line = indent + "#";
    }
    line += " " + word;
  }
  return lines + line + "\n";
}

}  // namespace

std::span<const Setting> settings() {
  return kSettings;
}

std::string environment_name(std::string_view path) {
  std::string name = "METADB_";
  for (const char c : path) {
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

Environment process_environment() {
  Environment found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable(*entry);
    const size_t equals = variable.find('=');
    if (!variable.starts_with("METADB_") || equals == std::string_view::npos) continue;
    found.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return found;
}

std::vector<std::string> unknown_variables(const Environment& environment) {
  std::vector<std::string> unknown;
  for (const auto& [name, value] : environment) {
    if (std::ranges::none_of(kSettings,
                             [&](const Setting& s) { return environment_name(s.path) == name; })) {
      unknown.push_back(name);
    }
  }
  return unknown;
}

Config load_config(const std::filesystem::path& file, const Environment& environment) {
  Loader loader;
  loader.read(file);
  loader.override_from(environment);
  loader.read_password_files(file.parent_path());
  loader.place_files(file.parent_path());
  loader.check_together();
  return loader.config();
}

Config config_from(const Environment& environment) {
  Loader loader;
  loader.override_from(environment);
  loader.read_password_files(std::filesystem::current_path());
  loader.place_files(std::filesystem::current_path());
  loader.check_together();
  return loader.config();
}

std::vector<std::string_view> fixed_differences(const Config& before, const Config& after) {
  std::vector<std::string_view> found;
  const auto compare = [&](std::string_view name, const auto& a, const auto& b) {
    if (a != b) found.push_back(name);
  };
  const DatabaseConfig& a = before.database;
  const DatabaseConfig& b = after.database;
  compare("listen_addresses", before.listen_addresses, after.listen_addresses);
  compare("port", before.port, after.port);
  compare("unix_socket_directory", before.unix_socket_directory, after.unix_socket_directory);
  compare("io_threads", before.io_threads, after.io_threads);
  compare("memory_limit_gib", before.memory_limit_bytes, after.memory_limit_bytes);
  compare(
      "database",
      std::tie(a.conninfo, a.system_user, a.system_password, a.superuser, a.superuser_password),
      std::tie(b.conninfo, b.system_user, b.system_password, b.superuser, b.superuser_password));
  compare("log.file", before.log_file, after.log_file);
  return found;
}

std::string annotated_yaml(const std::map<std::string, std::string>& values) {
  std::string text =
      "# Configuration of metadb. Read at start; unknown keys are errors. Each setting can also "
      "be\n"
      "# given in the environment, as METADB_ and its path in capitals: "
      "METADB_DATABASE_CONNINFO.\n";
  std::string section;
  for (const Setting& setting : kSettings) {
    const std::string path(setting.path);
    const size_t dot = path.find('.');
    const std::string parent = dot == std::string::npos ? "" : path.substr(0, dot);
    const std::string indent = parent.empty() ? "" : "  ";
    text += "\n";
    if (parent != section) {
      text += parent + ":\n";
      section = parent;
    }
    text += comment(setting.doc, indent);
    const std::string key = parent.empty() ? path : path.substr(dot + 1);
    const auto value = values.find(path);
    if (value != values.end()) {
      text += indent + key + ": " + quoted(value->second) + "\n";
    } else {
      text += indent + "# " + key + ":";
      if (!setting.initial.empty()) text += " " + std::string(setting.initial);
      text += "\n";
    }
  }
  return text;
}

}  // namespace metadb::server
