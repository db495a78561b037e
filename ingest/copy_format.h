// PostgreSQL's binary COPY tuples, written straight into a buffer (PostgreSQL, COPY, Binary
// Format).
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace metadb::ingest {

// Microseconds between PostgreSQL's epoch (2000-01-01) and Unix time.
constexpr int64_t kPostgresEpochUs = 946'684'800'000'000;

template <std::integral Number>
void append_big_endian(std::string& out, Number number) {
  auto bits = static_cast<std::make_unsigned_t<Number>>(number);
  char bytes[sizeof(Number)];
  for (size_t i = sizeof(Number); i-- > 0;) {
    bytes[i] = static_cast<char>(bits & 0xFFU);
    if constexpr (sizeof(Number) > 1) bits = static_cast<decltype(bits)>(bits >> 8U);
  }
  out.append(bytes, sizeof bytes);
}

inline int32_t read_int32(const char* bytes) {
  uint32_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return std::bit_cast<int32_t>(__builtin_bswap32(bits));
}

inline void append_null(std::string& out) {
  append_big_endian<int32_t>(out, -1);
}

inline void append_int8(std::string& out, int64_t number) {
  append_big_endian<int32_t>(out, 8);
  append_big_endian<int64_t>(out, number);
}

inline void append_boolean(std::string& out, bool value) {
  append_big_endian<int32_t>(out, 1);
  out += value ? '\1' : '\0';
}

inline void append_text(std::string& out, std::string_view text) {
  append_big_endian<int32_t>(out, static_cast<int32_t>(text.size()));
  out += text;
}

inline void append_timestamptz(std::string& out, int64_t unix_us) {
  append_int8(out, unix_us - kPostgresEpochUs);
}

// smallint[], one-dimensional, without NULLs.
inline void append_int2_array(std::string& out, std::span<const uint16_t> numbers) {
  constexpr int32_t kInt2Oid = 21;
  append_big_endian<int32_t>(out, static_cast<int32_t>(20 + 6 * numbers.size()));
  append_big_endian<int32_t>(out, 1);
  append_big_endian<int32_t>(out, 0);
  append_big_endian<int32_t>(out, kInt2Oid);
  append_big_endian<int32_t>(out, static_cast<int32_t>(numbers.size()));
  append_big_endian<int32_t>(out, 1);
  for (const uint16_t number : numbers) {
    append_big_endian<int32_t>(out, 2);
    append_big_endian<int16_t>(out, static_cast<int16_t>(number));
  }
}

}  // namespace metadb::ingest
