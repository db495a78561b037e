// External SQL: a repository fetched, its files run.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/external_sql.h"
#include "server/external_sql_session.h"
#include "server/repository.h"

namespace metadb::server {

// How far a run is.
struct FileProgress {
  const FileOutcome& outcome;
  size_t number = 0;  // of count, from 1
  size_t count = 0;
};

// Thread-safe: each method works with connections of its own. The catalog outlives it.
class ExternalSqlRunner {
 public:
  ExternalSqlRunner(catalog::Catalog& catalog, FetchOptions options)
      : catalog_(catalog), options_(std::move(options)) {}

  // Fetches and runs one, file after file, whatever becomes of each; what came of it is logged and
  // kept. `tell` hears of each file. Throws catalog::Error: 55000 while a data source synchronizes,
  // 55006 if it runs already, here or in another server, 57014 if `stop` is requested, 42939 if the
  // schema is not for it, and what fetch_repository() throws.
  catalog::ExternalSqlRun run(const catalog::ExternalSql& what, const std::stop_token& stop,
                              const std::function<void(const FileProgress&)>& tell) const;

  // For maintenance. Those without a schedule of their own.
  void run_daily(catalog::Connection& connection, const std::stop_token& stop) const;
  // Those whose own time has come.
  void run_scheduled(catalog::Connection& connection, const std::stop_token& stop) const;
  // When the next of these is, in seconds since 1970 UTC.
  static std::optional<int64_t> next_scheduled(catalog::Connection& connection);

 private:
  void run_all(const std::vector<catalog::ExternalSql>& all, const std::stop_token& stop,
               const std::function<void(const catalog::ExternalSql&)>& done) const;

  catalog::Catalog& catalog_;
  const FetchOptions options_;
};

// Throws catalog::Error 42939 if files may not make tables in this schema: one of the system's, or
// one that holds tables of data sources.
void check_external_schema(const catalog::Snapshot& snapshot, const std::string& schema);

}  // namespace metadb::server
