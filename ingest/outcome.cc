#include "ingest/outcome.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace metadb::ingest {
namespace {

constexpr std::array<std::string_view, 4> kDataClasses = {"02", "22", "54", "23"};
constexpr std::array<std::string_view, 10> kWeatherClasses = {"08", "25", "28", "3D", "40",
                                                              "53", "55", "57", "58", "XX"};

template <size_t kSize>
bool holds(const std::array<std::string_view, kSize>& classes, std::string_view sqlstate) {
  return std::ranges::find(classes, sqlstate.substr(0, 2)) != classes.end();
}

// Violations that our own bookkeeping causes, not the values: a duplicate on a unique index of
// ours, a row outside all partitions, a NULL in one of our columns.
bool is_ours(const catalog::Error& error) {
  return error.sqlstate == "23505" || (error.sqlstate == "23514" && error.constraint.empty()) ||
         error.sqlstate == "23502";
}

}  // namespace

Disposition disposition(const catalog::Error& error) {
  if (is_ours(error)) return Disposition::stop;
  if (holds(kDataClasses, error.sqlstate)) return Disposition::data;
  if (holds(kWeatherClasses, error.sqlstate)) return Disposition::weather;
  return Disposition::stop;
}

bool may_be_refusal(const catalog::Error& error) {
  return disposition(error) == Disposition::data || error.sqlstate == "42601" ||
         error.sqlstate == "XX000";
}

}  // namespace metadb::ingest
