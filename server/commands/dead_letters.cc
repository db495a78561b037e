#include "catalog/dead_letters.h"

#include <fmt/format.h>
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

void tell_how_many(int64_t purged, const Context& session) {
  session.notice(
      {.message = fmt::format("{} dead letter{} purged", purged, purged == 1 ? "" : "s")});
}

}  // namespace

// In transactions of bounded size: there may be very many, with large values. Those that are set
// aside meanwhile stay. What is purged when the command is canceled stays purged, and is told.
Reply run(const ast::PurgeDeadLetters& command, CommandContext& context) {
  require_administrator(context, ast::PurgeDeadLetters::kTag);
  check_source(command.source, context);
  catalog::DeadLetterRange range;
  if (command.source) range.source_name = command.source->text;
  range.last_id = catalog::last_dead_letter(context.connection());
  int64_t purged = 0;
  try {
    while (const int64_t more = catalog::purge_dead_letters(context.connection(), range)) {
      purged += more;
      context.session().check_stop();
    }
  } catch (const catalog::Error&) {
    tell_how_many(purged, context.session());
    throw;
  }
  spdlog::info("{} dead letters{} purged by {}", purged,
               range.source_name ? " of data source " + *range.source_name : "",
               context.session().caller.user);
  tell_how_many(purged, context.session());
  return {};
}

}  // namespace metadb::server
