#include "catalog/settings.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "catalog/external_sql.h"

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

// A whole number and a unit, as PostgreSQL reads an interval; or for ever.
std::optional<std::string> retention_problem(std::string_view value) {
  if (value == kForever) return std::nullopt;
  const size_t space = value.find(' ');
  const std::string_view unit = space == std::string_view::npos ? "" : value.substr(space + 1);
  const bool is_years = unit == "year" || unit == "years";
  for (const std::string_view known : {"day", "days", "month", "months", "year", "years"}) {
    const std::string_view number = value.substr(0, space);
    if (unit != known) continue;
    if (!(is_years ? not_between<1, 1000>(number) : not_between<1, 10'000>(number)))
      return std::nullopt;
  }
  return "Expected is a number of days, months or years such as 12 months, or forever.";
}

constexpr std::array kParameters = {
    SettingRow{"checkpoint_segment_size", "3000", &not_between<1, 1'000'000>,
               "Most change events that ingest applies in one transaction while it keeps up; more "
               "when it is behind."},
    SettingRow{"external_sql_folio", "", &reference_problem,
               "Git reference of the FOLIO derived tables to run, such as refs/tags/v1.8.0; also "
               "the URL of a repository followed by one; empty for none."},
    SettingRow{"external_sql_reshare", "", &reference_problem,
               "Git reference of the ReShare derived tables to run, or URL and reference; empty "
               "for none."},
    SettingRow{"external_sql_timeout", "3600", &not_between<1, 604'800>,
               "Seconds that one file of external SQL may take."},
    SettingRow{"kafka_sync_concurrency", "1", &not_between<1, 32>,
               "Taken as Metadb 1.4 takes it, and without effect: one consumer reads all of a data "
               "source, in its snapshot and after it."},
    SettingRow{"log_retention", "12 months", &retention_problem,
               "How long lines of metadb.log are kept, in days, months or years; forever to keep "
               "all. Whole months are dropped."},
    SettingRow{"maintenance_time", "03:00", &time_of_day_problem,
               "Time of day, in UTC, at which maintenance runs."},
    SettingRow{"max_poll_interval", "1800000", &not_between<10'000, 86'400'000>,
               "Longest time in milliseconds between two polls of Kafka before the group gives the "
               "partitions away."},
    SettingRow{"tables_per_transaction", "50", &not_between<1, 1000>,
               "Most tables that one ingest transaction writes."},
};

}  // namespace

std::span<const SettingRow> setting_rows() {
  return kParameters;
}

const SettingRow* setting_row(std::string_view name) {
  for (const SettingRow& row : kParameters) {
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

std::string shown_setting(std::string_view value) {
  return without_credentials(value);
}

int64_t integer_setting(const Settings& settings, std::string_view name) {
  const std::string& text = settings.find(name)->second;
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Settings load_settings(Connection& connection) {
  Settings out;
  for (const SettingRow& row : kParameters) out[std::string(row.name)] = row.default_value;
  const Result rows = connection.exec("SELECT parameter, value FROM metadb.config");
  for (int row = 0; row < rows.rows(); ++row) {
    if (setting_row(rows.text(row, 0)) != nullptr)
      out[std::string(rows.text(row, 0))] = rows.text(row, 1);
  }
  return out;
}

void store_setting(Connection& connection, std::string_view name, const std::string& value) {
  if (const auto problem = known_row(name).problem(value)) {
    throw Error("22023", fmt::format("invalid value for parameter \"{}\": \"{}\"", name,
                                     shown_setting(value)))
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
