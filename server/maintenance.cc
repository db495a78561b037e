#include "server/maintenance.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "server/cancel_on_stop.h"

namespace metadb::server {
namespace {

using catalog::Connection;
using catalog::Error;
using std::chrono::system_clock;

// The clock of the system may be set: it is looked at this often.
constexpr std::chrono::seconds kLook{60};
constexpr std::string_view kMaintenanceLock = "SELECT pg_try_advisory_lock(1835361384, 4)";
constexpr std::string_view kSession =
    "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET search_path = pg_catalog; "
    "SET lock_timeout = '5s'; SET statement_timeout = 0; SET application_name = 'metadb "
    "maintenance'";

// The first time after now that the day has $1.
constexpr std::string_view kNext =
    "(SELECT CASE WHEN t > now() THEN t ELSE t + interval '1 day' END"
    " FROM (SELECT date_trunc('day', now()) + $1::time AS t) AS today)";

Connection connect(const catalog::Catalog& catalog) {
  Connection connection = catalog.connect();
  connection.exec(std::string(kSession));
  if (connection.server_version() >= 140000) connection.exec("SET idle_session_timeout = 0");
  return connection;
}

// A time in the future follows the parameter; one that has passed stays until its work is done.
bool is_due(Connection& connection, const std::string& time) {
  connection.exec(
      "INSERT INTO metadb.maintenance (next_maintenance_time) SELECT NULL WHERE NOT EXISTS"
      " (SELECT FROM metadb.maintenance)");
  connection.exec(fmt::format("UPDATE metadb.maintenance SET next_maintenance_time = {0} WHERE "
                              "next_maintenance_time IS NULL OR (next_maintenance_time > now() AND "
                              "next_maintenance_time <> {0})",
                              kNext),
                  {time});
  return connection.exec("SELECT bool_or(next_maintenance_time <= now()) FROM metadb.maintenance")
      .boolean(0, 0);
}

}  // namespace

Maintenance::Maintenance(catalog::Catalog& catalog, MaintenanceJobs jobs)
    : catalog_(catalog),
      jobs_(std::move(jobs)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Maintenance::~Maintenance() = default;

void Maintenance::wake() {
  const std::scoped_lock lock(mutex_);
  is_woken_ = true;
  wake_.notify_all();
}

void Maintenance::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try {
      check(stop);
    } catch (const std::exception& error) {
      due_ = system_clock::now() + kLook;
      if (stop.stop_requested()) return;
      const auto* known = dynamic_cast<const Error*>(&error);
      spdlog::error("maintenance: {}", known == nullptr ? error.what() : described(*known));
    }
    wait(stop);
  }
}

void Maintenance::wait(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested() && !is_woken_) {
    const auto now = system_clock::now();
    if (due_ <= now) break;
    const auto patience = std::min<system_clock::duration>(due_ - now, kLook);
    wake_.wait_for(lock, stop, patience, [this] { return is_woken_; });
  }
  is_woken_ = false;
}

void Maintenance::check(const std::stop_token& stop) {
  Connection connection = connect(catalog_);
  const CancelOnStop cancel(connection, stop);
  due_ = system_clock::now() + kLook;
  if (!connection.exec(std::string(kMaintenanceLock)).boolean(0, 0))
    return;  // another server is at it
  const std::string time = catalog_.snapshot()->settings.find("maintenance_time")->second;
  if (is_due(connection, time)) run_daily(stop);
  bool is_well = true;
  for (const MaintenanceJob& job : jobs_.timed) {
    if (!stop.stop_requested()) is_well = run_job(job, stop).empty() && is_well;
  }
  // What failed may be due still: not at once.
  if (is_well) look_ahead(connection);
}

// Stopped in the middle, it is made up for at the next start.
void Maintenance::run_daily(const std::stop_token& stop) {
  spdlog::info("maintenance begins");
  std::string errors;
  for (const MaintenanceJob& job : jobs_.daily) {
    const std::string error = run_job(job, stop);
    if (stop.stop_requested()) return;
    if (!error.empty())
      errors += fmt::format("{}{}: {}", errors.empty() ? "" : "\n", job.name, error);
  }
  // The jobs may have taken hours, in which the other connection was idle.
  Connection fresh = connect(catalog_);
  fresh.exec(
      fmt::format("UPDATE metadb.maintenance SET last_run = now(), last_error = nullif($2, ''), "
                  "next_maintenance_time = {}",
                  kNext),
      {catalog_.snapshot()->settings.find("maintenance_time")->second, errors});
  spdlog::info("maintenance ends");
}

std::string Maintenance::run_job(const MaintenanceJob& job, const std::stop_token& stop) {
  std::string trouble;
  try {
    Connection connection = connect(catalog_);
    const CancelOnStop cancel(connection, stop);
    check_stop(stop);
    job.run(connection, stop);
  } catch (const Error& error) {
    trouble = described(error);
  } catch (const std::exception& error) {
    trouble = error.what();
  }
  if (!trouble.empty() && !stop.stop_requested()) {
    spdlog::error("maintenance: {}: {}", job.name, trouble);
  }
  return trouble;
}

void Maintenance::look_ahead(Connection& connection) {
  int64_t next = connection
                     .exec(
                         "SELECT coalesce(min(extract(epoch FROM next_maintenance_time)::bigint),"
                         " 0) FROM metadb.maintenance")
                     .int64(0, 0);
  if (jobs_.next_timed) {
    const auto timed = jobs_.next_timed(connection);
    if (timed) next = std::min(next, *timed);
  }
  // A whole second later, for the fraction that is cut off; never at once.
  due_ = std::max(system_clock::time_point(std::chrono::seconds(next + 1)),
                  system_clock::now() + std::chrono::seconds(1));
}

}  // namespace metadb::server
