// Ends the synchronization of data sources that leave that to the server: option endsync 'auto'.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <thread>

#include "catalog/catalog.h"
#include "ingest/workers.h"
#include "server/commands/command.h"

namespace metadb::server {

// Runs ENDSYNC DATA SOURCE, without FORCE, as the system user, once the snapshot of such a source
// is complete. Where the safety check is against it, says so and tries again later: the rows may
// come.
//
// Owner: Engine. What it is made of outlives it. The thread is its own; the destructor stops what
// runs.
class AutoEndsync {
 public:
  struct Parts {
    catalog::Catalog& catalog;
    ingest::Workers& workers;
    CommandRunner& commands;
  };
  explicit AutoEndsync(Parts parts);
  AutoEndsync(const AutoEndsync&) = delete;
  AutoEndsync& operator=(const AutoEndsync&) = delete;

  // Lets go of what it runs; the destructor waits for the end.
  void request_stop() { thread_.request_stop(); }

 private:
  using Clock = std::chrono::steady_clock;
  void run(const std::stop_token& stop);
  void end(const catalog::DataSource& source, const std::stop_token& stop);
  [[nodiscard]] bool is_due(const catalog::DataSource& source) const;

  Parts parts_;
  struct Refused {
    int64_t generation = 0;
    Clock::time_point not_before;
  };
  std::map<std::string, Refused> refused_;
  std::jthread thread_;
};

}  // namespace metadb::server
