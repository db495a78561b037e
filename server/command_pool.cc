#include "server/command_pool.h"

namespace metadb::server {

CommandPool::CommandPool(const CommandPoolOptions& options) {
  regular_.threads_max = options.regular_threads_max;
  quick_.threads_max = options.quick_threads_max;
}

CommandPool::~CommandPool() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  for (Lane* lane : {&regular_, &quick_}) {
    lane->has_work.notify_all();
    for (std::thread& thread : lane->threads) thread.join();
  }
}

void CommandPool::submit(CommandLane which, std::function<void()> job) {
  Lane& lane = which == CommandLane::quick ? quick_ : regular_;
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
