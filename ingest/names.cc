#include "ingest/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>

namespace metadb::ingest {
namespace {

constexpr size_t kHashBytes = 9;        // _xxxxxxxx
constexpr size_t kMainBytesMax = 61;    // T + __
constexpr size_t kHelperBytesMax = 50;  // zzz___ + T + ___2026

// FNV-1a, 64 bits folded to 32. Part of names on disk: never to be changed.
uint32_t name_hash(std::string_view name) {
  uint64_t hash = 14695981039346656037ULL;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return static_cast<uint32_t>(hash ^ (hash >> 32));
}

bool is_reserved(std::string_view name) {
  constexpr std::array<std::string_view, 11> kReserved = {
      "__id",     "__start", "__end", "__current", "__origin",  // ours
      "tableoid", "ctid",    "xmin",  "cmin",      "xmax",
      "cmax",  // PostgreSQL, ddl-system-columns
  };
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end();
}

}  // namespace

std::string_view utf8_prefix(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) end--;
  return text.substr(0, end);
}

std::string shortened(std::string_view name, size_t bytes_max) {
  assert(bytes_max > kHashBytes);
  if (name.size() <= bytes_max) return std::string(name);
  return fmt::format("{}_{:08x}", utf8_prefix(name, bytes_max - kHashBytes), name_hash(name));
}

TableNames::TableNames(std::string_view source_table) {
  const std::string helper = shortened(source_table, kHelperBytesMax);
  current = source_table.size() > kMainBytesMax ? helper : std::string(source_table);
  main = current + "__";
  history = "zzz___" + helper + "___";
  sync = history + "sync";
}

std::string TableNames::leaf(int year) const {
  assert(year >= 1 && year <= 9999);
  return history + std::to_string(year);
}

std::string column_name(std::string_view source_name,
                        const std::set<std::string, std::less<>>& taken) {
  const std::string name = shortened(source_name, kNameBytesMax);
  std::string candidate = name;
  for (int number = 2; candidate.empty() || is_reserved(candidate) || taken.contains(candidate);
       number++) {
    const std::string suffix = fmt::format("_{}", number);
    candidate = std::string(utf8_prefix(name, kNameBytesMax - suffix.size())) + suffix;
  }
  return candidate;
}

}  // namespace metadb::ingest
