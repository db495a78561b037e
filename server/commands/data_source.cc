#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "catalog/sources.h"
#include "server/commands/data_source_notices.h"
#include "server/commands/data_source_options.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::DataSource;
using catalog::Error;

DataSource source_of(const ast::CreateDataSource& command) {
  if (command.type.text != "kafka") {
    throw Error("0A000", fmt::format("data source type \"{}\" is not supported", command.type.text))
        .with_hint("The type is kafka.")
        .with_position(command.type.position);
  }
  DataSource source;
  source.name = command.name.text;
  for (const ast::Option& option : command.options) add_option(source, option);
  check_complete(source);
  return source;
}

// The source is there by now: a stop ends the wait, not the command.
void warn_of_what_the_probe_finds(const DataSource& source, CommandContext& context) {
  const Context& session = context.session();
  const auto problem = context.probe()(source, *context.catalog().snapshot(), session.stop());
  if (session.stop().stop_requested()) {
    session.notice(
        warning("canceling wait for the brokers due to user request",
                fmt::format("Data source \"{}\" is created; whether it can be read was not found "
                            "out.",
                            source.name),
                "LIST status shows how it gets on."));
    return;
  }
  if (!problem) return;
  spdlog::warn("data source {}: {}", source.name, *problem);
  session.notice(
      warning(fmt::format("data source \"{}\" can't be read yet: {}", source.name, *problem), "",
              "It is created and keeps trying; LIST status shows how it gets on."));
}

void tell_that_it_goes_on(const std::string& name, const Context& session) {
  session.notice(
      {.message =
           fmt::format("data source \"{}\" goes on where it stopped before it was dropped", name),
       .detail =
           "Its tables, its positions in the topics and its synchronization mode were kept."});
}

void tell_what_stays(const std::string& name, bool has_positions, CommandContext& context) {
  const auto snapshot = context.catalog().snapshot();
  const auto tables = std::ranges::count_if(
      snapshot->tables, [&](const auto& entry) { return entry.second->source_name == name; });
  if (tables == 0 && !has_positions) return;
  context.session().notice(
      {.message = fmt::format("the tables of data source \"{}\" ({}) and its positions are kept",
                              name, tables),
       .hint = "A data source created under this name again goes on where this one stopped."});
}

}  // namespace

Reply run(const ast::CreateDataSource& command, CommandContext& context) {
  require_administrator(context, ast::CreateDataSource::kTag);
  DataSource source = source_of(command);
  {
    const Turns::Turn turn = context.turns().take(context.session().stop());
    catalog::Transaction transaction(context.connection());
    const catalog::Begun begun = catalog::insert_source(context.connection(), source);
    source.sync = begun.sync;
    source.generation = begun.generation;
    const bool resumes = catalog::has_positions(context.connection(), source.name);
    transaction.commit();
    context.catalog().publish(
        [&](catalog::Snapshot& next) { next.sources.insert_or_assign(source.name, source); });
    spdlog::info("data source {} created by {}", source.name, context.session().caller.user);
    start_or_warn(source.name, context.session(), [&] { context.workers().start(source); });
    if (resumes) tell_that_it_goes_on(source.name, context.session());
  }
  warn_of_shared_group(source, *context.catalog().snapshot(), context.session());
  warn_of_what_the_probe_finds(source, context);
  return {};
}

// The worker is told when the source is gone for sure; what it still has in hand is the last.
Reply run(const ast::DropDataSource& command, CommandContext& context) {
  require_administrator(context, ast::DropDataSource::kTag);
  const std::string& name = command.name.text;
  const Turns::Turn turn = context.turns().take(context.session().stop());
  catalog::Transaction transaction(context.connection());
  const bool has_positions = catalog::has_positions(context.connection(), name);
  catalog::delete_source(context.connection(), name);
  transaction.commit();
  context.catalog().publish([&](catalog::Snapshot& next) { next.sources.erase(name); });
  context.workers().stop(name);
  spdlog::info("data source {} dropped by {}", name, context.session().caller.user);
  tell_what_stays(name, has_positions, context);
  return {};
}

}  // namespace metadb::server
