// What `list NAME` shows: one row of a table for each NAME.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/commands/command_context.h"

namespace metadb::server {

using Rows = std::vector<std::vector<std::optional<std::string>>>;

enum class Audience : uint8_t { administrators, registered_users };

struct Listing {
  std::string_view name;
  Audience audience;
  std::vector<ColumnDescription> columns;
  Rows (*rows)(CommandContext& context);  // nullptr: not built yet
};

std::span<const Listing> listings();
// nullptr: nothing is listed under this name.
const Listing* listing_named(std::string_view name);

// Types of result columns.
ColumnDescription text_column(std::string_view name);
ColumnDescription int4_column(std::string_view name);
ColumnDescription int8_column(std::string_view name);
ColumnDescription float8_column(std::string_view name);
ColumnDescription timestamptz_column(std::string_view name);
ColumnDescription boolean_column(std::string_view name);

// All of a result, as text.
Rows rows_of(const catalog::Result& result);

std::vector<ColumnDescription> status_columns();
Rows status_rows(CommandContext& context);
std::vector<ColumnDescription> data_sources_columns();
Rows data_sources_rows(CommandContext& context);
Rows tables_rows(CommandContext& context);
Rows dead_letters_rows(CommandContext& context);
std::vector<ColumnDescription> external_sql_columns();
Rows external_sql_rows(CommandContext& context);
std::vector<ColumnDescription> topics_columns();
Rows topics_rows(CommandContext& context);
std::vector<ColumnDescription> snapshot_tables_columns();
Rows snapshot_tables_rows(CommandContext& context);

// As PostgreSQL writes them.
std::string one_decimal(double value);
std::optional<std::string> interval_of(const std::optional<int64_t>& seconds);

}  // namespace metadb::server
