#include "ingest/table_refusals.h"

#include <fmt/format.h>

namespace metadb::ingest {
namespace {

using catalog::Error;
using catalog::SourceTable;

constexpr std::string_view kOtherName =
    "Give the data source the option add_schema_prefix, or let its filters leave the table out.";

}  // namespace

std::string described(const catalog::SourceTableKey& key) {
  return fmt::format("{}.{} of database \"{}\" in data source \"{}\"", key.schema, key.table,
                     key.db, key.source_name);
}

LaneStopped collision(const TableChanges& changes, const SourceTable& wanted,
                      const SourceTable& holder) {
  return {Error("42P07",
                fmt::format("table {}.{} belongs to {}; {} would go there too", wanted.schema_name,
                            wanted.table_name, described(holder.key), described(wanted.key)))
              .with_hint("Give one of the data sources the option add_schema_prefix."),
          changes.topic};
}

LaneStopped second_server(const TableChanges& changes, const SourceTable& known) {
  const EventTable& event = *changes.table;
  return {
      Error("42P07",
            fmt::format("{} comes from server \"{}\" (topic {}); \"{}\" (topic {}) sends it too",
                        described(known.key), known.server_name, known.topic, event.server_name,
                        changes.topic))
          .with_hint(fmt::format(
              "If they are two servers, make a data source of each and give one the option "
              "add_schema_prefix. If it is one under a new name, type: SYNC DATA SOURCE {}",
              catalog::quote_identifier(known.key.source_name))),
      changes.topic};
}

LaneStopped refused(const TableChanges& changes, const catalog::SourceTableKey& key,
                    const std::string& reason) {
  return {Error("42602", fmt::format("{} has no place here: {}", described(key), reason))
              .with_hint(std::string(kOtherName)),
          changes.topic};
}

LaneStopped transformed(const TableChanges& changes, const catalog::SourceTableKey& key,
                        const catalog::Table& table) {
  return {Error("42P07",
                fmt::format("{} would go to {}, which holds rows of the documents of {}.{}",
                            described(key), table.main(), table.parent.first, table.parent.second))
              .with_hint(std::string(kOtherName)),
          changes.topic};
}

bool is_name_taken(const Error& error) {
  return error.sqlstate == "42P07" || error.sqlstate == "42710";
}

LaneStopped name_taken(const TableChanges& changes, const SourceTable& wanted, const Error& error) {
  return {
      Error(error.sqlstate, fmt::format("table {}.{} for {} cannot be made: {}", wanted.schema_name,
                                        wanted.table_name, described(wanted.key), error.what()))
          .with_hint(std::string(kOtherName)),
      changes.topic};
}

bool is_too_wide(const Error& error) {
  return error.sqlstate == "54011";
}

LaneStopped too_wide(const TableChanges& changes, const SourceTable& wanted, const Error& error) {
  return {
      Error(error.sqlstate,
            fmt::format("{} has more columns than table {}.{} can have besides Metadb's own: {}",
                        described(wanted.key), wanted.schema_name, wanted.table_name, error.what()))
          .with_hint("Let the connector leave out columns (column.exclude.list), or the data "
                     "source the table (table_stop_filter)."),
      changes.topic};
}

}  // namespace metadb::ingest
