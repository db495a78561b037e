#include "catalog/inference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace metadb::catalog {
namespace {

bool exists(Connection& connection, const std::string& rows) {
  return connection.exec(fmt::format("SELECT EXISTS ({})", rows)).boolean(0, 0);
}

// nullopt: every value of the rows between these __ids can be cast.
std::optional<Error> failure_between(Connection& connection, const std::string& query,
                                     int64_t first, int64_t last) {
  connection.exec("SAVEPOINT cast_probe");
  try {
    connection.exec(fmt::format("{} WHERE __id BETWEEN {} AND {}", query, first, last));
    connection.exec("RELEASE SAVEPOINT cast_probe");
    return std::nullopt;
  } catch (const Error& error) {
    if (!may_be_of_value(error) || !connection.is_ok()) throw;
    connection.exec("ROLLBACK TO SAVEPOINT cast_probe; RELEASE SAVEPOINT cast_probe");
    return error;
  }
}

// Such as: Key (id)=(5), origin "", __id 17, from ... to ...: the value is "x".
std::string described_row(Connection& connection, const Table& table, const Column& column,
                          int64_t id) {
  std::vector<std::string> names;
  std::vector<std::string> values = {"''"};
  for (const std::string& name : table.key_columns) {
    names.push_back(name);
    values.push_back(fmt::format("left({}::text, 100)", quote_identifier(name)));
  }
  const Result row = connection.exec(
      fmt::format("SELECT concat_ws(', ', {}), __origin, __start, __end, left({}::text, 200) FROM "
                  "{} WHERE __id = {} LIMIT 1",
                  fmt::join(std::span(values).subspan(names.empty() ? 0 : 1), ", "),
                  quote_identifier(column.name), table.main(), id));
  if (row.rows() == 0) return "";
  const std::string key =
      names.empty() ? "" : fmt::format("key ({})=({}), ", fmt::join(names, ", "), row.text(0, 0));
  return fmt::format(
      "The row with {}origin \"{}\" and __id {}, from {} to {}, has the value \"{}\".", key,
      row.text(0, 1), id, row.text(0, 2), row.text(0, 3), row.optional_text(0, 4).value_or("NULL"));
}

}  // namespace

bool may_be_of_value(const Error& error) {
  constexpr std::array<std::string_view, 5> kOfValues = {"22", "23", "0A000", "42601", "XX000"};
  return std::ranges::any_of(
      kOfValues, [&](std::string_view prefix) { return error.sqlstate.starts_with(prefix); });
}

std::vector<Column> inferred_uuids(Connection& connection, const Table& table) {
  std::vector<Column> out;
  for (const Column& column : table.columns) {
    const bool is_text =
        column.type == PgType::text && column.type_name == row_of(PgType::text).name;
    if (!is_text || column.choice != TypeChoice::events) continue;
    // Those of a transformed table have the types of their parent's.
    if (table.is_transformed &&
        std::ranges::find(table.key_columns, column.name) != table.key_columns.end()) {
      continue;
    }
    const std::string name = quote_identifier(column.name);
    const std::string from = fmt::format("SELECT FROM {} WHERE {} ", table.main(), name);
    // Most columns are told by their first row.
    if (exists(connection, from + "!~ " + quote_literal(kCanonicalUuid))) continue;
    if (!exists(connection, from + "IS NOT NULL")) continue;
    out.push_back(
        {column.name, std::string(row_of(PgType::uuid).name), PgType::uuid, TypeChoice::inferred});
  }
  return out;
}

// Halves the range of __ids: two scans of the table in all, whatever the number of rows, where a
// savepoint for each row would be one for each.
std::optional<CastFailure> first_cast_failure(Connection& connection, const Table& table,
                                              const Column& to) {
  const Result ends =
      connection.exec(fmt::format("SELECT min(__id), max(__id) FROM {}", table.main()));
  if (ends.is_null(0, 0)) return std::nullopt;
  int64_t first = ends.int64(0, 0);
  int64_t last = ends.int64(0, 1);
  const Column& from = *table.column(to.name);
  const std::string query =
      fmt::format("SELECT count({}) FROM {}", cast_column_sql(from, to), table.main());
  std::optional<Error> failure = failure_between(connection, query, first, last);
  if (!failure) return std::nullopt;
  while (first < last) {
    const int64_t middle = first + (last - first) / 2;
    const std::optional<Error> below = failure_between(connection, query, first, middle);
    if (below) {
      failure = below;
      last = middle;
    } else {
      first = middle + 1;
    }
  }
  // Of one row alone: a range's failure may have been another row's.
  failure = failure_between(connection, query, first, first);
  if (!failure) return std::nullopt;
  return CastFailure{*failure, described_row(connection, table, from, first)};
}

}  // namespace metadb::catalog
