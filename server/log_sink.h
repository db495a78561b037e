// The part of the log that goes into the table metadb.log.
#pragma once

#include <spdlog/sinks/sink.h>

#include <memory>
#include <string>

namespace metadb::server {

// The sink that LogTable opens and closes, for a logger that is new: the same one every time, in
// the logger from the start, since a list of sinks must not change under threads that log. What it
// gets before the table is opened is kept, kEarlyLinesMax lines at most, and written then; what it
// gets after the table was closed goes nowhere.
std::shared_ptr<spdlog::sinks::sink> log_table_sink();

inline constexpr size_t kEarlyLinesMax = 1000;

// While it lives, what the logger takes at level info and above also goes to metadb.log. One at a
// time.
class LogTable {
 public:
  explicit LogTable(std::string conninfo);
  ~LogTable();
  LogTable(const LogTable&) = delete;
  LogTable& operator=(const LogTable&) = delete;
};

}  // namespace metadb::server
