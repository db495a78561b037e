// Threads for commands, apart from the io threads.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace metadb::server {

enum class CommandLane : uint8_t {
  regular,
  quick,   // list and pause: never behind commands that wait for locks
  cancel,  // requests to stop, which may block: never behind the commands that they stop
  login,   // questions to PostgreSQL about roles that log in: never behind commands
};

struct CommandPoolOptions {
  size_t regular_threads_max = 32;
  size_t quick_threads_max = 4;
  size_t cancel_threads_max = 4;
  size_t login_threads_max = 1;  // they share one connection
};

// Plain synchronous jobs, each on a thread of its own for as long as it runs. Threads are made when
// no idle one is left, up to the lane's limit; then jobs wait in order.
// The destructor waits for all jobs; none may be submitted meanwhile.
class CommandPool {
 public:
  explicit CommandPool(const CommandPoolOptions& options = {});
  ~CommandPool();
  CommandPool(const CommandPool&) = delete;
  CommandPool& operator=(const CommandPool&) = delete;

  // REQUIRES: the job throws nothing. Callable from any thread. Throws catalog::Error 53000 if
  // there is no thread to run it and none can be made.
  void submit(CommandLane lane, std::function<void()> job);

 private:
  struct Lane {
    size_t threads_max = 0;
    size_t idle = 0;
    std::deque<std::function<void()>> jobs;
    std::vector<std::thread> threads;
    std::condition_variable has_work;
  };
  Lane& lane_of(CommandLane which) { return lanes_[static_cast<size_t>(which)]; }
  void add_thread(Lane& lane);
  void work(Lane& lane);

  std::mutex mutex_;  // guards the lanes
  bool is_stopping_ = false;
  std::array<Lane, 4> lanes_;  // by CommandLane
};

}  // namespace metadb::server
