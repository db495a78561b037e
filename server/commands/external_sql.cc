#include "catalog/external_sql.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "server/commands/listing.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::Error;
using catalog::ExternalSql;

using Problem = std::optional<std::string> (*)(std::string_view);

void check(const char* what, const ast::Text& text, Problem problem_of) {
  const auto problem = problem_of(text.text);
  if (!problem) return;
  throw Error("22023",
              fmt::format("invalid {}: \"{}\"", what, catalog::without_credentials(text.text)))
      .with_hint(*problem)
      .with_position(text.position);
}

// What `change` throws is about the name.
template <class Change>
void located(const ast::Name& name, const Change& change) {
  try {
    change();
  } catch (Error& error) {
    if (error.sqlstate.starts_with("42")) error.position = name.position;
    throw;
  }
}

std::optional<std::string> schema_problem(std::string_view name) {
  constexpr size_t kNameBytesMax = 63;
  if (!name.empty() && name.size() <= kNameBytesMax) return std::nullopt;
  return fmt::format("Expected is a name of at most {} bytes.", kNameBytesMax);
}

ExternalSql external_sql_of(const ast::CreateExternalSql& command, CommandContext& context) {
  check("URL", command.url, &catalog::url_problem);
  check("reference", command.ref, &catalog::ref_problem);
  check("path", command.path, &catalog::path_problem);
  check("schema", command.schema, &schema_problem);
  try {
    check_external_schema(*context.catalog().snapshot(), command.schema.text);
  } catch (Error& error) {
    error.position = command.schema.position;
    throw;
  }
  if (command.schedule) check("schedule", *command.schedule, &catalog::time_of_day_problem);
  return {
      command.name.text,   command.url.text,
      command.ref.text,    command.path.text,
      command.schema.text, command.schedule ? std::optional(command.schedule->text) : std::nullopt};
}

Error unknown_repository(const ast::Name& name) {
  return Error("42704", fmt::format("external SQL \"{}\" does not exist", name.text))
      .with_hint(catalog::is_fixed_external_sql(name.text)
                     ? fmt::format("ALTER SYSTEM SET external_sql_{} says which reference to run.",
                                   name.text)
                     : "")
      .with_position(name.position);
}

// Those that the command means.
std::vector<ExternalSql> meant(const ast::RunExternalSql& command, CommandContext& context) {
  auto all =
      catalog::load_external_sql(context.connection(), context.catalog().snapshot()->settings);
  if (!command.name) return all;
  std::erase_if(all, [&](const ExternalSql& each) { return each.name != command.name->text; });
  if (all.empty()) throw unknown_repository(*command.name);
  return all;
}

void tell_of_file(const ExternalSql& what, const FileProgress& progress, const Context& session) {
  const FileOutcome& outcome = progress.outcome;
  const std::string which =
      fmt::format("{} of {} of external SQL \"{}\"", progress.number, progress.count, what.name);
  if (!outcome.error) {
    session.notice({.message = fmt::format("file \"{}\" is done, {}", outcome.file, which)});
    return;
  }
  const std::string line =
      outcome.line > 0 ? fmt::format(", line {}", outcome.line) : std::string();
  session.notice(
      {.severity = "WARNING",
       .sqlstate = "01000",
       .message = fmt::format("file \"{}\"{}, {}, failed: {}", outcome.file, line, which,
                              outcome.error->message()),
       .detail = fmt::format("SQLSTATE {}{}{}", outcome.error->sqlstate,
                             outcome.error->detail.empty() ? "" : ": ", outcome.error->detail),
       .hint = outcome.error->hint});
}

// Nothing of it ran. Throws what stops the command as well.
void tell_of_failure(const ExternalSql& what, const Error& error, const Context& session) {
  session.check_stop();
  spdlog::error("external SQL {}: {}", what.name, described(error));
  session.notice(
      {.severity = "WARNING",
       .sqlstate = "01000",
       .message = fmt::format("external SQL \"{}\" was not run: {}", what.name, error.message()),
       .detail = fmt::format("SQLSTATE {}", error.sqlstate),
       .hint = error.hint});
}

}  // namespace

Reply run(const ast::CreateExternalSql& command, CommandContext& context) {
  require_administrator(context, ast::CreateExternalSql::kTag);
  const ExternalSql created = external_sql_of(command, context);
  catalog::Transaction transaction(context.connection());
  located(command.name, [&] { catalog::insert_external_sql(context.connection(), created); });
  transaction.commit();
  spdlog::info("external SQL {} created by {}", created.name, context.session().caller.user);
  context.wake_maintenance();
  return {};
}

Reply run(const ast::DropExternalSql& command, CommandContext& context) {
  require_administrator(context, ast::DropExternalSql::kTag);
  const std::string& name = command.name.text;
  if (catalog::is_fixed_external_sql(name)) {
    throw Error("42809", fmt::format("external SQL \"{}\" cannot be dropped", name))
        .with_hint(fmt::format("ALTER SYSTEM RESET external_sql_{} switches it off.", name))
        .with_position(command.name.position);
  }
  catalog::Transaction transaction(context.connection());
  std::string schema;
  located(command.name, [&] { schema = catalog::delete_external_sql(context.connection(), name); });
  transaction.commit();
  spdlog::info("external SQL {} dropped by {}", name, context.session().caller.user);
  context.session().notice(
      {.message = fmt::format("what it has made in schema \"{}\" is kept", schema)});
  context.wake_maintenance();
  return {};
}

// An error only where nothing ran: else each file, and each repository, has said how it went.
Reply run(const ast::RunExternalSql& command, CommandContext& context) {
  require_administrator(context, ast::RunExternalSql::kTag);
  const auto all = meant(command, context);
  const Context& session = context.session();
  if (all.empty()) session.notice({.message = "there is no external SQL to run"});
  size_t not_run = 0;
  for (const ExternalSql& what : all) {
    try {
      context.external_sql().run(what, session.stop(), [&](const FileProgress& progress) {
        tell_of_file(what, progress, session);
      });
    } catch (const Error& error) {
      if (all.size() == 1) {
        session.check_stop();
        spdlog::error("external SQL {}: {}", what.name, described(error));
        throw;
      }
      tell_of_failure(what, error, session);
      ++not_run;
    }
  }
  if (not_run > 0 && not_run == all.size()) {
    throw Error("58000", "no external SQL could be run").with_detail("The warnings say why not.");
  }
  return {};
}

std::vector<ColumnDescription> external_sql_columns() {
  return {text_column("name"),
          text_column("url"),
          text_column("ref"),
          text_column("path"),
          text_column("schema"),
          text_column("schedule"),
          timestamptz_column("next_run"),
          timestamptz_column("last_run"),
          text_column("last_result"),
          text_column("commit"),
          int8_column("files_run"),
          int8_column("files_failed")};
}

Rows external_sql_rows(CommandContext& context) {
  catalog::Connection& connection = context.connection();
  Rows rows;
  for (const ExternalSql& what :
       catalog::load_external_sql(connection, context.catalog().snapshot()->settings)) {
    const auto run = connection.exec(
        "SELECT CASE WHEN e.schedule IS NULL THEN (SELECT min(next_maintenance_time) FROM"
        " metadb.maintenance) ELSE e.next_run END,"
        " r.last_run, r.last_result, r.commit_id, r.files_run, r.files_failed"
        " FROM (VALUES (1)) AS one LEFT JOIN metadb.external_sql_run r ON r.name = $1"
        " LEFT JOIN metadb.external_sql e ON e.name = $1",
        {what.name});
    std::vector<std::optional<std::string>> row = {
        what.name,    catalog::without_credentials(what.url), what.ref, what.path, what.schema,
        what.schedule};
    for (int column = 0; column < run.columns(); ++column) {
      row.push_back(run.optional_text(0, column));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace metadb::server
