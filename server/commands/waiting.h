// What a command does while a statement of its runs in PostgreSQL: it can be stopped, and says what
// it waits for.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "catalog/postgres.h"
#include "server/commands/command.h"

namespace metadb::server {

// From the constructor to the end of the object. A cancel request that finds PostgreSQL between two
// statements is forgotten there: once the command is to stop, it is repeated until the object ends.
class Waiting {
 public:
  static constexpr std::chrono::seconds kNoticeEvery{10};

  // `notice`: what the client is told every kNoticeEvery; nothing if there is none.
  Waiting(const Context& session, const catalog::Connection& connection,
          std::optional<Notice> notice = std::nullopt);
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  void run(const std::stop_token& end);

  const Context& session_;
  const catalog::Connection& connection_;
  std::optional<Notice> notice_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::stop_callback<std::function<void()>> on_stop_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace metadb::server
