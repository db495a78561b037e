// The part of the log that goes into the table metadb.log.
#pragma once

#include <memory>
#include <string>

#include "catalog/log.h"

namespace metadb::server {

// While it lives, what spdlog's default logger takes at level info and above also goes to
// metadb.log. Made and destroyed while no other thread logs for the first or last time.
class LogTable {
 public:
  explicit LogTable(std::string conninfo);
  ~LogTable();
  LogTable(const LogTable&) = delete;
  LogTable& operator=(const LogTable&) = delete;

 private:
  struct Sink;
  std::shared_ptr<Sink> sink_;
};

}  // namespace metadb::server
