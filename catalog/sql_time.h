// Instants as statements write them.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace metadb::catalog {

// __end of current rows: 9999-12-31 00:00:00 UTC, and in microseconds since 1970.
inline constexpr std::string_view kNoEnd = "'9999-12-31 00:00:00+00'::timestamptz";
inline constexpr int64_t kNoEndUs = 253'402'214'400'000'000;

inline std::string time_literal(int64_t unix_us) {
  return fmt::format("('epoch'::timestamptz + {} * interval '1 microsecond')", unix_us);
}

}  // namespace metadb::catalog
