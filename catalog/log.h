// Lines of the server's log on their way into the table metadb.log.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "catalog/postgres.h"

namespace metadb::catalog {

struct LogLine {
  int64_t time_ms = 0;  // milliseconds since 1970 UTC
  std::string severity;
  std::string message;
};

// Writes lines to metadb.log from a thread of its own. Holds at most kLinesMax while PostgreSQL
// does not answer; what does not fit is dropped and counted in the next line that gets through.
class LogWriter {
 public:
  explicit LogWriter(std::string conninfo);
  ~LogWriter();  // writes what is left, if PostgreSQL answers
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // From any thread; never blocks on PostgreSQL.
  void append(LogLine line);

  static constexpr size_t kLinesMax = 10'000;

 private:
  void run(const std::stop_token& stop);
  std::deque<LogLine> take(const std::stop_token& stop);
  void put_back(std::deque<LogLine> lines);

  std::string conninfo_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<LogLine> waiting_;
  uint64_t dropped_ = 0;
  std::jthread thread_;
};

// Writes `lines`, creating the partitions of their months. In one transaction.
void write_log(Connection& connection, const std::deque<LogLine>& lines);

}  // namespace metadb::catalog
