// The months of metadb.log: made ahead, dropped whole when they are old enough.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/postgres.h"

namespace metadb::catalog {

// Of a year, in UTC.
struct Month {
  int year = 0;
  unsigned month = 0;
  auto operator<=>(const Month&) const = default;
  [[nodiscard]] Month next() const;
};

Month month_of(int64_t time_ms);  // milliseconds since 1970 UTC

// Makes metadb.log_YYYY_MM unless it is there; of two servers that want it one waits.
// REQUIRES: a transaction.
void create_log_partition(Connection& connection, const Month& month);
// This month's and the next one's, so that no line waits for the table that it goes to. In one
// transaction.
void create_log_partitions_ahead(Connection& connection, int64_t now_ms);
// Drops the months that ended `retention` ago or earlier, an interval as PostgreSQL reads it, and
// returns their names. Each in a transaction of its own, with a short wait for its lock.
std::vector<std::string> drop_old_log_partitions(Connection& connection,
                                                 const std::string& retention);

}  // namespace metadb::catalog
