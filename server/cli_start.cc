#include <spdlog/spdlog.h>

#include <csignal>

#include "catalog/error.h"
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

}  // namespace

int start(const StartOptions& options) {
  const DataDirectory directory = DataDirectory::open(options.directory);
  const Config config = effective_config(options, directory);
  start_logging(config.log_file, config.log_level);
  for (const std::string& name : unknown_variables(process_environment())) {
    spdlog::warn("no setting is called {}; it is not used", name);
  }
  drop_privileges(owner_account());
  const StopSignals signals(StopSignals::Hangup::reloads);
  std::signal(SIGPIPE, SIG_IGN);
  Server server([&] { return effective_config(options, directory); }, directory);
  try {
    server.run(signals.token(), signals.reload_requested());
  } catch (const catalog::Error& error) {
    // To the log as well: standard error may lead nowhere.
    if (!config.log_file.empty()) spdlog::critical("{}", error.message());
    throw;
  }
  return 0;
}

}  // namespace metadb::server
