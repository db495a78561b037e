#include <spdlog/spdlog.h>

#include <csignal>
#include <exception>

#include "server/cli.h"
#include "server/config.h"
#include "server/data_directory.h"
#include "server/logging.h"
#include "server/server.h"
#include "server/stop_signals.h"

namespace metadb::server {
namespace {

Config effective_config(const StartOptions& options, const DataDirectory& directory) {
  Config config = load_config(directory.configuration(), process_environment());
  if (!config.log_file.empty()) config.log_file = directory.path() / config.log_file;
  if (options.log) config.log_file = *options.log;
  if (options.port) config.port = *options.port;
  if (!options.listen_addresses.empty()) config.listen_addresses = options.listen_addresses;
  if (options.is_debug) config.log_level = "debug";
  if (options.memory_limit_gib) {
    config.memory_limit_bytes =
        static_cast<int64_t>(*options.memory_limit_gib * static_cast<double>(int64_t{1} << 30));
  }
  return config;
}

void serve(const StartOptions& options, const DataDirectory& directory, const Config& config) {
  for (const std::string& name : unknown_variables(process_environment())) {
    spdlog::warn("no setting is called {}; it is not used", name);
  }
  const auto problem = account_problem();
  if (problem && !config.database.conninfo.empty()) {
    spdlog::warn("{}{}", *problem, kGoesOnAsCaller);
  }
  const StopSignals signals(StopSignals::Hangup::reloads);
  std::signal(SIGPIPE, SIG_IGN);
  Server server([&] { return effective_config(options, directory); }, directory);
  server.run(signals.token(), signals.reload_requested());
}

}  // namespace

// metadb.yaml belongs to the account that serves, and names files: as root, reading it and what it
// names would let that account read and write what is root's. Only a file of the command line is
// opened before.
int start(const StartOptions& options) {
  const DataDirectory directory = DataDirectory::open(options.directory);
  if (options.log) start_logging(*options.log, Config().log_level);
  drop_privileges(owner_account());
  bool has_log_file = options.log.has_value();
  try {
    const Config config = effective_config(options, directory);
    if (options.log) {
      set_log_level(config.log_level);
    } else {
      start_logging(config.log_file, config.log_level);
      has_log_file = !config.log_file.empty();
    }
    serve(options, directory, config);
  } catch (const std::exception& error) {
    // To the log as well: standard error may lead nowhere.
    if (has_log_file) spdlog::critical("{}", error.what());
    throw;
  }
  return 0;
}

}  // namespace metadb::server
