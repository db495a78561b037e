#include "catalog/log_partitions.h"

#include <fmt/format.h>

#include <chrono>

namespace metadb::catalog {
namespace {

constexpr std::string_view kPartitionLock = "SELECT pg_advisory_xact_lock(1835361384, 3)";

// Asks the table: to_regclass() remembers what it did not find until the transaction ends.
bool is_there(Connection& connection, const std::string& name) {
  const Result found = connection.exec(
      "SELECT FROM pg_class WHERE relnamespace = 'metadb'::regnamespace AND relname = $1", {name});
  return found.rows() > 0;
}

}  // namespace

Month Month::next() const {
  return month == 12 ? Month{year + 1, 1} : Month{year, month + 1};
}

Month month_of(int64_t time_ms) {
  const auto days = std::chrono::floor<std::chrono::days>(
      std::chrono::sys_time(std::chrono::milliseconds(time_ms)));
  const std::chrono::year_month_day date(days);
  return {static_cast<int>(date.year()), static_cast<unsigned>(date.month())};
}

void create_log_partition(Connection& connection, const Month& month) {
  const Month next = month.next();
  const std::string name = fmt::format("log_{:04}_{:02}", month.year, month.month);
  if (is_there(connection, name)) return;
  connection.exec(std::string(kPartitionLock));
  if (is_there(connection, name)) return;
  connection.exec(fmt::format("CREATE TABLE metadb.{} (LIKE metadb.log INCLUDING ALL)", name));
  connection.exec(
      fmt::format("ALTER TABLE metadb.log ATTACH PARTITION metadb.{} FOR VALUES FROM "
                  "('{:04}-{:02}-01 00:00:00+00') TO "
                  "('{:04}-{:02}-01 00:00:00+00')",
                  name, month.year, month.month, next.year, next.month));
}

void create_log_partitions_ahead(Connection& connection, int64_t now_ms) {
  Transaction transaction(connection);
  const Month month = month_of(now_ms);
  create_log_partition(connection, month);
  create_log_partition(connection, month.next());
  transaction.commit();
}

// By their bounds, not their names. They are printed in the session's time zone and read in it.
std::vector<std::string> drop_old_log_partitions(Connection& connection,
                                                 const std::string& retention) {
  const Result old = connection.exec(
      "SELECT name FROM (SELECT c.relname AS name, substring(pg_get_expr(c.relpartbound, c.oid) "
      "FROM 'TO \\(''([^'']+)''\\)')::timestamptz AS ends FROM pg_inherits i "
      "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'metadb.log'::regclass) AS part "
      "WHERE ends <= now() - $1::interval ORDER BY ends",
      {retention});
  std::vector<std::string> dropped;
  for (int row = 0; row < old.rows(); ++row) {
    const std::string name(old.text(row, 0));
    Transaction transaction(connection);
    connection.exec("SET LOCAL lock_timeout = '5s'");
    connection.exec("DROP TABLE " + quote_qualified("metadb", name));
    transaction.commit();
    dropped.push_back(name);
  }
  return dropped;
}

}  // namespace metadb::catalog
