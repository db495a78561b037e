#include "server/external_sql_session.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "server/cancel_on_stop.h"
#include "server/external_sql_access.h"
#include "server/external_sql_file.h"
#include "server/external_sql_require.h"

namespace metadb::server {
namespace {

using catalog::Connection;
using catalog::Error;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class FileRun {
 public:
  FileRun(catalog::Catalog& catalog, const ExternalSqlFile& file, const std::stop_token& stop)
      : catalog_(catalog),
        file_(file),
        stop_(stop),
        connection_(catalog.connect()),
        cancel_(connection_, stop) {}

  // Throws Error; line() then says where.
  void run() {
    const ExternalFile parsed = parse_external_file(file_.text);
    connection_.exec("SET application_name = 'metadb external SQL'");
    for (const std::string& directive : parsed.unknown_directives) {
      spdlog::warn("external SQL: file {}: an unknown directive is passed over: {}", file_.name,
                   directive);
    }
    for (const RequiredColumn& required : parsed.required) {
      line_ = required.line;
      check_stop(stop_);
      require_column(catalog_, connection_, required);
    }
    before_ = granted_access(connection_, file_.schema);
    catalog::Transaction transaction(connection_);
    transaction_ = current_transaction();
    connection_.exec("SET LOCAL search_path = " + catalog::quote_identifier(file_.schema));
    for (const ExternalStatement& statement : parsed.statements) run(statement);
    line_ = 0;
    bound_time();
    connection_.exec("SET LOCAL search_path = pg_catalog");
    restore_access(connection_, before_);
    if (parsed.table) tell_update(*parsed.table);
    grant_durable_access(connection_, before_);
    transaction.commit();
  }

  // After run() has failed. A file that commits, which nothing can forbid it, leaves what it has
  // done by then: those who had access have it still. True: it has.
  bool keep_access_of_what_it_left() {
    if (transaction_.empty()) return false;
    Connection connection = catalog_.connect();
    catalog::Transaction transaction(connection);
    restore_access(connection, before_);
    grant_durable_access(connection, before_);
    const bool is_committed =
        connection.exec("SELECT pg_catalog.pg_xact_status($1::xid8) = 'committed'", {transaction_})
            .boolean(0, 0);
    transaction.commit();
    return is_committed;
  }
  [[nodiscard]] int line() const { return line_; }

 private:
  void run(const ExternalStatement& statement) {
    line_ = statement.line;
    check_stop(stop_);
    bound_time();
    connection_.exec(statement.sql);
    // One that has begun another is in one.
    if (!connection_.in_transaction() || current_transaction() != transaction_) {
      throw Error("2D000", "the statement ended the transaction of its file");
    }
  }

  std::string current_transaction() {
    return std::string(connection_.exec("SELECT pg_catalog.pg_current_xact_id()::text").text(0, 0));
  }

  // What is left of the file's time is the next statement's.
  void bound_time() {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(began_ + file_.timeout - Clock::now());
    if (left.count() <= 0) throw Error("57014", "canceling statement due to statement timeout");
    connection_.exec(fmt::format("SET LOCAL statement_timeout = {}", left.count()));
  }

  void tell_update(const std::string& table) {
    connection_.exec(
        "INSERT INTO metadb.table_update (schema_name, table_name, last_update, elapsed_real_time)"
        " VALUES ($1, $2, clock_timestamp(), $3) ON CONFLICT (schema_name, table_name) DO UPDATE "
        "SET"
        " last_update = excluded.last_update, elapsed_real_time = excluded.elapsed_real_time",
        {file_.schema, table, fmt::format("{:.3f}", seconds_since(began_))});
  }

  catalog::Catalog& catalog_;
  const ExternalSqlFile& file_;
  const std::stop_token& stop_;
  const Clock::time_point began_ = Clock::now();
  Connection connection_;
  CancelOnStop cancel_;
  GrantedAccess before_;
  std::string transaction_;  // the file's; empty: it has not begun
  int line_ = 0;
};

void tell_what_it_left(FileRun& run, FileOutcome& outcome) {
  try {
    if (run.keep_access_of_what_it_left() && outcome.error->detail.empty()) {
      outcome.error->detail = "What it had done by then is committed.";
    }
  } catch (const Error& error) {
    spdlog::error("external SQL: file {} failed, and the access to what it has left: {}",
                  outcome.file, catalog::described(error));
  }
}

}  // namespace

FileOutcome run_file(catalog::Catalog& catalog, const ExternalSqlFile& file,
                     const std::stop_token& stop) {
  FileOutcome outcome;
  outcome.file = file.name;
  const auto began = Clock::now();
  std::optional<FileRun> run;
  try {
    run.emplace(catalog, file, stop);
    run->run();
  } catch (const Error& error) {
    outcome.error = error;
    outcome.line = run ? run->line() : 0;
    if (run) tell_what_it_left(*run, outcome);
    check_stop(stop);
    const bool is_late = Clock::now() - began >= file.timeout;
    if (error.sqlstate == "57014" && is_late) {
      outcome.error =
          Error("57014", fmt::format("the file took longer than {} s", file.timeout.count()))
              .with_hint("Parameter external_sql_timeout sets how long it may take.");
    }
  }
  outcome.seconds = seconds_since(began);
  return outcome;
}

std::string described(const FileOutcome& outcome) {
  const std::string where = outcome.line > 0
                                ? fmt::format("file \"{}\", line {}", outcome.file, outcome.line)
                                : fmt::format("file \"{}\"", outcome.file);
  if (!outcome.error) return where + " is done";
  return fmt::format("{}: {}", where, catalog::described(*outcome.error));
}

}  // namespace metadb::server
