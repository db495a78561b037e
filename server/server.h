// The running server: everything that `metadb start` keeps alive.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "server/config.h"
#include "server/data_directory.h"
#include "server/database.h"
#include "server/embedded_postgres.h"
#include "server/engine.h"

namespace metadb::server {

// Owns the parts of the server and the order in which they start and stop.
//
// Holds the lock of the data directory from construction to destruction. run() belongs to one
// thread. Whatever start-up fails with ends run() with that error, after the parts that already ran
// were stopped.
class Server {
 public:
  // `read_config` gives the configuration as of now; it throws catalog::Error if that is wrong.
  // Throws catalog::Error 55006 if another server runs in `directory`.
  Server(std::function<Config()> read_config, DataDirectory directory);

  // Starts the parts, returns when `stop` was requested and all have stopped. Opens the log and
  // reads the configuration again each time the eventfd `reload_requested` becomes readable.
  void run(const std::stop_token& stop, int reload_requested);

 private:
  // false: stop was requested meanwhile.
  bool start_database(const std::stop_token& stop);
  void report_database() const;
  void start_engine();
  void announce(bool is_ready);
  // Waits for `stop`; a private PostgreSQL that ends by itself is started again, as often as it
  // takes.
  void watch(const std::stop_token& stop, int reload_requested);
  void restart_postgres(const std::stop_token& stop);
  void reload();

  std::function<Config()> read_config_;
  Config config_;
  DataDirectory directory_;
  ServerLock lock_;
  RunningServer status_;
  DatabaseAccess database_;
  std::unique_ptr<EmbeddedPostgres> postgres_;  // only without database.conninfo
  std::unique_ptr<Engine> engine_;
};

}  // namespace metadb::server
