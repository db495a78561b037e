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
  key,     // keys of passwords, which take long by design
  text,    // texts of clients to be parsed, if they are long
};

struct CommandPoolOptions {
  size_t regular_threads_max = 32;
  size_t quick_threads_max = 4;
  size_t cancel_threads_max = 4;
  size_t login_threads_max = 1;  // they share one connection
  size_t key_threads_max = 2;
  size_t text_threads_max = 4;  // the parser takes a statement of each in turn
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

  using Ticket = uint64_t;  // of one job
  // REQUIRES: the job throws nothing. Callable from any thread. Throws catalog::Error 53000 if
  // there is no thread to run it and none can be made.
  Ticket submit(CommandLane lane, std::function<void()> job);
  // Takes back a job that waits for a thread; false if it has begun. Callable from any thread.
  bool withdraw(CommandLane lane, Ticket ticket);

 private:
  struct Job {
    Ticket ticket = 0;
    std::function<void()> work;
  };
  struct Lane {
    size_t threads_max = 0;
    size_t idle = 0;
    std::deque<Job> jobs;
    std::vector<std::thread> threads;
    std::condition_variable has_work;
  };
  Lane& lane_of(CommandLane which) { return lanes_[static_cast<size_t>(which)]; }
  void add_thread(Lane& lane);
  void work(Lane& lane);

  std::mutex mutex_;  // guards the lanes
  bool is_stopping_ = false;
  Ticket last_ticket_ = 0;
  std::array<Lane, 6> lanes_;  // by CommandLane
};

}  // namespace metadb::server
