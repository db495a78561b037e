#include "catalog/stream_lock.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <set>

namespace metadb::catalog {
namespace {

constexpr int32_t kStreamLockClass = 1835361385;

// FNV-1a, 32 bits: the lock only needs equal names to give equal numbers.
int32_t lock_number(const TableName& table) {
  uint32_t hash = 2166136261U;
  for (const char c : table.first + "." + table.second) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  return static_cast<int32_t>(hash);
}

std::string shares_sql(const std::vector<const Table*>& tables) {
  std::vector<int32_t> numbers;
  for (const Table* table : tables)
    numbers.push_back(lock_number({table->schema, table->current_name}));
  return fmt::format("SELECT pg_try_advisory_xact_lock_shared({}, n) FROM unnest(ARRAY[{}]) n; ",
                     kStreamLockClass, fmt::join(numbers, ", "));
}

// The index of the first table that has another revision; empty if none of them has one.
std::string changed_sql(const std::vector<const Table*>& tables) {
  std::string wanted;
  for (size_t i = 0; i < tables.size(); ++i) {
    if (tables[i]->revision == 0) continue;
    wanted += fmt::format("{}({}, {}, {}, {}::bigint)", wanted.empty() ? "" : ", ", i,
                          quote_literal(tables[i]->schema), quote_literal(tables[i]->current_name),
                          tables[i]->revision);
  }
  if (wanted.empty()) return wanted;
  return fmt::format(
      "SELECT w.i FROM (VALUES {}) w(i, s, t, r) LEFT JOIN metadb.managed_table m ON m.schema_name "
      "= w.s AND m.table_name = w.t AND m.revision = w.r WHERE m.revision IS NULL ORDER BY 1 LIMIT "
      "1",
      wanted);
}

}  // namespace

std::optional<StreamObstacle> share_streams(Connection& connection,
                                            const std::vector<const Table*>& tables) {
  if (tables.empty()) return std::nullopt;
  // Only a statement that begins after the locks are held sees what their last holder committed.
  const std::vector<Result> found = connection.exec_each(shares_sql(tables) + changed_sql(tables));
  for (int row = 0; row < found[0].rows(); ++row) {
    if (!found[0].boolean(row, 0))
      return StreamObstacle{StreamObstacle::Kind::busy, static_cast<size_t>(row)};
  }
  if (found.size() == 1 || found[1].rows() == 0) return std::nullopt;
  return StreamObstacle{StreamObstacle::Kind::changed, static_cast<size_t>(found[1].int64(0, 0))};
}

bool is_stream_busy(Connection& connection, const TableName& table) {
  return !connection
              .exec(fmt::format("SELECT pg_try_advisory_xact_lock_shared({}, {})", kStreamLockClass,
                                lock_number(table)))
              .boolean(0, 0);
}

StreamLock::StreamLock(Connection& connection, const std::vector<TableName>& tables)
    : connection_(connection) {
  std::set<int32_t> numbers;  // in one fixed order, so that two commands never wait for each other
  for (const TableName& table : tables) numbers.insert(lock_number(table));
  const Result limit = connection_.exec("SHOW lock_timeout");
  connection_.exec("SET lock_timeout = 0");
  for (const int32_t number : numbers)
    connection_.exec(fmt::format("SELECT pg_advisory_lock({}, {})", kStreamLockClass, number));
  connection_.exec("SET lock_timeout = " + quote_literal(limit.text(0, 0)));
}

// All advisory locks of the session are ours: it is the command's own.
StreamLock::~StreamLock() {
  if (!connection_.is_ok()) return;
  try {
    connection_.exec("SELECT pg_advisory_unlock_all()");
  } catch (const Error& error) {
    // A command that was stopped; its connection closes, which gives the locks back.
    spdlog::debug("stream lock: {}", error.what());
  }
}

}  // namespace metadb::catalog
