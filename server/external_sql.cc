#include "server/external_sql.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "server/cancel_on_stop.h"

namespace metadb::server {
namespace {

using catalog::Connection;
using catalog::Error;
using catalog::ExternalSql;
using catalog::ExternalSqlRun;

// One run of a repository at a time: gone with the connection.
constexpr std::string_view kLock =
    "SELECT pg_catalog.pg_try_advisory_lock(1835361386, hashtext($1))";

// Sets next_run to the first time after now that the day has `schedule`, in UTC.
constexpr std::string_view kNextRun =
    "UPDATE metadb.external_sql AS e SET next_run = n.next FROM (SELECT name,"
    " CASE WHEN t > now() THEN t ELSE t + interval '1 day' END AS next FROM (SELECT name,"
    " (date_trunc('day', now() AT TIME ZONE 'UTC') + schedule::time) AT TIME ZONE 'UTC' AS t"
    " FROM metadb.external_sql WHERE schedule IS NOT NULL) AS today) AS n WHERE n.name = e.name";

std::optional<std::string> synchronizing_source(const catalog::Snapshot& snapshot) {
  for (const auto& [name, source] : snapshot.sources) {
    if (source.sync != catalog::SyncMode::none) return name;
  }
  return std::nullopt;
}

void refuse_while_synchronizing(const catalog::Snapshot& snapshot) {
  const auto source = synchronizing_source(snapshot);
  if (!source) return;
  throw Error("55000",
              fmt::format("external SQL is paused while data source \"{}\" synchronizes", *source))
      .with_hint("ENDSYNC DATA SOURCE ends the synchronization.");
}

void lock(Connection& control, const ExternalSql& what) {
  if (control.exec(std::string(kLock), {what.name}).boolean(0, 0)) return;
  throw Error("55006", fmt::format("external SQL \"{}\" is running already", what.name));
}

// The files run as the system user with the schema as their search path: what somebody else could
// put there would run as the system user, too.
void require_own_schema(Connection& control, const std::string& schema) {
  const catalog::Result own = control.exec(
      "SELECT n.nspowner = r.oid AND NOT EXISTS (SELECT FROM aclexplode(n.nspacl) x"
      " WHERE x.grantee <> n.nspowner AND x.privilege_type = 'CREATE')"
      " FROM pg_namespace n, pg_roles r WHERE n.nspname = $1 AND r.rolname = current_user",
      {schema});
  if (own.rows() > 0 && own.boolean(0, 0)) return;
  throw Error("42501", fmt::format("schema \"{}\" is not metadb's alone", schema))
      .with_detail("It belongs to another role, or other roles may create objects in it.")
      .with_hint("Give external SQL a schema of its own.");
}

std::chrono::seconds file_timeout(const catalog::Catalog& catalog) {
  return std::chrono::seconds(
      catalog::integer_setting(catalog.snapshot()->settings, "external_sql_timeout"));
}

}  // namespace

void check_external_schema(const catalog::Snapshot& snapshot, const std::string& schema) {
  const bool is_system =
      schema == "metadb" || schema == "information_schema" || schema.starts_with("pg_");
  if (is_system) {
    throw Error("42939", fmt::format("schema \"{}\" is the system's", schema));
  }
  for (const auto& [name, table] : snapshot.tables) {
    if (name.first != schema) continue;
    throw Error("42939", fmt::format("schema \"{}\" holds tables of data source \"{}\"", schema,
                                     table->source_name))
        .with_hint("Give the tables of external SQL a schema of their own.");
  }
}

ExternalSqlRun ExternalSqlRunner::run(const ExternalSql& what, const std::stop_token& stop,
                                      const std::function<void(const FileProgress&)>& tell) const {
  const auto snapshot = catalog_.snapshot();
  refuse_while_synchronizing(*snapshot);
  Connection control = catalog_.connect();
  if (control.server_version() >= 140000) control.exec("SET idle_session_timeout = 0");
  lock(control, what);
  ExternalSqlRun run{what.name, {}, {}, 0, 0};
  try {
    check_external_schema(*snapshot, what.schema);
    const Repository repository = fetch_repository({what.url, what.ref, what.path}, options_, stop);
    run.commit = repository.commit;
    control.exec("CREATE SCHEMA IF NOT EXISTS " + catalog::quote_identifier(what.schema));
    require_own_schema(control, what.schema);
    spdlog::info("external SQL {}: {} files of {} at {} ({})", what.name, repository.files.size(),
                 catalog::without_credentials(what.url), what.ref, run.commit);
    for (const RepositoryFile& file : repository.files) {
      check_stop(stop);
      FileOutcome outcome;
      if (file.problem.empty()) {
        outcome =
            run_file(catalog_, {file.name, file.text, what.schema, file_timeout(catalog_)}, stop);
      } else {
        outcome.file = file.name;
        outcome.error = Error("58P01", file.problem);
      }
      ++run.files_run;
      if (outcome.error) {
        ++run.files_failed;
        spdlog::warn("external SQL {}: {}", what.name, described(outcome));
      } else {
        spdlog::debug("external SQL {}: {} in {:.3f} s", what.name, described(outcome),
                      outcome.seconds);
      }
      tell({outcome, static_cast<size_t>(run.files_run), repository.files.size()});
    }
    run.result = run.files_failed == 0
                     ? "ok"
                     : fmt::format("{} of {} files failed", run.files_failed, run.files_run);
    spdlog::info("external SQL {}: {} files run, {} failed", what.name, run.files_run,
                 run.files_failed);
  } catch (const Error& error) {
    run.result = described(error);
    catalog::record_external_sql_run(control, run);
    throw;
  }
  catalog::record_external_sql_run(control, run);
  return run;
}

// Throws one Error for all that could not be run, when all had their turn.
void ExternalSqlRunner::run_all(const std::vector<ExternalSql>& all, const std::stop_token& stop,
                                const std::function<void(const ExternalSql&)>& done) const {
  std::string errors;
  for (const ExternalSql& what : all) {
    if (const auto source = synchronizing_source(*catalog_.snapshot())) {
      spdlog::info("external SQL {} is paused: data source {} synchronizes", what.name, *source);
    } else {
      try {
        run(what, stop, [](const FileProgress&) {});
      } catch (const Error& error) {
        check_stop(stop);
        errors += fmt::format("{}{}: {}", errors.empty() ? "" : "\n", what.name, described(error));
      }
    }
    done(what);
  }
  if (!errors.empty()) throw Error("58000", errors);
}

void ExternalSqlRunner::run_daily(Connection& connection, const std::stop_token& stop) const {
  auto all = catalog::load_external_sql(connection, catalog_.snapshot()->settings);
  std::erase_if(all, [](const ExternalSql& what) { return what.schedule.has_value(); });
  run_all(all, stop, [](const ExternalSql&) {});
}

// As with the maintenance time: a time in the future follows the schedule, one that has passed
// stays until the work is done.
void ExternalSqlRunner::run_scheduled(Connection& connection, const std::stop_token& stop) const {
  connection.exec(fmt::format(
      "{} AND (e.next_run IS NULL OR (e.next_run > now() AND e.next_run <> n.next))", kNextRun));
  const auto due = connection.exec(
      "SELECT name FROM metadb.external_sql WHERE schedule IS NOT NULL AND next_run <= now()"
      " ORDER BY next_run, name");
  if (due.rows() == 0) return;
  std::vector<ExternalSql> all;
  for (const ExternalSql& what : catalog::load_external_sql(connection, {})) {
    for (int row = 0; row < due.rows(); ++row) {
      if (due.text(row, 0) == what.name) all.push_back(what);
    }
  }
  run_all(all, stop, [&](const ExternalSql& what) {
    // It may have taken hours.
    catalog_.connect().exec(fmt::format("{} AND e.name = $1", kNextRun), {what.name});
  });
}

std::optional<int64_t> ExternalSqlRunner::next_scheduled(Connection& connection) {
  const auto next = connection.exec(
      "SELECT extract(epoch FROM min(next_run))::bigint FROM metadb.external_sql"
      " WHERE schedule IS NOT NULL");
  if (next.is_null(0, 0)) return std::nullopt;
  return next.int64(0, 0);
}

}  // namespace metadb::server
