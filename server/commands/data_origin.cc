#include <spdlog/spdlog.h>

#include <algorithm>

#include "catalog/origins.h"
#include "server/commands/data_source_notices.h"
#include "server/commands/rights.h"
#include "server/commands/run.h"

namespace metadb::server {
namespace {

// Known tables that would be of this origin, had it been there when they were first seen.
ingest::Consequences consequences_of(const std::vector<std::string>& origins,
                                     const catalog::Snapshot& before) {
  ingest::Consequences all;
  for (const auto& [name, source] : before.sources) {
    const ingest::NameRules rules = ingest::name_rules(source);
    const ingest::NamingChange change{{rules, before.origins}, {rules, origins}};
    auto [stay, left_out, let_in] = ingest::consequences(before, name, change);
    std::ranges::move(stay, std::back_inserter(all.stay));
  }
  return all;
}

}  // namespace

// Workers look at the published origins whenever a table is new to them.
Reply run(const grammar::ast::CreateDataOrigin& command, CommandContext& context) {
  require_administrator(context, grammar::ast::CreateDataOrigin::kTag);
  const std::string& name = command.name.text;
  const Turns::Turn turn = context.turns().take(context.session().stop());
  catalog::Transaction transaction(context.connection());
  catalog::insert_origin(context.connection(), name);
  const std::vector<std::string> origins = catalog::load_origins(context.connection());
  transaction.commit();
  const auto before = context.catalog().snapshot();
  context.catalog().publish([&](catalog::Snapshot& next) { next.origins = origins; });
  spdlog::info("data origin {} created by {}", name, context.session().caller.user);
  warn_of(consequences_of(origins, *before), context.session());
  return {};
}

}  // namespace metadb::server
