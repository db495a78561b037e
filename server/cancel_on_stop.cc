#include "server/cancel_on_stop.h"

#include <chrono>
#include <functional>
#include <utility>

namespace metadb::server {
namespace {

constexpr std::chrono::milliseconds kAgain{200};

}  // namespace

CancelOnStop::CancelOnStop(const catalog::Connection& connection, std::stop_token stop)
    : connection_(connection),
      stop_(std::move(stop)),
      thread_([this](const std::stop_token& ended) { watch(ended); }) {}

CancelOnStop::~CancelOnStop() = default;

void CancelOnStop::watch(const std::stop_token& ended) {
  const std::stop_callback wake(stop_, [this] {
    const std::scoped_lock lock(mutex_);
    wake_.notify_all();
  });
  std::unique_lock lock(mutex_);
  wake_.wait(lock, ended, [this] { return stop_.stop_requested(); });
  while (!ended.stop_requested()) {
    connection_.cancel();
    wake_.wait_for(lock, ended, kAgain, [] { return false; });
  }
}

void check_stop(const std::stop_token& stop) {
  if (!stop.stop_requested()) return;
  throw catalog::Error("57014", "canceling statement due to user request");
}

}  // namespace metadb::server
