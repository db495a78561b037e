// ALTER, PAUSE and RESUME DATA SOURCE.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

#include "catalog/sources.h"
#include "server/commands/data_source_notices.h"
#include "server/commands/data_source_options.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::DataSource;

// What a resynchronization changes before its new snapshot may be read.
constexpr std::array<std::string_view, 3> kWaitsFor = {"brokers", "consumer_group", "topics"};

// REQUIRES: a turn, so that nobody changes it meanwhile.
DataSource known_source(const ast::Name& name, CommandContext& context) {
  const auto snapshot = context.catalog().snapshot();
  const auto found = snapshot->sources.find(name.text);
  if (found == snapshot->sources.end()) {
    throw catalog::no_such_source(name.text);
  }
  return found->second;
}

void publish(const DataSource& source, CommandContext& context) {
  context.catalog().publish(
      [&](catalog::Snapshot& next) { next.sources.insert_or_assign(source.name, source); });
}

std::vector<std::string_view> changed_of(const DataSource& before, const DataSource& after) {
  std::vector<std::string_view> out;
  for (const std::string_view name : kWaitsFor) {
    if (before.option(name) != after.option(name)) out.push_back(name);
  }
  return out;
}

bool is_waiting(const std::string& name, const CommandContext& context) {
  const auto status = context.workers().status(name);
  return status && status->state == ingest::SourceState::waiting;
}

void tell_that_it_waits(const DataSource& source, const std::vector<std::string_view>& changed,
                        const Context& session) {
  session.notice({.message = fmt::format("data source \"{}\" waits, since {} changed", source.name,
                                         fmt::join(changed, ", ")),
                  .detail = "What it has read is kept; it reads nothing until then.",
                  .hint = fmt::format(
                      "For a snapshot that is to come type SYNC DATA SOURCE {0}, else RESUME DATA "
                      "SOURCE {0}; the next start of the server resumes it, too.",
                      catalog::quote_identifier(source.name))});
}

void warn_of_names(const DataSource& before, const DataSource& after, CommandContext& context) {
  const auto snapshot = context.catalog().snapshot();
  const ingest::NamingChange change{{ingest::name_rules(before), snapshot->origins},
                                    {ingest::name_rules(after), snapshot->origins}};
  warn_of(ingest::consequences(*snapshot, after.name, change), context.session());
}

// Waits a moment for the worker to lay down what it has in hand.
void tell_if_it_is_busy(const std::string& name, const CommandContext& context) {
  if (context.workers().await_rest(name)) return;
  context.session().notice(
      {.message = fmt::format("data source \"{}\" reads nothing any more; its worker still waits "
                              "for an answer of a broker or of PostgreSQL",
                              name)});
}

}  // namespace

Reply run(const ast::AlterDataSource& command, CommandContext& context) {
  require_administrator(context, ast::AlterDataSource::kTag);
  const Context& session = context.session();
  const Turns::Turn turn = context.turns().take(session.stop());
  const DataSource before = known_source(command.name, context);
  DataSource source = before;
  for (const ast::OptionChange& change : command.changes) change_option(source, change);
  catalog::Transaction transaction(context.connection());
  catalog::update_source(context.connection(), source);
  transaction.commit();
  publish(source, context);
  spdlog::info("data source {} altered by {}", source.name, session.caller.user);
  const auto changed = changed_of(before, source);
  const bool waits = !changed.empty() || is_waiting(source.name, context);
  start_or_warn(source.name, session, [&] {
    context.workers().renew(source, waits ? ingest::Order::wait : ingest::Order::run);
  });
  if (!changed.empty() && source.is_enabled) tell_that_it_waits(source, changed, session);
  warn_of_names(before, source, context);
  if (!changed.empty()) warn_of_shared_group(source, *context.catalog().snapshot(), session);
  return {};
}

Reply run(const ast::PauseDataSource& command, CommandContext& context) {
  require_administrator(context, ast::PauseDataSource::kTag);
  {
    const Turns::Turn turn = context.turns().take(context.session().stop());
    DataSource source = known_source(command.name, context);
    if (!source.is_enabled) {
      context.session().notice(
          {.message = fmt::format("data source \"{}\" is already paused", source.name)});
      return {};
    }
    catalog::Transaction transaction(context.connection());
    catalog::pause_source(context.connection(), source);
    transaction.commit();
    publish(source, context);
    context.workers().pause(source.name, *source.paused_us);
    spdlog::info("data source {} paused by {}", source.name, context.session().caller.user);
  }
  tell_if_it_is_busy(command.name.text, context);
  return {};
}

Reply run(const ast::ResumeDataSource& command, CommandContext& context) {
  require_administrator(context, ast::ResumeDataSource::kTag);
  const Context& session = context.session();
  const Turns::Turn turn = context.turns().take(session.stop());
  DataSource source = known_source(command.name, context);
  const auto status = context.workers().status(source.name);
  if (source.is_enabled && status && status->state != ingest::SourceState::waiting) {
    const bool stands = std::ranges::any_of(
        status->stopped_lanes, [](const auto& lane) { return lane.second.is_over_letter_limit; });
    if (stands) {
      context.workers().forgive_letters(source.name);
    } else {
      session.notice({.message = fmt::format("data source \"{}\" is not paused", source.name)});
    }
    return {};
  }
  catalog::Transaction transaction(context.connection());
  catalog::resume_source(context.connection(), source);
  transaction.commit();
  publish(source, context);
  start_or_warn(source.name, session, [&] { context.workers().resume(source); });
  spdlog::info("data source {} resumed by {}", source.name, session.caller.user);
  return {};
}

}  // namespace metadb::server
