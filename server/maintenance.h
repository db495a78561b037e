// Work that is done at a time of day.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "catalog/catalog.h"

namespace metadb::server {

// Runs on a connection of its own, as the system user, in UTC; what it runs there is cancelled when
// the token is. What it throws is logged, and the others run.
struct MaintenanceJob {
  std::string name;  // as the log says it: "log retention"
  std::function<void(catalog::Connection& connection, const std::stop_token& stop)> run;
};

struct MaintenanceJobs {
  std::vector<MaintenanceJob> daily;  // at the parameter maintenance_time, in this order
  // What has a time of its own: run whenever maintenance looks at the clock and something is due.
  std::vector<MaintenanceJob> timed;
  // When the earliest of them is, in seconds since 1970 UTC; nullopt: there is none.
  std::function<std::optional<int64_t>(catalog::Connection&)> next_timed;
};

// Daily jobs are due once metadb.maintenance.next_maintenance_time has passed; only when all of
// them ran is it set to the next maintenance_time. So a server that was down or stopped meanwhile
// makes up for it. An advisory lock keeps a second server from doing the same. Errors are logged
// and stand in metadb.maintenance.last_error.
//
// Owner: Engine. The catalog outlives it. The thread is its own; the destructor stops what runs.
class Maintenance {
 public:
  Maintenance(catalog::Catalog& catalog, MaintenanceJobs jobs);
  ~Maintenance();
  Maintenance(const Maintenance&) = delete;
  Maintenance& operator=(const Maintenance&) = delete;

  // Looks at parameters and times again. From any thread.
  void wake();
  // Lets go of what it runs; the destructor waits for the end.
  void request_stop() { thread_.request_stop(); }

 private:
  void run(const std::stop_token& stop);
  void wait(const std::stop_token& stop);
  void check(const std::stop_token& stop);
  void run_daily(const std::stop_token& stop);
  // What went wrong; empty: nothing.
  std::string run_job(const MaintenanceJob& job, const std::stop_token& stop);
  void look_ahead(catalog::Connection& connection);

  catalog::Catalog& catalog_;
  const MaintenanceJobs jobs_;
  std::chrono::system_clock::time_point due_{};  // when check() is called next; of the thread
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool is_woken_ = false;
  std::jthread thread_;
};

}  // namespace metadb::server
