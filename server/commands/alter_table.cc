#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

#include "catalog/dependents.h"
#include "catalog/inference.h"
#include "catalog/scalar_type.h"
#include "catalog/table_indexes.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"
#include "server/commands/table_work.h"
#include "server/commands/waiting.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::Column;
using catalog::Error;
using catalog::Table;

constexpr std::array<std::string_view, 5> kOurColumns = {"__id", "__start", "__end", "__current",
                                                         "__origin"};

bool is_ours(const std::string& column) {
  return std::ranges::find(kOurColumns, column) != kOurColumns.end();
}

catalog::ScalarType scalar_type(CommandContext& context, const ast::TypeName& type) {
  try {
    catalog::ScalarType found = catalog::scalar_type(context.connection(), type.sql);
    if (found.had_modifier) {
      context.session().notice(
          {.message = fmt::format("the modifier of type {} is not carried", type.sql),
           .detail = fmt::format("The column is of type {}: its values are those of the source.",
                                 found.name)});
    }
    return found;
  } catch (Error& error) {
    error.position = type.position;
    throw;
  }
}

// The change itself, of a table that ingest and other commands stay away from. What it commits is
// known to everybody when it returns.
Table change(CommandContext& context, const Table& table, const std::function<void()>& ddl) {
  Table changed;
  in_patient_transaction(context, {table}, [&] {
    ddl();
    catalog::revise(context.connection(), table);
    changed = catalog::load_tables(context.connection(),
                                   catalog::TableName(table.schema, table.current_name))
                  .at(0);
  });
  publish(context, changed);
  return changed;
}

// False: readers have not let it, though it was asked for several times.
bool is_taken_back(catalog::Connection& connection, CommandContext& context, const Table& table,
                   const Column& column) {
  constexpr int kTries = 3;
  for (int number = 1; number <= kTries; ++number) {
    try {
      catalog::Transaction transaction(connection);
      connection.exec("SET LOCAL lock_timeout = '300ms'");
      catalog::drop_column(connection, table, column);
      catalog::revise(connection, table);
      const Table left =
          catalog::load_tables(connection, catalog::TableName(table.schema, table.current_name))
              .at(0);
      transaction.commit();
      publish(context, left);
      return true;
    } catch (const Error& error) {
      if (error.sqlstate != "55P03" && error.sqlstate != "40P01") throw;
    }
  }
  return false;
}

// A column without its index is no state to end in: it goes again, or else, where readers hold the
// table, it gets its index, for which nobody has to be waited for. On a connection that no cancel
// request reaches. REQUIRES: the stream lock of the table.
void leave_no_half(CommandContext& context, const Table& table, const Column& column) {
  const std::string name = fmt::format("column \"{}\" of table {}", column.name, table.main());
  try {
    catalog::Connection connection = context.catalog().connect();
    if (is_taken_back(connection, context, table, column)) return;
    catalog::Transaction transaction(connection);
    catalog::index_uuid_column(connection, table, column);
    transaction.commit();
    context.session().notice({.message = name + " stays: readers kept it from being taken back"});
  } catch (const Error& error) {
    spdlog::error("{} is without its index: {}", name, described(error));
    context.session().notice(
        {.severity = "WARNING",
         .sqlstate = "01000",
         .message = fmt::format("{} stays without its index: {}", name, error.message()),
         .hint = "ALTER TABLE ... ALTER COLUMN ... TYPE uuid makes the index."});
  }
}

// Apart from the column, since an index that is being built keeps nobody from reading, and a
// column that is being added everybody.
void index_added(CommandContext& context, const Table& table, const Column& column) {
  try {
    in_patient_transaction(
        context, {table}, [&] { catalog::index_uuid_column(context.connection(), table, column); });
  } catch (const Error&) {
    leave_no_half(context, table, column);
    throw;
  }
}

// Whether rows whose keys differ may have one key now.
bool may_join_keys(const Table& table, const Column& from, const Column& to) {
  if (std::ranges::find(table.key_columns, from.name) == table.key_columns.end()) return false;
  return !from.type || !to.type || catalog::widened(*to.type, *from.type) != *to.type;
}

// Says which value it was, or which views.
[[noreturn]] void explain(CommandContext& context, const Table& table, const Column& to,
                          Error error) {
  if (error.sqlstate == "0A000") {
    const std::string views = catalog::views_on(context.connection(), table, to.name);
    if (!views.empty()) {
      error.hint = fmt::format(
          "The column is used by {}: drop what uses it, alter the column, and make it again.",
          views);
      throw Error(error);
    }
  }
  if (catalog::may_be_of_value(error)) {
    const Waiting waiting(context.session(), context.connection());
    const catalog::Transaction transaction(context.connection());
    if (auto failure = catalog::first_cast_failure(context.connection(), table, to)) {
      failure->error.detail = failure->row;
      throw Error(failure->error);
    }
  }
  throw Error(error);
}

}  // namespace

Reply run(const ast::AlterTableAddColumn& command, CommandContext& context) {
  require_administrator(context, ast::AlterTableAddColumn::kTag);
  const catalog::ScalarType type = scalar_type(context, command.type);
  const catalog::StreamLock lock = hold_streams(context, {managed_name(command.table)});
  const Table table = load_managed(context, command.table);
  const Column added{command.column.text, type.name, type.type, catalog::TypeChoice::by_hand};
  if (is_ours(added.name) || table.column(added.name) != nullptr) {
    throw Error("42701", fmt::format("column \"{}\" of relation \"{}\" already exists", added.name,
                                     table.main_name))
        .with_position(command.column.position);
  }
  const Table changed =
      change(context, table, [&] { catalog::add_column(context.connection(), table, added); });
  index_added(context, changed, added);
  spdlog::info("column {} {} added to {} by {}", added.name, added.type_name, table.main(),
               context.session().caller.user);
  return {};
}

Reply run(const ast::AlterTableAlterColumnType& command, CommandContext& context) {
  require_administrator(context, ast::AlterTableAlterColumnType::kTag);
  const catalog::ScalarType type = scalar_type(context, command.type);
  const catalog::StreamLock lock = hold_streams(context, {managed_name(command.table)});
  const Table table = load_managed(context, command.table);
  const std::string& name = command.column.text;
  if (is_ours(name)) {
    throw Error("0A000",
                fmt::format("cannot alter type of column \"{}\": it is metadb's own", name))
        .with_position(command.column.position);
  }
  const Column* column = table.column(name);
  if (column == nullptr) {
    throw Error("42703", fmt::format("column \"{}\" of relation \"{}\" does not exist", name,
                                     table.main_name))
        .with_position(command.column.position);
  }
  const Column to{name, type.name, type.type, catalog::TypeChoice::by_hand};
  try {
    change(context, table, [&] {
      catalog::change_types(context.connection(), table, {to});
      if (may_join_keys(table, *column, to))
        catalog::record_key_change(context.connection(), table);
    });
  } catch (const Error& error) {
    explain(context, table, to, error);
  }
  spdlog::info("column {} of {} altered from {} to {} by {}", name, table.main(), column->type_name,
               to.type_name, context.session().caller.user);
  return {};
}

}  // namespace metadb::server
