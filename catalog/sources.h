// Data sources and their options: one table of options serves CREATE, ALTER, LIST and storage.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/postgres.h"

namespace metadb::catalog {

struct SourceOptionRow {
  std::string_view name;
  std::string_view alias;  // the reference's other spelling; empty if it has none
  bool is_required;
  bool is_reference_column;  // stored in a column of metadb.source, else in metadb.source_option
  std::string_view default_value;
  std::optional<std::string> (*problem)(std::string_view value);
  std::string_view description;
};

// In the order in which `list data_sources` shows them.
std::span<const SourceOptionRow> source_option_rows();

enum class SyncMode : int16_t { none = 0, initial = 1, resync = 2 };

struct DataSource {
  std::string name;
  bool is_enabled = true;                           // false while paused
  std::optional<int64_t> paused_us = std::nullopt;  // since when, microseconds since 1970 UTC
  SyncMode sync = SyncMode::initial;
  int64_t generation = 1;  // of its snapshots: another one with each SYNC DATA SOURCE
  // By canonical name; absent = default. `kafka.PROPERTY` options stand here under their full name.
  std::map<std::string, std::string, std::less<>> options;

  // The option's value or default. REQUIRES: a name of source_option_rows().
  [[nodiscard]] std::string option(std::string_view name) const;
  // Whether it has another value than if it had never been given.
  [[nodiscard]] bool has_option(std::string_view name) const;
  // The kafka.PROPERTY options, without the prefix.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> kafka_properties() const;
};

// The canonical name of an option as typed, or Error 42601 with a hint that lists the valid ones.
// `kafka.PROPERTY` is valid for every property that the server does not set itself.
std::string canonical_option(std::string_view typed);
// Throws Error 22023 if `value` does not fit the option.
void check_option(std::string_view name, std::string_view value);
// Whether the option's value is shown as ********.
bool is_secret_option(std::string_view name);
// The option's value with whatever is secret in it replaced by ********.
std::string shown_value(std::string_view name, std::string_view value);

std::vector<DataSource> load_sources(Connection& connection);
Error no_such_source(const std::string& name);
// Each throws Error: 42710 if the name is taken, 42704 if there is no such source.
// A source that was dropped before and has positions left gets the mode back that it had, and goes
// on with its generation.
struct Begun {
  SyncMode sync = SyncMode::initial;
  int64_t generation = 1;
};
Begun insert_source(Connection& connection, const DataSource& source);
void update_source(Connection& connection, const DataSource& source);
// Sets is_enabled and paused_us, in PostgreSQL and in `source`.
void pause_source(Connection& connection, DataSource& source);
void resume_source(Connection& connection, DataSource& source);
void delete_source(Connection& connection, const std::string& name);
// Whether positions of a source of this name are left from before it was dropped.
bool has_positions(Connection& connection, const std::string& name);

}  // namespace metadb::catalog
