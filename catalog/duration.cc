#include "catalog/duration.h"

#include <array>
#include <charconv>
#include <cstdint>

namespace metadb::catalog {
namespace {

struct Unit {
  std::string_view name;
  int64_t seconds;
};
constexpr std::array kUnits = {Unit{"s", 1}, Unit{"min", 60}, Unit{"h", 3600}, Unit{"d", 86'400}};
constexpr int64_t kMost = 999'999'999;

}  // namespace

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number <= 0 || number > kMost) return std::nullopt;
  const std::string_view name = text.substr(static_cast<size_t>(end - text.data()));
  for (const Unit& unit : kUnits) {
    if (name == unit.name) return std::chrono::seconds(number * unit.seconds);
  }
  return std::nullopt;
}

}  // namespace metadb::catalog
