#include "server/commands/waiting.h"

namespace metadb::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kCancelEvery{200};

}  // namespace

Waiting::Waiting(const Context& session, const catalog::Connection& connection,
                 std::optional<Notice> notice)
    : session_(session),
      connection_(connection),
      notice_(std::move(notice)),
      on_stop_(session.stop(),
               [this] {
                 const std::scoped_lock lock(mutex_);
                 changed_.notify_all();
               }),
      thread_([this](const std::stop_token& end) { run(end); }) {}

Waiting::~Waiting() {
  thread_.request_stop();
  thread_.join();
}

void Waiting::run(const std::stop_token& end) {
  std::unique_lock lock(mutex_);
  const auto is_stopping = [this] { return session_.stop().stop_requested(); };
  auto next_notice = Clock::now() + kNoticeEvery;
  while (!end.stop_requested()) {
    if (is_stopping()) {
      connection_.cancel();
      changed_.wait_for(lock, end, kCancelEvery, [] { return false; });
    } else if (!notice_) {
      changed_.wait(lock, end, is_stopping);
    } else if (!changed_.wait_until(lock, end, next_notice, is_stopping)) {
      if (end.stop_requested()) return;
      session_.notice(*notice_);
      next_notice += kNoticeEvery;
    }
  }
}

}  // namespace metadb::server
