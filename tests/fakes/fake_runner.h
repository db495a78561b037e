// A CommandRunner without a catalog: answers by the names that a command holds.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "server/commands/command.h"
#include "tests/fakes/eventually.h"

namespace metadb::tests {

// `list NAME` gives the rows in `listed`; `create data source NAME` succeeds with a notice, except
// for the names `refused` and `broken` (throw), `slow` (runs until cancelled) and `stubborn` (the
// same, and whoever requests the stop waits until release_stop()), and `chatty`, which tells
// notices until it is stopped. Of the shared verbs only `alter
// system set metadb_...` is taken. Everything that ran is in log().
class FakeRunner : public server::CommandRunner {
 public:
  std::vector<std::vector<std::optional<std::string>>> listed = {
      {"first", "1", "t"}, {"z\xC3\xBCrich", "-2", std::nullopt}};

  bool takes(const grammar::ast::Command& command, const server::Caller&) override {
    const auto* set = std::get_if<grammar::ast::AlterSystemSet>(&command);
    return set != nullptr && set->parameter.text.starts_with("metadb_");
  }

  std::vector<server::ColumnDescription> describe(const grammar::ast::Command& command) override {
    if (!std::holds_alternative<grammar::ast::List>(command)) return {};
    return {{"name", 25, -1}, {"number", 20, 8}, {"flag", 16, 1}};
  }

  server::Reply run(const grammar::ast::Command& command, server::Context& context) override {
    {
      const std::lock_guard lock(mutex_);
      log_.push_back(std::string(grammar::ast::tag(command)) + " by " + context.caller.user);
    }
    server::Reply reply;
    reply.tag = grammar::ast::tag(command);
    reply.columns = describe(command);
    if (!reply.columns.empty()) reply.rows = listed;
    if (const auto* created = std::get_if<grammar::ast::CreateDataSource>(&command)) {
      create(created->name, context);
    }
    return reply;
  }

  std::vector<std::string> log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  void wait_until_stop_was_asked() {
    std::unique_lock lock(mutex_);
    stop_asked_.wait(lock, [this] { return is_stop_asked_; });
  }
  // Whoever asked `stubborn` to stop still waits.
  bool is_stop_waiting() {
    const std::lock_guard lock(mutex_);
    return is_stop_waiting_;
  }
  void release_stop() {
    {
      const std::lock_guard lock(mutex_);
      is_stop_released_ = true;
    }
    stop_released_.notify_all();
  }
  [[nodiscard]] bool is_chatty_stopped() const { return is_chatty_stopped_; }
  // Whether the `slow` or `stubborn` command comes to run in time.
  [[nodiscard]] bool wait_until_slow_runs() {
    std::unique_lock lock(mutex_);
    return slow_runs_.wait_for(lock, kPatience, [this] { return is_slow_running_; });
  }

 private:
  void create(const grammar::ast::Name& name, server::Context& context) {
    if (name.text == "refused") {
      throw catalog::Error("42710", "data source \"refused\" already exists")
          .with_detail("It was created before.")
          .with_hint("Choose another name.")
          .with_position(name.position);
    }
    if (name.text == "broken") throw std::runtime_error("a bug");
    server::Notice notice;
    notice.message = "creating " + name.text;
    context.notice(notice);
    if (name.text == "slow") run_until_stopped(context);
    if (name.text == "chatty") talk_until_stopped(context);
    if (name.text == "stubborn") {
      const std::stop_callback block(context.stop(), [this] { hold_up(); });
      run_until_stopped(context);
    }
  }

  void talk_until_stopped(const server::Context& context) {
    server::Notice notice;
    notice.message = std::string(1000, 'x');
    std::mutex unused;
    std::condition_variable_any pace;
    std::unique_lock lock(unused);
    while (!context.stop().stop_requested()) {
      context.notice(notice);
      pace.wait_for(lock, context.stop(), std::chrono::milliseconds(1), [] { return false; });
    }
    is_chatty_stopped_ = true;
    throw catalog::Error("57014", "canceling statement due to user request");
  }

  // Not for ever: a front end that waits here, too, is to fail its test.
  void hold_up() {
    std::unique_lock lock(mutex_);
    is_stop_asked_ = is_stop_waiting_ = true;
    stop_asked_.notify_all();
    stop_released_.wait_for(lock, std::chrono::seconds(5), [this] { return is_stop_released_; });
    is_stop_waiting_ = false;
  }

  void run_until_stopped(const server::Context& context) {
    std::mutex stopped_mutex;
    std::condition_variable_any stopped;
    std::unique_lock stop_lock(stopped_mutex);
    {
      const std::lock_guard lock(mutex_);
      is_slow_running_ = true;
    }
    slow_runs_.notify_all();
    stopped.wait(stop_lock, context.stop(), [] { return false; });
    throw catalog::Error("57014", "canceling statement due to user request");
  }

  std::atomic<bool> is_chatty_stopped_ = false;
  std::mutex mutex_;
  std::condition_variable slow_runs_;
  bool is_slow_running_ = false;
  std::condition_variable stop_released_;
  std::condition_variable stop_asked_;
  bool is_stop_asked_ = false;
  bool is_stop_waiting_ = false;
  bool is_stop_released_ = false;
  std::vector<std::string> log_;
};

}  // namespace metadb::tests
