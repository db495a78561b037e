// SYNC DATA SOURCE.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "catalog/synchronization.h"
#include "server/commands/at_rest.h"
#include "server/commands/data_source_notices.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::DataSource;

DataSource known_source(const std::string& name, CommandContext& context) {
  const auto snapshot = context.catalog().snapshot();
  const auto found = snapshot->sources.find(name);
  if (found == snapshot->sources.end()) throw catalog::no_such_source(name);
  return found->second;
}

std::string shown(const std::vector<std::string>& topics) {
  constexpr size_t kShownMax = 10;
  if (topics.size() <= kShownMax) return fmt::format("{}", fmt::join(topics, ", "));
  return fmt::format("{} and {} more", fmt::join(topics.begin(), topics.begin() + kShownMax, ", "),
                     topics.size() - kShownMax);
}

void tell(const std::string& name, const catalog::Resync& resync, const Context& session) {
  session.notice(
      {.message = fmt::format("data source \"{}\" is synchronized anew", name),
       .detail = fmt::format(
           "{}{}{}",
           resync.read_again.empty() ? "No topic is read again."
                                     : "Read again: topics " + shown(resync.read_again) + ".",
           resync.kept.empty()
               ? ""
               : fmt::format(" {} topics go on where they are.", resync.kept.size()),
           resync.dropped_letters == 0
               ? ""
               : fmt::format(" {} dead letters of what is read again are gone.",
                             resync.dropped_letters)),
       .hint = "ENDSYNC DATA SOURCE ends what the new snapshot does not confirm, once LIST status "
               "says snapshot complete."});
}

}  // namespace

Reply run(const ast::SyncDataSource& command, CommandContext& context) {
  require_administrator(context, ast::SyncDataSource::kTag);
  const Context& session = context.session();
  const Turns::Turn turn = context.turns().take(session.stop());
  DataSource source = known_source(command.name.text, context);
  AtRest rest(source, context);
  catalog::Transaction transaction(context.connection());
  const catalog::Resync resync = catalog::begin_resync(context.connection(), source.name);
  transaction.commit();
  source.sync = catalog::SyncMode::resync;
  source.generation = resync.generation;
  context.catalog().publish([&](catalog::Snapshot& next) {
    next.sources.insert_or_assign(source.name, source);
    for (auto& [key, table] : next.source_tables) {
      if (key.source_name == source.name) table.server_name.clear();
    }
  });
  rest.go_on(source);
  spdlog::info("data source {} is synchronized anew, by {}; topics that are read again: {}",
               source.name, session.caller.user, shown(resync.read_again));
  tell(source.name, resync, session);
  return {};
}

}  // namespace metadb::server
