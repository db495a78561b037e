#include "server/command_pool.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <system_error>

#include "catalog/error.h"

namespace metadb::server {

CommandPool::CommandPool(const CommandPoolOptions& options) {
  lane_of(CommandLane::regular).threads_max = options.regular_threads_max;
  lane_of(CommandLane::quick).threads_max = options.quick_threads_max;
  lane_of(CommandLane::cancel).threads_max = options.cancel_threads_max;
  lane_of(CommandLane::login).threads_max = options.login_threads_max;
  lane_of(CommandLane::key).threads_max = options.key_threads_max;
  lane_of(CommandLane::text).threads_max = options.text_threads_max;
}

CommandPool::~CommandPool() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  for (Lane& lane : lanes_) {
    lane.has_work.notify_all();
    for (std::thread& thread : lane.threads) thread.join();
  }
}

CommandPool::Ticket CommandPool::submit(CommandLane which, std::function<void()> job) {
  Lane& lane = lane_of(which);
  const std::lock_guard lock(mutex_);
  lane.jobs.push_back({++last_ticket_, std::move(job)});
  if (lane.jobs.size() > lane.idle && lane.threads.size() < lane.threads_max) add_thread(lane);
  lane.has_work.notify_one();
  return last_ticket_;
}

bool CommandPool::withdraw(CommandLane which, Ticket ticket) {
  Lane& lane = lane_of(which);
  Job job;  // what it holds is freed outside the lock
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(lane.jobs, ticket, &Job::ticket);
  if (found == lane.jobs.end()) return false;
  job = std::move(*found);
  lane.jobs.erase(found);
  return true;
}

// REQUIRES: the lock is held, and the last job is the one that the thread is for.
void CommandPool::add_thread(Lane& lane) {
  try {
    lane.threads.emplace_back([this, &lane] { work(lane); });
  } catch (const std::system_error& error) {
    if (lane.threads.empty()) {
      lane.jobs.pop_back();
      throw catalog::Error("53000",
                           fmt::format("no thread can be made for a command: {}", error.what()));
    }
    // One of the others takes the job when its own is done.
    spdlog::warn("a command has to wait, no thread can be made for it: {}", error.what());
  }
}

void CommandPool::work(Lane& lane) {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++lane.idle;
    lane.has_work.wait(lock, [&] { return is_stopping_ || !lane.jobs.empty(); });
    --lane.idle;
    if (lane.jobs.empty()) return;
    auto work = std::move(lane.jobs.front().work);
    lane.jobs.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // what it holds is freed outside the lock
    lock.lock();
  }
}

}  // namespace metadb::server
