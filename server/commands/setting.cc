#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "catalog/settings.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"

namespace metadb::server {
namespace {

// The one parameter that a consumer takes when it is made; batches read the others anew.
constexpr std::string_view kConsumerParameter = "max_poll_interval";
// The one that is there for scripts of Metadb 1.4 alone.
constexpr std::string_view kIdleParameter = "kafka_sync_concurrency";

// Returns what holds from now on.
std::string change(catalog::Connection& connection, const grammar::ast::AlterSystemSet& command) {
  const std::string& name = command.parameter.text;
  if (!command.value) return catalog::reset_setting(connection, name);
  catalog::store_setting(connection, name, command.value->text);
  return command.value->text;
}

// Those that wait or are paused take it when they go on.
void renew_workers(CommandContext& context) {
  const auto snapshot = context.catalog().snapshot();
  for (const auto& [name, source] : snapshot->sources) {
    const auto status = context.workers().status(name);
    if (!status) continue;
    const bool is_waiting = status->state == ingest::SourceState::waiting;
    context.workers().renew(source, is_waiting ? ingest::Order::wait : ingest::Order::run);
  }
}

}  // namespace

// Takes effect at once: ingest looks at the parameters when it begins a batch, maintenance when it
// is woken, external SQL when it begins a file.
Reply run(const grammar::ast::AlterSystemSet& command, CommandContext& context) {
  const std::string& name = command.parameter.text;
  require_administrator(context, grammar::ast::AlterSystemSet::kTag);
  const Turns::Turn turn = context.turns().take(context.session().stop());
  catalog::Transaction transaction(context.connection());
  const std::string value = change(context.connection(), command);
  transaction.commit();
  context.catalog().publish([&](catalog::Snapshot& next) { next.settings[name] = value; });
  spdlog::info("parameter {} set to '{}' by {}", name, catalog::shown_setting(value),
               context.session().caller.user);
  if (name == kConsumerParameter) renew_workers(context);
  if (name == kIdleParameter && command.value) {
    context.session().notice({.message = fmt::format("parameter \"{}\" has no effect here", name),
                              .detail = "One consumer reads all of a data source."});
  }
  context.wake_maintenance();
  return {};
}

}  // namespace metadb::server
