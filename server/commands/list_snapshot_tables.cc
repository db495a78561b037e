#include <map>

#include "server/commands/listing.h"

namespace metadb::server {
namespace {

using catalog::SourceTableKey;
using ingest::SnapshotRate;
using Value = std::optional<std::string>;

// What is committed, and as a notification or the last synchronization has it.
catalog::Result snapshot_tables(CommandContext& context) {
  return context.connection().exec(
      "SELECT t.source_name, t.source_db, t.source_schema, t.source_table, t.row_count, "
      "t.expected, t.byte_count, t.is_scanned, t.problem FROM metadb.snapshot_table t JOIN "
      "metadb.source s ON s.name = t.source_name WHERE s.sync <> 0 ORDER BY 1, 2, 3, 4");
}

// Of all tables of which rows are coming now.
std::map<SourceTableKey, SnapshotRate> rates(CommandContext& context) {
  std::map<SourceTableKey, SnapshotRate> out;
  const auto snapshot = context.catalog().snapshot();
  for (const auto& [name, source] : snapshot->sources) {
    auto status = context.workers().status(name);
    if (status && status->snapshot) out.merge(status->snapshot->rates);
  }
  return out;
}

}  // namespace

std::vector<ColumnDescription> snapshot_tables_columns() {
  return {text_column("source_name"),   text_column("source_db"),
          text_column("source_schema"), text_column("source_table"),
          int8_column("rows"),          int8_column("total"),
          int8_column("bytes"),         boolean_column("is_scanned"),
          text_column("problem"),       float8_column("rows_per_second"),
          text_column("remaining")};
}

Rows snapshot_tables_rows(CommandContext& context) {
  const catalog::Result found = snapshot_tables(context);
  const std::map<SourceTableKey, SnapshotRate> known = rates(context);
  Rows rows = rows_of(found);
  for (int row = 0; row < found.rows(); ++row) {
    const SourceTableKey key{std::string(found.text(row, 0)), std::string(found.text(row, 1)),
                             std::string(found.text(row, 2)), std::string(found.text(row, 3))};
    const auto rate = known.find(key);
    const bool is_coming = rate != known.end() && !found.boolean(row, 7);
    auto& cells = rows[static_cast<size_t>(row)];
    cells.push_back(is_coming ? Value(one_decimal(rate->second.rows_per_second)) : std::nullopt);
    cells.push_back(is_coming ? interval_of(rate->second.seconds_left) : std::nullopt);
  }
  return rows;
}

}  // namespace metadb::server
