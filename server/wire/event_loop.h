// The event loop of an io thread: sockets, points in time and posted work.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "server/descriptor.h"

struct epoll_event;

namespace metadb::server::wire {

class Watch;
class Timer;

// What may be called back. One that captures a pointer or two costs no memory of its own.
using Callback = std::function<void()>;

// One thread calls run() and does everything with the sockets and timers of the loop; others only
// post. Coroutines run on it by its executor, as on one of Asio's contexts. Asio's own reactor is
// not used: it asks the kernel once more for every message, before it waits and when nothing is
// there, which is a good part of what a relayed query costs.
class EventLoop : public boost::asio::execution_context {
 public:
  class Executor;

  // Throws std::system_error if the system has no descriptors left.
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Returns after stop(), once no socket is watched, no timer runs and nothing is posted.
  void run();
  // Callable from any thread.
  void stop();
  // Calls it on the loop's thread, never before it returns. Callable from any thread.
  void post(Callback callback);

  [[nodiscard]] Executor executor() noexcept;

 private:
  friend class Watch;
  friend class Timer;
  using Clock = std::chrono::steady_clock;
  using Timers = std::multimap<Clock::time_point, Timer*>;

  [[nodiscard]] bool has_work() const;
  void run_posted();
  void run_due();
  void run_again();
  void wait();
  // Fills in what has happened, and returns how much; waits for it. Negative: interrupted.
  int look(std::span<epoll_event> events);
  void take_posted();
  void arm(Clock::time_point time);
  void forget(Watch& watch);

  Descriptor epoll_;
  Descriptor bell_;   // an eventfd: others have posted, or stop
  Descriptor clock_;  // a timerfd: the first timer is due
  bool is_stopping_ = false;
  std::vector<Callback> tasks_;  // posted, and known to the loop's thread
  Timers timers_;
  Clock::time_point yields_from_;  // the core to others, before it sleeps
  Clock::time_point armed_ = Clock::time_point::max();
  size_t watched_ = 0;
  std::vector<Watch*> again_;    // may be readable still, and are to be called in the next turn
  std::vector<Watch*> serving_;  // what this turn has to call; null if it has gone

  std::mutex mutex_;
  std::vector<Callback> posted_;    // by others; guarded by mutex_
  bool is_stop_requested_ = false;  // guarded by mutex_
};

// An executor of Asio's.
class EventLoop::Executor {
 public:
  explicit Executor(EventLoop& loop) noexcept : loop_(&loop) {}
  [[nodiscard]] EventLoop& loop() const noexcept { return *loop_; }

  template <typename Function>
  void execute(Function function) const {
    // Handlers can only be moved, a Callback is to be copied.
    auto shared = std::make_shared<Function>(std::move(function));
    loop_->post([shared] { std::move (*shared)(); });
  }
  [[nodiscard]] EventLoop& query(boost::asio::execution::context_t /*property*/) const noexcept {
    return *loop_;
  }
  static constexpr boost::asio::execution::blocking_t query(
      boost::asio::execution::blocking_t /*property*/) noexcept {
    return boost::asio::execution::blocking.never;
  }
  [[nodiscard]] Executor require(
      boost::asio::execution::blocking_t::never_t /*property*/) const noexcept {
    return *this;
  }
  friend bool operator==(const Executor& one, const Executor& other) noexcept {
    return one.loop_ == other.loop_;
  }
  friend bool operator!=(const Executor& one, const Executor& other) noexcept {
    return one.loop_ != other.loop_;
  }

 private:
  EventLoop* loop_;
};

inline EventLoop::Executor EventLoop::executor() noexcept {
  return Executor(*this);
}

// The loop behind an executor. REQUIRES: there is one.
EventLoop& loop_of(const boost::asio::any_io_executor& executor);

// A socket in the loop's epoll set, edge-triggered. Belongs to the loop's thread from its
// construction; must end before the loop.
class Watch {
 public:
  // Throws std::system_error if the kernel does not take it.
  Watch(EventLoop& loop, Descriptor socket);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  [[nodiscard]] EventLoop& loop() const { return loop_; }
  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] bool is_open() const { return static_cast<bool>(socket_); }

  // Calls once, when a read is worth a try or the socket was closed; never before it returns.
  void when_readable(Callback callback);
  // The same for writes. REQUIRES: a write has just found no room.
  void when_writable(Callback callback);
  // A read has found nothing: the next one is worth a try after an event.
  void read_nothing() { is_readable_ = false; }
  // A read has found less than there was room for: the same, unless the end may be behind it.
  void read_all() { is_readable_ = is_ending_; }
  // What is due is called.
  void close();

 private:
  friend class EventLoop;
  void happened(uint32_t events);
  void watch_for(uint32_t events);
  void call_again();

  EventLoop& loop_;
  Descriptor socket_;
  Callback reader_;
  Callback writer_;
  bool is_readable_ = true;  // for all that is known
  bool is_ending_ = false;   // no event will tell of the end of the stream again
  bool is_watched_for_writing_ = false;
  bool is_called_again_ = false;
};

// Calls back at a point in time. Lives on the loop's thread; must end before the loop.
class Timer {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Timer(EventLoop& loop) : loop_(loop) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // In place of what was started before. The callback may destroy the timer.
  void start(Clock::time_point time, Callback callback);
  void cancel();

 private:
  friend class EventLoop;
  EventLoop& loop_;
  Callback callback_;  // empty: not running
  EventLoop::Timers::iterator entry_;
};

// Coroutines that wait until something is said to have changed. Lives on the loop's thread.
class Bell {
 public:
  explicit Bell(EventLoop& loop) : loop_(loop) {}

  // Returns when ring() is called.
  boost::asio::awaitable<void> rung();
  // Whoever waits now goes on in the next turn of the loop.
  void ring();

 private:
  EventLoop& loop_;
  std::vector<Callback> waiting_;
};

// Awaits a call of what `start` is given.
template <typename Start>
boost::asio::awaitable<void> called(Start start) {
  auto initiation = [start = std::move(start)](auto handler) mutable {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    start([shared] { std::move (*shared)(); });
  };
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
      std::move(initiation), boost::asio::use_awaitable);
}

}  // namespace metadb::server::wire
