#include "catalog/bit_types.h"

#include <fmt/format.h>

#include <charconv>

namespace metadb::catalog {

std::string bit_type_name(int64_t length) {
  return fmt::format("bit({})", length);
}

std::optional<int64_t> bit_length(std::string_view format_type_name) {
  constexpr std::string_view kHead = "bit(";
  if (!format_type_name.starts_with(kHead) || !format_type_name.ends_with(')')) return std::nullopt;
  const std::string_view digits =
      format_type_name.substr(kHead.size(), format_type_name.size() - kHead.size() - 1);
  int64_t length = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, length);
  if (error != std::errc() || stop != end) return std::nullopt;
  return length;
}

// No IS NULL: PostgreSQL fails at it in ALTER TABLE ... USING of a partitioned table (XX000).
std::string exact_bits_sql(std::string_view value, std::string_view format_type_name) {
  return fmt::format(
      "CASE WHEN length(({0})::text) = {1} THEN ({0})::text::{2} ELSE ('not {2}: ' || "
      "({0})::text)::uuid::text::{2} END",
      value, bit_length(format_type_name).value(), format_type_name);
}

}  // namespace metadb::catalog
