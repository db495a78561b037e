#include "server/commands/table_work.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>

#include "catalog/dependents.h"
#include "server/commands/waiting.h"
#include "server/pause.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::Error;
using catalog::Table;
using catalog::TableName;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kMainEnding = "__";
constexpr std::chrono::seconds kRetryAfter{1};

std::string main_names(const std::vector<TableName>& tables) {
  std::vector<std::string> names;
  for (const auto& [schema, name] : tables)
    names.push_back(catalog::quote_qualified(schema, name + std::string(kMainEnding)));
  constexpr size_t kShownMax = 5;
  const size_t more = names.size() > kShownMax ? names.size() - kShownMax : 0;
  names.resize(names.size() - more);
  return fmt::format("{}{}", fmt::join(names, ", "),
                     more == 0 ? "" : fmt::format(" and {} more", more));
}

void tell_who_holds(CommandContext& context, const std::vector<Table>& tables) {
  std::string holders;
  std::vector<std::string> names;
  for (const Table& table : tables) {
    names.push_back(table.main());
    const std::string of_table = catalog::lock_holders(context.connection(), table);
    if (!of_table.empty()) holders += (holders.empty() ? "" : ", ") + of_table;
  }
  context.session().notice(
      {.message = fmt::format("waiting for a lock on table {}", fmt::join(names, ", ")),
       .detail = holders.empty() ? "" : fmt::format("It is held by {}.", holders)});
}

}  // namespace

Error unknown_table(const ast::QualifiedName& main) {
  return Error("42P01", fmt::format("managed table \"{}.{}\" does not exist", main.schema.text,
                                    main.name.text))
      .with_hint(
          "LIST tables shows the managed tables; the name of a main table is the name that "
          "is listed, with two underscores behind it.")
      .with_position(main.schema.position);
}

TableName managed_name(const ast::QualifiedName& main) {
  const std::string& name = main.name.text;
  if (!name.ends_with(kMainEnding) || name.size() == kMainEnding.size()) throw unknown_table(main);
  return {main.schema.text, name.substr(0, name.size() - kMainEnding.size())};
}

Table load_managed(CommandContext& context, const ast::QualifiedName& main) {
  std::vector<Table> found = catalog::load_tables(context.connection(), managed_name(main));
  if (found.empty()) throw unknown_table(main);
  return std::move(found.front());
}

catalog::StreamLock hold_streams(CommandContext& context, const std::vector<TableName>& tables) {
  catalog::Connection& connection = context.connection();
  const Waiting waiting(
      context.session(), connection,
      Notice{.message = fmt::format("waiting for the ingest of table {}", main_names(tables)),
             .detail = "A batch that is being written, or another command, has it."});
  return {connection, tables};
}

void in_patient_transaction(CommandContext& context, const std::vector<Table>& tables,
                            const std::function<void()>& work, std::string_view begin) {
  catalog::Connection& connection = context.connection();
  const Waiting waiting(context.session(), connection);
  Clock::time_point next_notice = Clock::now();
  for (;;) {
    context.session().check_stop();
    try {
      catalog::Transaction transaction(connection, begin);
      work();
      transaction.commit();
      return;
    } catch (const Error& error) {
      const bool is_locked = error.sqlstate == "55P03" || error.sqlstate == "40P01";
      if (!is_locked) throw;
    }
    if (Clock::now() >= next_notice) {
      tell_who_holds(context, tables);
      next_notice = Clock::now() + Waiting::kNoticeEvery;
    }
    pause(kRetryAfter, context.session().stop());
    context.session().check_stop();
  }
}

void publish(CommandContext& context, const Table& table) {
  auto published = std::make_shared<const Table>(table);
  context.catalog().publish([&](catalog::Snapshot& next) {
    next.tables[{table.schema, table.current_name}] = published;
  });
}

}  // namespace metadb::server
