// Configuration parameters that `alter system set` changes: one table of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "catalog/postgres.h"

namespace metadb::catalog {

struct SettingRow {
  std::string_view name;
  std::string_view default_value;
  // Says what is wrong with a value; nullopt if nothing is.
  std::optional<std::string> (*problem)(std::string_view value);
  std::string_view description;  // one sentence
};

std::span<const SettingRow> setting_rows();
// nullptr: no parameter of ours has this name.
const SettingRow* setting_row(std::string_view name);

using Settings = std::map<std::string, std::string, std::less<>>;

// The value of log_retention that keeps all.
inline constexpr std::string_view kForever = "forever";

// A value as it may be shown: without what a URL says before its host.
std::string shown_setting(std::string_view value);
// The value of a parameter that holds an integer. REQUIRES: a name of setting_rows().
int64_t integer_setting(const Settings& settings, std::string_view name);

// Every parameter with its stored value or its default.
Settings load_settings(Connection& connection);
// Checks and stores. Throws Error 22023 if the value does not pass, 42704 for an unknown name.
void store_setting(Connection& connection, std::string_view name, const std::string& value);
// Forgets what was stored; returns the default. Throws Error 42704 for an unknown name.
std::string reset_setting(Connection& connection, std::string_view name);

}  // namespace metadb::catalog
