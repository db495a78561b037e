#include "server/command_pool.h"

namespace metadb::server {

CommandPool::CommandPool(const CommandPoolOptions& options) {
  regular_.threads_max = options.regular_threads_max;
  quick_.threads_max = options.quick_threads_max;
  login_.threads_max = options.login_threads_max;
}

CommandPool::~CommandPool() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  for (Lane* lane : {&regular_, &quick_, &login_}) {
    lane->has_work.notify_all();
    for (std::thread& thread : lane->threads) thread.join();
  }
}

CommandPool::Lane& CommandPool::lane(CommandLane which) {
  switch (which) {
    case CommandLane::quick:
      return quick_;
    case CommandLane::login:
      return login_;
    case CommandLane::regular:
      break;
  }
  return regular_;
}

void CommandPool::submit(CommandLane which, std::function<void()> job) {
  Lane& lane = this->lane(which);
  const std::lock_guard lock(mutex_);
  lane.jobs.push_back(std::move(job));
  if (lane.jobs.size() > lane.idle && lane.threads.size() < lane.threads_max) {
    lane.threads.emplace_back([this, &lane] { work(lane); });
  } else {
    lane.has_work.notify_one();
  }
}

void CommandPool::work(Lane& lane) {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++lane.idle;
    lane.has_work.wait(lock, [&] { return is_stopping_ || !lane.jobs.empty(); });
    --lane.idle;
    if (lane.jobs.empty()) return;
    auto job = std::move(lane.jobs.front());
    lane.jobs.pop_front();
    lock.unlock();
    job();
    job = nullptr;  // what it holds is freed outside the lock
    lock.lock();
  }
}

}  // namespace metadb::server
