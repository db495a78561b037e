#include "catalog/purge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "server/commands/rights.h"
#include "server/commands/run.h"
#include "server/commands/table_work.h"

namespace metadb::server {
namespace {

namespace ast = grammar::ast;
using catalog::TableName;

// The tables named and what is derived from them. Throws Error 42P01 for a name of none.
std::set<TableName> wanted(CommandContext& context, const ast::PurgeData& command) {
  std::set<TableName> named;
  for (const ast::QualifiedName& main : command.tables) named.insert(managed_name(main));
  std::set<TableName> tables = catalog::with_derived(context.connection(), named);
  for (const ast::QualifiedName& main : command.tables) {
    if (!tables.contains(managed_name(main))) throw unknown_table(main);
  }
  return tables;
}

std::vector<std::string> main_names(const std::set<TableName>& tables) {
  std::vector<std::string> out;
  for (const auto& [schema, table] : tables)
    out.push_back(catalog::quote_qualified(schema, table + "__"));
  return out;
}

// What stands in the way of locks on them is looked for on those that there still are.
std::vector<catalog::Table> relations(CommandContext& context, const std::set<TableName>& tables) {
  std::vector<catalog::Table> out;
  for (const TableName& name : tables) {
    for (catalog::Table& table : catalog::load_tables(context.connection(), name))
      out.push_back(std::move(table));
  }
  return out;
}

void publish_purged(CommandContext& context, const catalog::Purged& purged) {
  context.catalog().publish([&](catalog::Snapshot& next) {
    for (const TableName& name : purged.tables) next.tables.erase(name);
    for (const catalog::SourceTableKey& key : purged.source_tables) next.source_tables.erase(key);
    std::erase_if(next.json_mappings, [&](const catalog::JsonMapping& mapping) {
      return purged.tables.contains({mapping.schema_name, mapping.table_name});
    });
  });
}

void tell(CommandContext& context, const ast::PurgeData& command, const catalog::Purged& purged) {
  std::set<TableName> derived = purged.tables;
  for (const ast::QualifiedName& main : command.tables) derived.erase(managed_name(main));
  if (!derived.empty()) {
    context.session().notice({.message = fmt::format("derived tables are purged as well: {}",
                                                     fmt::join(main_names(derived), ", "))});
  }
  for (const auto& [source, topics] : purged.forgotten_topics) {
    context.session().notice(
        {.message = fmt::format("data source \"{}\" will read topics from their beginning: {}",
                                source, fmt::join(topics, ", ")),
         .detail = "They fed nothing but purged tables, and the source does not run."});
  }
  std::set<std::string> running;
  for (const catalog::SourceTableKey& key : purged.source_tables) {
    const auto status = context.workers().status(key.source_name);
    if (status && status->state != ingest::SourceState::paused) running.insert(key.source_name);
  }
  for (const std::string& source : running) {
    context.session().notice(
        {.message = fmt::format("data source \"{}\" is not paused: its purged tables begin anew "
                                "with their next events",
                                source)});
  }
}

// A topic whose table somebody had dropped stands until its table is purged: a new worker takes it
// up again.
void wake(CommandContext& context, const catalog::Purged& purged) {
  for (const auto& [source, topics] : purged.topics) {
    const auto status = context.workers().status(source);
    // One that rests begins anew anyway when it is resumed.
    if (!status || status->state == ingest::SourceState::paused ||
        status->state == ingest::SourceState::waiting) {
      continue;
    }
    const bool stands = std::ranges::any_of(status->stopped_lanes, [&](const auto& lane) {
      return lane.second.needs_resync && topics.contains(lane.first);
    });
    if (!stands) continue;
    // The tables are gone whatever happens now: no request to stop keeps the source from going on.
    const Turns::Turn turn = context.turns().take(std::stop_token());
    const auto snapshot = context.catalog().snapshot();
    const auto found = snapshot->sources.find(source);
    if (found == snapshot->sources.end() || !context.workers().status(source)) continue;
    context.workers().stop(source);
    context.workers().start(found->second);
  }
}

catalog::Purged purge(CommandContext& context, const ast::PurgeData& command) {
  const std::set<TableName> asked = wanted(context, command);
  const catalog::StreamLock lock = hold_streams(context, {asked.begin(), asked.end()});
  const std::set<TableName> tables = wanted(context, command);
  if (tables != asked) {
    throw catalog::Error("40001", "the tables have changed while PURGE DATA waited for them")
        .with_hint("Run the command again.");
  }
  catalog::Purged purged;
  in_patient_transaction(context, relations(context, tables),
                         [&] { purged = catalog::purge(context.connection(), tables); });
  publish_purged(context, purged);
  return purged;
}

}  // namespace

Reply run(const ast::PurgeData& command, CommandContext& context) {
  require_administrator(context, ast::PurgeData::kTag);
  const catalog::Purged purged = purge(context, command);
  spdlog::info("purged by {}: {}", context.session().caller.user,
               fmt::join(main_names(purged.tables), ", "));
  tell(context, command, purged);
  wake(context, purged);
  return {};
}

}  // namespace metadb::server
