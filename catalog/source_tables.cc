#include "catalog/source_tables.h"

#include <fmt/format.h>

namespace metadb::catalog {
namespace {

// Claims wait for each other, but not for batches, which write last_end in the same table.
constexpr std::string_view kClaimLock = "SELECT pg_advisory_xact_lock(1835361384, 2)";
constexpr std::string_view kColumns =
    "source_name, source_db, source_schema, source_table, schema_name, table_name, origin, "
    "server_name, topic";

SourceTable source_table(const Result& rows, int row) {
  SourceTable out;
  out.key = {std::string(rows.text(row, 0)), std::string(rows.text(row, 1)),
             std::string(rows.text(row, 2)), std::string(rows.text(row, 3))};
  out.schema_name = rows.text(row, 4);
  out.table_name = rows.text(row, 5);
  out.origin = rows.text(row, 6);
  out.server_name = rows.text(row, 7);
  out.topic = rows.text(row, 8);
  return out;
}

}  // namespace

std::vector<SourceTable> load_source_tables(Connection& connection) {
  const Result rows = connection.exec(fmt::format("SELECT {} FROM metadb.source_table", kColumns));
  std::vector<SourceTable> out;
  for (int row = 0; row < rows.rows(); ++row) out.push_back(source_table(rows, row));
  return out;
}

std::optional<SourceTable> claimed_by(Connection& connection, const SourceTable& wanted) {
  connection.exec(std::string(kClaimLock));
  const Result rows = connection.exec(
      fmt::format("SELECT {} FROM metadb.source_table WHERE schema_name = $1 AND table_name = $2 "
                  "AND (origin = $3 OR source_name <> $4) LIMIT 1",
                  kColumns),
      {wanted.schema_name, wanted.table_name, wanted.origin, wanted.key.source_name});
  if (rows.rows() == 0) return std::nullopt;
  return source_table(rows, 0);
}

void claim(Connection& connection, const SourceTable& table) {
  connection.exec(
      "INSERT INTO metadb.source_table (source_name, source_db, source_schema, source_table, "
      "schema_name, table_name, "
      "origin, server_name, topic) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      {table.key.source_name, table.key.db, table.key.schema, table.key.table, table.schema_name,
       table.table_name, table.origin, table.server_name, table.topic});
}

void adopt_server(Connection& connection, const SourceTable& table) {
  connection.exec(
      "UPDATE metadb.source_table SET server_name = $5, topic = $6 WHERE source_name = $1 AND "
      "source_db = $2 AND source_schema = $3 AND source_table = $4",
      {table.key.source_name, table.key.db, table.key.schema, table.key.table, table.server_name,
       table.topic});
}

int64_t last_end_us(Connection& connection, const SourceTableKey& key) {
  const Result rows = connection.exec(
      "SELECT CASE WHEN isfinite(last_end) THEN (extract(epoch FROM last_end) * 1000000)::bigint "
      "END "
      "FROM metadb.source_table WHERE source_name = $1 AND source_db = $2 AND source_schema = $3 "
      "AND source_table = $4",
      {key.source_name, key.db, key.schema, key.table});
  return rows.rows() == 0 || rows.is_null(0, 0) ? INT64_MIN : rows.int64(0, 0);
}

void raise_last_end(Connection& connection, const SourceTableKey& key, int64_t end_us) {
  connection.exec(
      "UPDATE metadb.source_table SET last_end = greatest(last_end, "
      "'epoch'::timestamptz + $5::bigint * interval '1 microsecond') "
      "WHERE source_name = $1 AND source_db = $2 AND source_schema = $3 AND source_table = $4",
      {key.source_name, key.db, key.schema, key.table, std::to_string(end_us)});
}

}  // namespace metadb::catalog
