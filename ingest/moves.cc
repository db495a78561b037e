#include "ingest/moves.h"

#include <fmt/format.h>

#include "ingest/names.h"

namespace metadb::ingest {
namespace {

std::string place(const std::string& schema, const std::string& table, const std::string& origin) {
  const std::string name = fmt::format("{}.{}", schema, table);
  return origin.empty() ? name : fmt::format("{} (origin {})", name, origin);
}

std::string moved(const catalog::SourceTable& known, const Target& target) {
  return fmt::format("{}.{} stays in {}, a new one would go to {}.", known.key.schema,
                     known.key.table, place(known.schema_name, known.table_name, known.origin),
                     place(target.schema, TableNames(target.table).current, target.origin));
}

bool is_there(const catalog::SourceTable& known, const Target& target) {
  return known.schema_name == target.schema && known.origin == target.origin &&
         known.table_name == TableNames(target.table).current;
}

}  // namespace

Consequences consequences(const catalog::Snapshot& catalog, const std::string& source_name,
                          const NamingChange& change) {
  const Rules before(change.before.rules);
  const Rules after(change.after.rules);
  Consequences out;
  for (const auto& [key, known] : catalog.source_tables) {
    if (key.source_name != source_name) continue;
    const EventTable table{known.server_name, key.db, key.schema, key.table};
    const Target target = after.target(table, change.after.origins);
    const bool is_new = target != before.target(table, change.before.origins);
    if (is_new && !is_there(known, target)) out.stay.push_back(moved(known, target));
    const bool passes = after.passes(table);
    if (passes == before.passes(table)) continue;
    (passes ? out.let_in : out.left_out)
        .push_back(fmt::format("{}.{} ({}.{})", key.schema, key.table, known.schema_name,
                               known.table_name));
  }
  return out;
}

}  // namespace metadb::ingest
