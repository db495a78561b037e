// What a connection runs ends when a stop is requested.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "catalog/postgres.h"

namespace metadb::server {

// While it lives: once `stop` is requested, cancel requests go to PostgreSQL until this ends. One
// alone could arrive between two statements, where PostgreSQL forgets it. The connection outlives
// it; its user looks at the token between statements, and gets 57014 from the one that runs.
class CancelOnStop {
 public:
  CancelOnStop(const catalog::Connection& connection, std::stop_token stop);
  ~CancelOnStop();
  CancelOnStop(const CancelOnStop&) = delete;
  CancelOnStop& operator=(const CancelOnStop&) = delete;

 private:
  void watch(const std::stop_token& ended);

  const catalog::Connection& connection_;
  const std::stop_token stop_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

// Throws Error 57014 once `stop` is requested.
void check_stop(const std::stop_token& stop);

}  // namespace metadb::server
