// What runs between the database and the clients: catalog, workers, commands, front end.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "ingest/workers.h"
#include "server/auto_endsync.h"
#include "server/command_pool.h"
#include "server/commands/command.h"
#include "server/config.h"
#include "server/database.h"
#include "server/listener.h"
#include "server/log_sink.h"
#include "server/maintenance.h"
#include "server/repository.h"

namespace metadb::server {

struct EngineOptions {
  Config config;
  DatabaseAccess database;
  std::string socket_directory;
  std::filesystem::path external_sql_directory;  // where repositories are fetched to
  std::optional<EmbeddedPeer> peer;              // of the private PostgreSQL
};

// The constructor brings everything up in order, stop() takes it down in reverse. Both belong to
// one thread. Throws catalog::Error if a part does not come up; the parts before it are stopped.
class Engine {
 public:
  explicit Engine(EngineOptions options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // New connections go by this configuration. Throws catalog::Error that names a certificate's file
  // if it cannot be read; nothing has changed then.
  void reload(const Config& config);
  // Says goodbye to clients, finishes the batches in hand.
  void stop();

  // As a reader would write them: "127.0.0.1:8550", "/dir/.s.PGSQL.8550".
  [[nodiscard]] std::vector<std::string> addresses() const;
  [[nodiscard]] uint16_t port() const { return front_end_->port(); }

 private:
  [[nodiscard]] FrontEndOptions front_end_options() const;
  [[nodiscard]] MaintenanceJobs maintenance_jobs();
  [[nodiscard]] FetchOptions fetch_options() const;

  EngineOptions options_;
  catalog::Catalog catalog_;
  std::unique_ptr<LogTable> log_table_;
  std::unique_ptr<ingest::Workers> workers_;
  std::unique_ptr<Maintenance> maintenance_;
  std::unique_ptr<CommandRunner> commands_;
  std::unique_ptr<AutoEndsync> auto_endsync_;
  std::unique_ptr<CommandPool> pool_;
  std::unique_ptr<FrontEnd> front_end_;
};

}  // namespace metadb::server
