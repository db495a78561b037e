#include "catalog/dead_letters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "catalog/sources.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;

// Letters of a dropped source are kept: its name is known as long as there are some.
void check_source(const std::optional<ast::Name>& source, CommandContext& context) {
  if (!source || context.catalog().snapshot()->sources.contains(source->text)) return;
  if (catalog::has_dead_letters(context.connection(), source->text)) return;
  throw catalog::no_such_source(source->text);
}

constexpr std::chrono::milliseconds kRetryWatch{200};

void tell_of(const std::string& name, const ingest::LetterRetry::Outcome& outcome,
             const Context& session) {
  session.notice(
      {.message = fmt::format("data source \"{}\": {} dead letter{} applied, {} left", name,
                              outcome.applied, outcome.applied == 1 ? "" : "s", outcome.left),
       .detail = fmt::format("{}", fmt::join(outcome.reasons, "\n"))});
}

void tell_of_followers(const std::string& name, const ingest::LetterRetry::Outcome& outcome,
                       const Context& session) {
  session.notice(
      {.message = fmt::format("data source \"{}\": {} record{} that waited behind dead "
                              "letters applied, {} left",
                              name, outcome.applied, outcome.applied == 1 ? "" : "s", outcome.left),
       .detail = fmt::format("{}", fmt::join(outcome.reasons, "\n"))});
}

void tell_how_many(int64_t purged, const Context& session) {
  session.notice(
      {.message = fmt::format("{} dead letter{} purged", purged, purged == 1 ? "" : "s")});
}

// Throws if the source's worker is not to do it at present.
void check_running(const std::string& name, CommandContext& context) {
  const auto status = context.workers().status(name);
  const bool rests = !status || status->state == ingest::SourceState::paused ||
                     status->state == ingest::SourceState::waiting;
  if (!rests) return;
  throw catalog::Error("55000", fmt::format("data source \"{}\" is not read at present", name))
      .with_hint(fmt::format("Type RESUME DATA SOURCE {} first.", catalog::quote_identifier(name)));
}

// The worker does it, between its batches: it alone may write for the source.
ingest::LetterRetry::Outcome retry_of(const std::string& name,
                                      const catalog::DeadLetterRange& range,
                                      CommandContext& context) {
  check_running(name, context);
  const auto tell = range.is_of_followers ? tell_of_followers : tell_of;
  const auto retry = std::make_shared<ingest::LetterRetry>(
      catalog::DeadLetterRange{name, range.last_id, range.is_of_followers});
  if (!context.workers().retry(name, retry)) {
    throw catalog::Error(
        "55006", fmt::format("dead letters of data source \"{}\" are being retried already", name));
  }
  try {
    while (!retry->await(kRetryWatch)) {
      context.session().check_stop();
      check_running(name, context);
    }
  } catch (const catalog::Error&) {
    retry->give_up();
    tell(name, retry->outcome(), context.session());
    throw;
  }
  if (retry->is_abandoned()) {
    tell(name, retry->outcome(), context.session());
    throw catalog::Error("55000",
                         fmt::format("data source \"{}\" was stopped before all were tried", name))
        .with_hint("Run the command again.");
  }
  tell(name, retry->outcome(), context.session());
  return retry->outcome();
}

std::vector<std::string> sources_with_letters(const ast::RetryDeadLetters& command,
                                              CommandContext& context) {
  if (command.source) return {command.source->text};
  std::vector<std::string> out;
  const auto snapshot = context.catalog().snapshot();
  for (const auto& [name, source] : snapshot->sources) {
    if (catalog::has_dead_letters(context.connection(), name)) out.push_back(name);
  }
  return out;
}

// Of a source that was dropped nothing can be applied.
std::vector<std::string> with_followers(const std::optional<ast::Name>& source,
                                        CommandContext& context) {
  std::optional<std::string> wanted;
  if (source) wanted = source->text;
  std::vector<std::string> names = catalog::sources_with_followers(context.connection(), wanted);
  const auto snapshot = context.catalog().snapshot();
  std::erase_if(names, [&](const std::string& name) { return !snapshot->sources.contains(name); });
  return names;
}

}  // namespace

// What was applied when the command is canceled stays applied, and is told.
Reply run(const ast::RetryDeadLetters& command, CommandContext& context) {
  require_administrator(context, ast::RetryDeadLetters::kTag);
  if (command.source && !context.catalog().snapshot()->sources.contains(command.source->text)) {
    throw catalog::no_such_source(command.source->text);
  }
  const int64_t last_id = catalog::last_dead_letter(context.connection());
  const std::vector<std::string> names = sources_with_letters(command, context);
  if (names.empty()) context.session().notice({.message = "no data source has dead letters"});
  for (const std::string& name : names) {
    const auto outcome = retry_of(name, {.last_id = last_id}, context);
    spdlog::info("data source {}: {} dead letters applied and {} left by {}", name, outcome.applied,
                 outcome.left, context.session().caller.user);
  }
  return {};
}

// In transactions of bounded size: there may be very many, with large values. Those that are set
// aside meanwhile stay. What is purged when the command is canceled stays purged, and is told. What
// waits for the letters is applied then; their workers must be there for it.
Reply run(const ast::PurgeDeadLetters& command, CommandContext& context) {
  require_administrator(context, ast::PurgeDeadLetters::kTag);
  check_source(command.source, context);
  for (const std::string& name : with_followers(command.source, context))
    check_running(name, context);
  catalog::DeadLetterRange range;
  if (command.source) range.source_name = command.source->text;
  range.last_id = catalog::last_dead_letter(context.connection());
  int64_t purged = 0;
  try {
    while (const int64_t more = catalog::purge_dead_letters(context.connection(), range)) {
      purged += more;
      context.session().check_stop();
    }
    for (const std::string& name : with_followers(command.source, context))
      purged += retry_of(name, {.last_id = INT64_MAX, .is_of_followers = true}, context).given_up;
  } catch (const catalog::Error&) {
    tell_how_many(purged, context.session());
    throw;
  }
  spdlog::info("{} dead letters{} purged by {}", purged,
               range.source_name ? " of data source " + *range.source_name : "",
               context.session().caller.user);
  tell_how_many(purged, context.session());
  // Topics that stand because there were too many have none any more.
  for (const auto& [name, source] : context.catalog().snapshot()->sources) {
    if (!command.source || command.source->text == name) context.workers().forgive_letters(name);
  }
  return {};
}

}  // namespace metadb::server
