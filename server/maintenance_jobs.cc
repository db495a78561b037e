#include "server/maintenance_jobs.h"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <chrono>

#include "catalog/log_partitions.h"
#include "server/cancel_on_stop.h"

namespace metadb::server {

void keep_log(const catalog::Catalog& catalog, catalog::Connection& connection) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  catalog::create_log_partitions_ahead(
      connection, std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  const auto snapshot = catalog.snapshot();
  const std::string& retention = snapshot->settings.find("log_retention")->second;
  if (retention == catalog::kForever) return;
  const auto dropped = catalog::drop_old_log_partitions(connection, retention);
  if (!dropped.empty()) {
    spdlog::info("months of the log older than {} dropped: {}", retention,
                 fmt::join(dropped, ", "));
  }
}

void analyze_parents(const catalog::Catalog& catalog, catalog::Connection& connection,
                     const std::stop_token& stop) {
  const auto snapshot = catalog.snapshot();
  size_t analyzed = 0;
  for (const auto& [name, table] : snapshot->tables) {
    check_stop(stop);
    try {
      connection.exec("ANALYZE " + table->main());
      ++analyzed;
    } catch (const catalog::Error& error) {
      if (!connection.is_ok() || stop.stop_requested()) throw;
      spdlog::warn("maintenance: table {} was not analyzed: {}", table->main(), described(error));
    }
  }
  spdlog::info("maintenance: {} of {} main tables analyzed", analyzed, snapshot->tables.size());
}

}  // namespace metadb::server
