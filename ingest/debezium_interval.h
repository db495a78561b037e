// Intervals: PostgreSQL's three parts, and how Debezium writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace metadb::ingest {

struct Interval {
  int64_t micros = 0;
  int32_t days = 0;
  int32_t months = 0;
};

// P1Y2M3DT4H5M6.78S, each number with a sign of its own. Throws DecodeError 22008 for what is no
// interval of PostgreSQL.
Interval parse_interval(std::string_view iso);

// As PostgreSQL prints it (IntervalStyle postgres): 1 year 2 mons -3 days +04:05:06.789
std::string interval_text(const Interval& interval);

void append_interval_cell(std::string& out, const Interval& interval);

}  // namespace metadb::ingest
