#include "server/session_execution.h"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "server/session_encoding.h"
#include "server/wire/messages.h"
#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace asio = boost::asio;
namespace ast = grammar::ast;

namespace {

CommandLane lane_of(const ast::Command& command) {
  const bool is_quick = std::holds_alternative<ast::List>(command) ||
                        std::holds_alternative<ast::PauseDataSource>(command);
  return is_quick ? CommandLane::quick : CommandLane::regular;
}

CommandResult run_here(CommandRunner& runner, const ast::Command& command, Context& context) {
  try {
    return runner.run(command, context);
  } catch (const catalog::Error& error) {
    return error;
  } catch (const std::exception& error) {
    spdlog::error("{} ended by an internal error: {}", ast::tag(command), error.what());
    return catalog::Error(wire::sqlstate::kInternalError, error.what());
  }
}

std::string notice_message(const Notice& notice, std::string_view encoding) {
  wire::Report report;
  report.severity = notice.severity;
  report.sqlstate = notice.sqlstate;
  report.message = for_client(notice.message, encoding);
  report.detail = for_client(notice.detail, encoding);
  report.hint = for_client(notice.hint, encoding);
  std::string out;
  wire::append_notice(out, report);
  return out;
}

}  // namespace

CommandExecution::CommandExecution(SessionLegs& legs, CommandRunner& runner, CommandPool& pool,
                                   Caller caller)
    : legs_(legs), runner_(runner), pool_(pool), caller_(std::move(caller)) {}

asio::awaitable<CommandResult> CommandExecution::run(std::shared_ptr<const ast::Command> command) {
  result_.reset();
  stop_.emplace();
  is_stop_requested_ = false;
  submit(std::move(command));
  for (;;) {
    if (legs_.is_closed()) request_stop();
    if (!notices_.empty()) {
      const std::string messages = std::exchange(notices_, {});
      const bool is_told = co_await legs_.tell_client(messages);
      if (!is_told) request_stop();
    } else if (!result_) {
      co_await legs_.changed();
    } else {
      break;
    }
  }
  stop_.reset();
  CommandResult result = std::move(*result_);
  result_.reset();
  co_return result;
}

// What a job tells the session it posts to the session's io thread. The result is posted last, and
// run() waits for it: `this` is there for every handler.
void CommandExecution::submit(std::shared_ptr<const ast::Command> command) {
  lane_ = lane_of(*command);
  const auto executor = legs_.executor();
  auto notify = [this, executor](Notice notice) {
    asio::post(executor, [this, notice = std::move(notice)] {
      notices_ += notice_message(notice, legs_.client_encoding);
      legs_.wake();
    });
  };
  auto job = [this, executor, command = std::move(command), stop = stop_->get_token(),
              notify = std::move(notify)] {
    Context context(caller_, stop, notify);
    auto result = run_here(runner_, *command, context);
    asio::post(executor, [this, result = std::move(result)]() mutable {
      result_ = std::move(result);
      legs_.wake();
    });
  };
  try {
    ticket_ = pool_.submit(lane_, std::move(job));
  } catch (const catalog::Error& error) {
    spdlog::error("{}", error.message());
    result_ = error;
  }
}

bool CommandExecution::cancel() {
  if (!stop_) return false;
  request_stop();
  return true;
}

// Those who wait for the stop are called by the thread that requests it, and may talk to
// PostgreSQL: no work for an io thread.
void CommandExecution::request_stop() {
  if (std::exchange(is_stop_requested_, true) || result_) return;
  if (pool_.withdraw(lane_, ticket_)) {
    result_ =
        catalog::Error(wire::sqlstate::kQueryCanceled, "canceling statement due to user request");
    legs_.wake();
    return;
  }
  const auto job = [stop = *stop_]() mutable { stop.request_stop(); };
  try {
    pool_.submit(CommandLane::cancel, job);
  } catch (const catalog::Error& error) {
    // Late, and everybody waits, but a command that nothing stops would hold up more.
    spdlog::error("{}", error.message());
    stop_->request_stop();
  }
}

}  // namespace metadb::server
