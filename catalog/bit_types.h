// bit(n), the one type that keeps its modifier: its values are those of varbit that have n bits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace metadb::catalog {

// As format_type() prints it: bit(24).
std::string bit_type_name(int64_t length);
// 24 of bit(24); nullopt of every other type.
std::optional<int64_t> bit_length(std::string_view format_type_name);
// SQL of `value` as the bit string of that type which its text is. Fails (class 22) where that has
// another length: PostgreSQL's own cast would cut it, or fill it up. REQUIRES: a bit(n).
std::string exact_bits_sql(std::string_view value, std::string_view format_type_name);

}  // namespace metadb::catalog
