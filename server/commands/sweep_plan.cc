#include "server/commands/sweep_plan.h"

#include <fmt/format.h>

#include <set>

#include "ingest/snapshot_watch.h"
#include "server/commands/waiting.h"

namespace metadb::server {
namespace {

using catalog::Error;
using catalog::SourceTable;
using catalog::TableName;

// Above this part, somebody has to say that the rows have gone.
constexpr int64_t kSafePercent = 20;

bool is_much(const catalog::SweepCount& count) {
  return count.ending * 100 > count.current * kSafePercent;
}

std::string described(const catalog::SweepCount& count) {
  return fmt::format(
      "{} of {} current rows ({:.0f} %)", count.ending, count.current,
      100.0 * static_cast<double>(count.ending) / static_cast<double>(count.current));
}

std::set<TableName> tables_named(const std::vector<grammar::ast::QualifiedName>& named,
                                 const std::string& source_name, const catalog::Snapshot& catalog) {
  std::set<TableName> out;
  for (const grammar::ast::QualifiedName& each : named) {
    const std::string& name = each.name.text;
    TableName table(each.schema.text, name);
    const bool is_main = !catalog.tables.contains(table) && name.ends_with("__");
    if (is_main) table.second = name.substr(0, name.size() - 2);
    const auto found = catalog.tables.find(table);
    if (found == catalog.tables.end() || found->second->source_name != source_name) {
      throw Error("42P01", fmt::format("data source \"{}\" has no table \"{}.{}\"", source_name,
                                       each.schema.text, name))
          .with_hint("LIST tables shows the tables and their data sources.")
          .with_position(each.schema.position);
    }
    out.insert(table);
  }
  return out;
}

// Of what was not decoded or applied, it is unknown which rows it confirms.
std::string objection_of_letters(const catalog::Synchronization& state,
                                 const std::string& source_name, CommandContext& context) {
  const catalog::Result letters = context.connection().exec(
      "SELECT count(*) FROM metadb.dead_letter WHERE source_name = $1 AND set_aside >= "
      "'epoch'::timestamptz + $2::bigint * interval '1 us'",
      {source_name, std::to_string(state.began_us)});
  if (letters.int64(0, 0) == 0) return "";
  return fmt::format("{} records were set aside meanwhile (LIST dead_letters)",
                     letters.int64(0, 0));
}

// As a snapshot has them; with none of its rows, a table's source time is that of its server.
struct Seen {
  std::optional<int64_t> snapshot_us;
  bool is_whole = false;       // rows came, and all of them were marked
  bool may_have_gone = false;  // in an initial one as well: it was begun anew
  std::string problem;         // empty: none
};

Seen seen_of(const SourceTable& source, const catalog::Synchronization& state, bool is_forced) {
  Seen seen;
  const auto server = state.servers.find(source.server_name);
  if (server != state.servers.end()) seen.snapshot_us = server->second.swept_before_us();
  if (!seen.snapshot_us) {
    for (const auto& [name, other] : state.servers) {
      const auto time = other.swept_before_us();
      if (time) seen.snapshot_us = std::max(*time, seen.snapshot_us.value_or(*time));
    }
  }
  const bool has_ended = is_forced || state.signal == ingest::kDeadlineSignal ||
                         (server != state.servers.end() && !server->second.signal.empty());
  const auto found = state.tables.find(source.key);
  if (found == state.tables.end()) return seen;
  const catalog::SnapshotTable& table = found->second;
  // Rows of a snapshot that was given up, and nothing of the one after it.
  const auto* newest = state.newest_begin(table.server_name);
  const bool is_left = table.begin && table.begin->id != newest->id;
  seen.may_have_gone = table.begun_anew > 0 || is_left;
  if (seen.may_have_gone) seen.snapshot_us = newest->ts_us;
  seen.is_whole = has_ended && table.rows > 0 && !table.is_partial && !is_left;
  // An incremental one leaves out what changes while it reads.
  const bool is_counted = server == state.servers.end() || server->second.is_initial;
  if (!table.problem.empty()) {
    seen.problem = fmt::format("the connector says {} of it", table.problem);
  } else if (is_counted && table.is_scanned && table.expected && table.rows < *table.expected) {
    seen.problem = fmt::format("{} of {} rows have come of it", table.rows, *table.expected);
  }
  return seen;
}

}  // namespace

int64_t SweepPlan::ending() const {
  int64_t out = 0;
  for (const Target& target : targets) out += target.count.ending;
  return out;
}

int64_t SweepPlan::current() const {
  int64_t out = 0;
  for (const Target& target : targets) out += target.count.current;
  return out;
}

SweepPlan plan_sweep(const catalog::Synchronization& state, const SweepOrder& order,
                     CommandContext& context) {
  const std::string& source_name = order.source_name;
  const auto catalog = context.catalog().snapshot();
  const std::set<TableName> wanted = tables_named(order.named, source_name, *catalog);
  SweepPlan plan;
  const Waiting waiting(context.session(), context.connection());
  for (const auto& [key, source] : catalog->source_tables) {
    const TableName name(source.schema_name, source.table_name);
    const auto table = catalog->tables.find(name);
    if (key.source_name != source_name || table == catalog->tables.end()) continue;
    context.session().check_stop();
    const Seen seen = seen_of(source, state, order.is_forced);
    if (state.mode == catalog::SyncMode::initial && !seen.may_have_gone) continue;
    const bool is_swept = seen.snapshot_us && (seen.is_whole || wanted.contains(name));
    const catalog::SweepTarget rows{key, *table->second, source.origin, state.generation,
                                    seen.snapshot_us.value_or(0)};
    const catalog::SweepCount count = catalog::count_sweep(context.connection(), rows);
    if (count.current == 0) continue;
    if (!is_swept) {
      if (count.ending == 0) continue;
      plan.unswept.push_back(
          fmt::format("{} ({} current rows)", table->second->current(), count.current));
      continue;
    }
    plan.targets.push_back({rows, count});
    if (!seen.problem.empty() && count.ending > 0)
      plan.objections.push_back(
          fmt::format("table {}: {}", table->second->current(), seen.problem));
    if (is_much(count)) {
      plan.objections.push_back(
          fmt::format("{} of table {} would end", described(count), table->second->current()));
    }
  }
  const catalog::SweepCount all{plan.current(), plan.ending()};
  if (all.current > 0 && is_much(all))
    plan.objections.push_back(fmt::format("{} of all its tables would end", described(all)));
  const std::string letters = objection_of_letters(state, source_name, context);
  if (!letters.empty()) plan.objections.push_back(letters);
  return plan;
}

}  // namespace metadb::server
