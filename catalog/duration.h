// Durations as users write them in options: 90s, 15min, 3h, 2d.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace metadb::catalog {

// nullopt: not a number of at most nine digits, greater than zero, with one of the units s, min, h,
// d.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);

}  // namespace metadb::catalog
