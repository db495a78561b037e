// Cells as COPY BINARY writes them: int32 length (-1 = NULL), then the value, all big-endian.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "ingest/debezium_error.h"

namespace metadb::ingest {

constexpr size_t kCellBytesMax = 0x3fffffff;  // PostgreSQL's limit of one value, 1 GB

// The value's bytes in network order.
template <typename T>
void append_big_endian(std::string& out, T value) {
  static_assert(std::is_integral_v<T>);
  char bytes[sizeof(T)];
  for (size_t i = 0; i < sizeof(T); i++) {
    bytes[sizeof(T) - 1 - i] = static_cast<char>(value & 0xff);
    if constexpr (sizeof(T) > 1) value = static_cast<T>(value >> 8);
  }
  out.append(bytes, sizeof(T));
}

inline void append_null_cell(std::string& out) {
  append_big_endian<int32_t>(out, -1);
}

template <typename T>
void append_int_cell(std::string& out, T value) {
  append_big_endian<int32_t>(out, sizeof(T));
  append_big_endian(out, value);
}

inline void append_bytes_cell(std::string& out, std::string_view bytes) {
  if (bytes.size() > kCellBytesMax) throw DecodeError("value is longer than 1 GB", "22001");
  append_big_endian(out, static_cast<int32_t>(bytes.size()));
  out.append(bytes);
}

// For values whose length is known only once they are written: begin, append, end.
inline size_t begin_cell(std::string& out) {
  out.append(sizeof(int32_t), '\0');
  return out.size();
}

inline void end_cell(std::string& out, size_t begin) {
  const size_t length = out.size() - begin;
  if (length > kCellBytesMax) throw DecodeError("value is longer than 1 GB", "22001");
  for (size_t i = 0; i < sizeof(int32_t); i++) {
    out[begin - 1 - i] = static_cast<char>((length >> (8 * i)) & 0xff);
  }
}

}  // namespace metadb::ingest
