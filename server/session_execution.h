// One command of ours on its way through the command pool and back.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>

#include "catalog/error.h"
#include "server/command_pool.h"
#include "server/commands/command.h"
#include "server/session_legs.h"

namespace metadb::server {

using CommandResult = std::variant<Reply, catalog::Error>;

// Runs one command at a time for a session. The session's coroutine waits for its end whatever
// happens meanwhile, so nothing that a job refers to goes away before it; if the session closes,
// the command is asked to stop.
class CommandExecution {
 public:
  CommandExecution(SessionLegs& legs, CommandRunner& runner, CommandPool& pool, Caller caller);

  // Notices go to the client as they come. What the command throws, and that there is no thread for
  // it, is its result. REQUIRES: none is running.
  boost::asio::awaitable<CommandResult> run(std::shared_ptr<const grammar::ast::Command> command);
  // Asks the running command to stop; false if none runs.
  bool cancel();

  [[nodiscard]] CommandRunner& runner() const { return runner_; }
  [[nodiscard]] CommandPool& pool() const { return pool_; }
  [[nodiscard]] const Caller& caller() const { return caller_; }

 private:
  void submit(std::shared_ptr<const grammar::ast::Command> command);
  void request_stop();

  SessionLegs& legs_;
  CommandRunner& runner_;
  CommandPool& pool_;
  const Caller caller_;
  std::optional<std::stop_source> stop_;     // set while a command runs or waits for a thread
  CommandLane lane_ = CommandLane::regular;  // of that command, and its
  CommandPool::Ticket ticket_ = 0;
  bool is_stop_requested_ = false;  // of that command
  std::string notices_;             // messages that came and were not sent yet
  std::optional<CommandResult> result_;
};

}  // namespace metadb::server
