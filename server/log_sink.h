// The part of the log that goes into the table metadb.log.
#pragma once

#include <spdlog/sinks/sink.h>

#include <memory>
#include <string>

namespace metadb::server {

// The sink of the process's logger that LogTable opens and closes; what it gets in between goes
// nowhere. It is in the logger from the start, since a list of sinks must not change under threads
// that log.
std::shared_ptr<spdlog::sinks::sink> log_table_sink();

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
