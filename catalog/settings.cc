#include "catalog/settings.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace metadb::catalog {
namespace {

template <int64_t kLow, int64_t kHigh>
std::optional<std::string> not_between(std::string_view value) {
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failure == std::errc() && end == value.data() + value.size() && number >= kLow &&
      number <= kHigh) {
    return std::nullopt;
  }
  return fmt::format("Expected is an integer between {} and {}.", kLow, kHigh);
}

std::optional<std::string> no_problem(std::string_view /*value*/) {
  return std::nullopt;
}

constexpr std::array kRows = {
    SettingRow{"checkpoint_segment_size", "3000", &not_between<1, 1'000'000>,
               "Most change events that ingest applies in one transaction while it keeps up; more "
               "when it is behind."},
    SettingRow{"external_sql_folio", "", &no_problem,
               "Reference of the FOLIO external SQL to run; empty for none. Not read yet."},
    SettingRow{"external_sql_reshare", "", &no_problem,
               "Reference of the ReShare external SQL to run; empty for none. Not read yet."},
    SettingRow{"kafka_sync_concurrency", "1", &not_between<1, 32>,
               "Consumers that read a snapshot side by side during synchronization. Not read yet."},
    SettingRow{"max_poll_interval", "1800000", &not_between<10'000, 86'400'000>,
               "Longest time in milliseconds between two polls of Kafka before the group gives the "
               "partitions away."},
    SettingRow{"tables_per_transaction", "50", &not_between<1, 1000>,
               "Most tables that one ingest transaction writes."},
};

}  // namespace

std::span<const SettingRow> setting_rows() {
  return kRows;
}

const SettingRow* setting_row(std::string_view name) {
  for (const SettingRow& row : kRows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

namespace {

const SettingRow& known_row(std::string_view name) {
  const SettingRow* row = setting_row(name);
  if (row == nullptr) {
    throw Error("42704", fmt::format("unrecognized configuration parameter \"{}\"", name));
  }
  return *row;
}

}  // namespace

int64_t integer_setting(const Settings& settings, std::string_view name) {
  const std::string& text = settings.find(name)->second;
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Settings load_settings(Connection& connection) {
  Settings out;
  for (const SettingRow& row : kRows) out[std::string(row.name)] = row.default_value;
  const Result rows = connection.exec("SELECT parameter, value FROM metadb.config");
  for (int row = 0; row < rows.rows(); ++row) {
    if (setting_row(rows.text(row, 0)) != nullptr)
      out[std::string(rows.text(row, 0))] = rows.text(row, 1);
  }
  return out;
}

void store_setting(Connection& connection, std::string_view name, const std::string& value) {
  if (const auto problem = known_row(name).problem(value)) {
    throw Error("22023", fmt::format("invalid value for parameter \"{}\": \"{}\"", name, value))
        .with_hint(*problem);
  }
  connection.exec(
      "INSERT INTO metadb.config (parameter, value) VALUES ($1, $2) ON CONFLICT (parameter) DO "
      "UPDATE SET value = $2",
      {std::string(name), value});
}

std::string reset_setting(Connection& connection, std::string_view name) {
  const SettingRow& row = known_row(name);
  connection.exec("DELETE FROM metadb.config WHERE parameter = $1", {std::string(name)});
  return std::string(row.default_value);
}

}  // namespace metadb::catalog
