#include "catalog/scalar_type.h"

#include <fmt/format.h>

namespace metadb::catalog {
namespace {

// Whether there is a parenthesis outside of quoted names.
bool has_modifier(const std::string& sql) {
  bool is_quoted = false;
  for (const char c : sql) {
    if (c == '"') is_quoted = !is_quoted;
    if (c == '(' && !is_quoted) return true;
  }
  return false;
}

}  // namespace

ScalarType scalar_type(Connection& connection, const std::string& sql) {
  constexpr int64_t kBit = 1560;
  const Transaction transaction(connection);
  connection.exec("SET LOCAL search_path = pg_catalog");
  const Result found = connection.exec(
      "WITH RECURSIVE base AS (SELECT t.*, 0 AS depth FROM pg_type t WHERE t.oid = to_regtype($1) "
      "UNION ALL SELECT t.*, depth + 1 FROM base b JOIN pg_type t ON t.oid = b.typbasetype) "
      "SELECT first.oid, format_type(first.oid, -1), last.typtype IN ('b', 'e', 'r') AND "
      "last.typcategory <> 'A' "
      "FROM base first, (SELECT * FROM base ORDER BY depth DESC LIMIT 1) last WHERE first.depth = "
      "0",
      {sql});
  if (found.rows() == 0) {
    throw Error("42704", fmt::format("type \"{}\" does not exist", sql))
        .with_hint("A type that is not PostgreSQL's own is named with its schema.");
  }
  if (!found.boolean(0, 2)) {
    throw Error("0A000", fmt::format("type {} is not a scalar type", found.text(0, 1)))
        .with_hint("Arrays, composite types and pseudo-types can't be the type of a column here.");
  }
  // bit without length is one bit; every other type without modifier takes all values.
  if (found.int64(0, 0) == kBit) return {sql, std::nullopt, false};
  const std::string name(found.text(0, 1));
  return {name, pg_type_named(name), has_modifier(sql)};
}

}  // namespace metadb::catalog
