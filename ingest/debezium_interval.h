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

void append_interval_cell(std::string& out, const Interval& interval);

}  // namespace metadb::ingest
