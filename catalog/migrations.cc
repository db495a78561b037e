#include "catalog/migrations.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace metadb::catalog {
namespace {

// Any fixed number does: it keeps two servers from migrating at once.
constexpr std::string_view kMigrationLock = "SELECT pg_advisory_xact_lock(1835361384, 1)";

int installed_version(Connection& connection) {
  if (connection.exec("SELECT to_regclass('metadb.init')").is_null(0, 0)) return 0;
  const Result version = connection.exec("SELECT max(dbversion) FROM metadb.init");
  return version.is_null(0, 0) ? 0 : static_cast<int>(version.int64(0, 0));
}

void refuse_foreign(int installed, int newest) {
  if (installed > newest) {
    throw Error(
        "55000",
        fmt::format("the schema \"metadb\" has version {}, this program knows only up to {}",
                    installed, newest))
        .with_hint("Start the newer metadb that wrote it.");
  }
  if (installed > 0 && installed <= kFirstDbVersion) {
    throw Error(
        "55000",
        fmt::format("the schema \"metadb\" belongs to another Metadb (dbversion {})", installed))
        .with_hint("Adoption of such a database is not implemented yet; choose another database.");
  }
}

}  // namespace

void migrate(Connection& connection) {
  if (connection.server_version() < kOldestServerVersion) {
    throw Error("0A000", fmt::format("PostgreSQL {} is too old: metadb needs 13 or newer",
                                     connection.server_version() / 10000));
  }
  const std::vector<Migration> steps = migrations();
  const int newest = kFirstDbVersion + steps.back().number;
  Transaction transaction(connection);
  connection.exec(std::string(kMigrationLock));
  const int installed = installed_version(connection);
  refuse_foreign(installed, newest);
  if (installed == newest) return;
  if (installed == 0) {
    connection.exec("CREATE SCHEMA IF NOT EXISTS metadb");
    connection.exec("CREATE TABLE metadb.init (dbversion bigint NOT NULL)");
  }
  for (const Migration& step : steps) {
    if (kFirstDbVersion + step.number <= installed) continue;
    connection.exec(step.sql);
    spdlog::info("catalog migration {} applied", step.name);
  }
  connection.exec("DELETE FROM metadb.init");
  connection.exec("INSERT INTO metadb.init (dbversion) VALUES ($1)", {std::to_string(newest)});
  transaction.commit();
}

}  // namespace metadb::catalog
