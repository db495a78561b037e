// Names of the tables and columns that a source table becomes. Pure functions; their results are
// kept in the catalog and never computed again.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace metadb::ingest {

constexpr size_t kNameBytesMax = 63;  // PostgreSQL's NAMEDATALEN - 1

// The first `bytes_max` bytes at most, cut between characters. REQUIRES: valid UTF-8.
std::string_view utf8_prefix(std::string_view text, size_t bytes_max);
// `name` if it has at most `bytes_max` bytes; else its beginning, `_` and 8 hex digits of its hash.
std::string shortened(std::string_view name, size_t bytes_max);

// All names of one table T (dialect.md, Source name rewriting).
struct TableNames {
  explicit TableNames(std::string_view source_table);

  std::string current;  // T
  std::string main;     // T__
  std::string history;  // zzz___T___
  std::string sync;     // zzz___T___sync
  // zzz___T___2026. REQUIRES: 1 <= year <= 9999.
  [[nodiscard]] std::string leaf(int year) const;
};

// The name of a source column in our table: the source's own unless it is empty, too long, taken,
// one of ours or a system column of PostgreSQL. REQUIRES: `taken` holds the names given before.
std::string column_name(std::string_view source_name,
                        const std::set<std::string, std::less<>>& taken);

}  // namespace metadb::ingest
