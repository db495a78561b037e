#include <fmt/format.h>

#include "catalog/postgres.h"
#include "catalog/sources.h"
#include "server/commands/listing.h"

namespace metadb::server {
namespace {

// The options without a column of their own, as `create data source` would take them.
std::string other_options(const catalog::DataSource& source) {
  std::string out;
  for (const auto& [name, value] : source.options) {
    bool has_column = false;
    for (const catalog::SourceOptionRow& row : catalog::source_option_rows()) {
      has_column = has_column || (row.is_reference_column && row.name == name);
    }
    if (has_column) continue;
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name,
                       catalog::quote_literal(catalog::shown_value(name, value)));
  }
  return out;
}

}  // namespace

std::vector<ColumnDescription> data_sources_columns() {
  std::vector<ColumnDescription> columns = {text_column("name")};
  for (const catalog::SourceOptionRow& row : catalog::source_option_rows()) {
    if (row.is_reference_column) columns.push_back(text_column(row.name));
  }
  columns.push_back(text_column("options"));
  return columns;
}

Rows data_sources_rows(CommandContext& context) {
  Rows rows;
  const auto snapshot = context.catalog().snapshot();
  for (const auto& [name, source] : snapshot->sources) {
    std::vector<std::optional<std::string>> row = {name};
    for (const catalog::SourceOptionRow& option : catalog::source_option_rows()) {
      if (option.is_reference_column) row.emplace_back(source.option(option.name));
    }
    row.emplace_back(other_options(source));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace metadb::server
