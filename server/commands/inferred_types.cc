#include "server/commands/inferred_types.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "catalog/dependents.h"
#include "catalog/inference.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"
#include "server/commands/table_work.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::Column;
using catalog::Error;
using catalog::Table;
using catalog::TableName;

std::optional<Table> load(CommandContext& context, const TableName& name) {
  std::vector<Table> found = catalog::load_tables(context.connection(), name);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

void tell(CommandContext& context, const Table& table, const std::vector<Column>& columns) {
  for (const Column& column : columns) {
    spdlog::info("column {} of {} is of type uuid now: refreshed by {}", column.name, table.main(),
                 context.session().caller.user);
    context.session().notice(
        {.message = fmt::format("column \"{}\" of table {} is of type uuid now", column.name,
                                table.main())});
  }
}

// One table that can't be changed keeps no other from it.
void warn(CommandContext& context, const Table& table, const std::vector<Column>& columns,
          const Error& error) {
  std::string views;
  for (const Column& column : columns) {
    const std::string of_column = catalog::views_on(context.connection(), table, column.name);
    if (!of_column.empty()) views += (views.empty() ? "" : ", ") + of_column;
  }
  context.session().notice(
      {.severity = "WARNING",
       .sqlstate = error.sqlstate,
       .message = fmt::format("columns of table {} remain text: {}", table.main(), error.message()),
       .detail = error.detail,
       .hint = views.empty() ? error.hint : fmt::format("Columns are used by {}.", views)});
}

bool is_gone(const Error& error) {
  return error.sqlstate == "42P01" || error.sqlstate == "42703";
}

// The others go on. What was purged has no columns to refresh; what somebody dropped by other means
// is told.
void pass_over(CommandContext& context, const Table& table, const Error& error) {
  const auto managed = load(context, TableName(table.schema, table.current_name));
  if (managed) warn(context, *managed, {}, error);
}

// No lock is held yet: a table that is purged meanwhile, or whose column is dropped, has none.
std::vector<Column> candidates(CommandContext& context, const TableName& name) {
  std::vector<Column> out;
  const auto table = load(context, name);
  if (!table) return out;
  try {
    in_patient_transaction(context, {*table},
                           [&] { out = catalog::inferred_uuids(context.connection(), *table); });
  } catch (const Error& error) {
    if (!is_gone(error)) throw;
    pass_over(context, *table, error);
    return {};
  }
  return out;
}

// Looks first, and again once nobody writes: most tables have nothing to change, and their ingest
// is not held up for it.
void refresh(CommandContext& context, const TableName& name) {
  if (candidates(context, name).empty()) return;
  const catalog::StreamLock lock = hold_streams(context, {name});
  const auto table = load(context, name);
  if (!table) return;
  std::vector<Column> columns;
  Table changed;
  try {
    in_patient_transaction(context, {*table}, [&] {
      columns = catalog::inferred_uuids(context.connection(), *table);
      if (columns.empty()) return;
      catalog::change_types(context.connection(), *table, columns);
      catalog::revise(context.connection(), *table);
      changed = catalog::load_tables(context.connection(), name).at(0);
    });
  } catch (const Error& error) {
    if (is_gone(error)) return pass_over(context, *table, error);
    if (error.sqlstate != "0A000" && error.sqlstate != "42501") throw;
    warn(context, *table, columns, error);
    return;
  }
  if (columns.empty()) return;
  publish(context, changed);
  tell(context, *table, columns);
}

}  // namespace

void refresh_inferred_types(CommandContext& context, const std::string& source_name) {
  const auto snapshot = context.catalog().snapshot();
  for (const auto& [name, table] : snapshot->tables) {
    if (!source_name.empty() && table->source_name != source_name) continue;
    context.session().check_stop();
    refresh(context, name);
  }
}

Reply run(const ast::RefreshInferredColumnTypes& /*command*/, CommandContext& context) {
  require_administrator(context, ast::RefreshInferredColumnTypes::kTag);
  refresh_inferred_types(context);
  return {};
}

}  // namespace metadb::server
