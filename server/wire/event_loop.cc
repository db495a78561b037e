#include "server/wire/event_loop.h"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace metadb::server::wire {

namespace asio = boost::asio;

namespace {

constexpr size_t kEventsAtOnce = 128;
// Looks at the sockets before the thread sleeps, each after whoever waits for its core had a turn:
// mostly the one who is to answer. Going to sleep and being woken cost more than both.
constexpr int kLooks = 2;
// A turn of somebody who computes takes longer. One who was woken would come before him: for a
// while the thread sleeps at once.
constexpr auto kLongTurn = std::chrono::milliseconds(1);
constexpr auto kSleepsAtOnce = std::chrono::milliseconds(100);
constexpr uint32_t kReadingEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr uint32_t kEndingEvents = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

// The loop that the calling thread runs.
thread_local const EventLoop* running = nullptr;

Descriptor opened(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return Descriptor(fd);
}

void add(int epoll, int fd, uint32_t events, void* data) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = data;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) return;
  throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

// Empties an eventfd or a timerfd.
void read_count(int fd) {
  uint64_t count = 0;
  // There is nothing to do about a count that is gone already.
  static_cast<void>(::read(fd, &count, sizeof count));
}

// Two wait for one event where TLS reads in order to write, or the other way round.
void add_callback(Callback& slot, Callback callback, EventLoop& loop) {
  if (!slot) {
    slot = std::move(callback);
    return;
  }
  slot = [&loop, first = std::move(slot), second = std::move(callback)] {
    loop.post(second);
    first();
  };
}

}  // namespace

EventLoop::EventLoop()
    : epoll_(opened(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      bell_(opened(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      clock_(
          opened(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create")) {
  add(epoll_.get(), bell_.get(), EPOLLIN, &bell_);
  add(epoll_.get(), clock_.get(), EPOLLIN, &clock_);
}

// What was posted may hold coroutines, which hold sockets: it ends before the rest.
EventLoop::~EventLoop() {
  shutdown();
  tasks_.clear();
  posted_.clear();
  destroy();
}

void EventLoop::run() {
  running = this;
  take_posted();
  while (!is_stopping_ || has_work()) {
    wait();
    run_again();
    run_posted();
  }
  running = nullptr;
}

bool EventLoop::has_work() const {
  return watched_ > 0 || !timers_.empty() || !tasks_.empty() || !again_.empty();
}

void EventLoop::stop() {
  const std::lock_guard lock(mutex_);
  is_stop_requested_ = true;
  const uint64_t one = 1;
  static_cast<void>(::write(bell_.get(), &one, sizeof one));
}

void EventLoop::post(Callback callback) {
  if (running == this) {
    tasks_.push_back(std::move(callback));
    return;
  }
  const std::lock_guard lock(mutex_);
  posted_.push_back(std::move(callback));
  if (posted_.size() > 1) return;  // the bell was rung
  const uint64_t one = 1;
  static_cast<void>(::write(bell_.get(), &one, sizeof one));
}

void EventLoop::take_posted() {
  const std::lock_guard lock(mutex_);
  std::ranges::move(posted_, std::back_inserter(tasks_));
  posted_.clear();
  is_stopping_ = is_stop_requested_;
}

// Those that these post come in the next turn.
void EventLoop::run_posted() {
  if (tasks_.empty()) return;
  std::vector<Callback> tasks;
  tasks.swap(tasks_);
  for (Callback& task : tasks) std::exchange(task, nullptr)();
}

void EventLoop::run_due() {
  armed_ = Clock::time_point::max();
  const auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Timer& timer = *timers_.begin()->second;
    Callback callback = std::exchange(timer.callback_, nullptr);
    timers_.erase(timers_.begin());
    callback();
  }
  if (!timers_.empty()) arm(timers_.begin()->first);
}

// A timer that is cancelled leaves the clock as it is: it then rings for nothing once.
void EventLoop::arm(Clock::time_point time) {
  if (time >= armed_) return;
  armed_ = time;
  constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
  // Zero would disarm it.
  const int64_t at = std::max<int64_t>(
      1, std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
  itimerspec when{};
  when.it_value.tv_sec = at / kNanosecondsPerSecond;
  when.it_value.tv_nsec = at % kNanosecondsPerSecond;
  ::timerfd_settime(clock_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

int EventLoop::look(std::span<epoll_event> events) {
  const auto look_for = [&](int milliseconds) {
    return ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), milliseconds);
  };
  const bool is_busy = !tasks_.empty() || !again_.empty();
  if (is_busy) return look_for(0);
  auto now = Clock::now();
  for (int i = 0; i < kLooks && now >= yields_from_; ++i) {
    ::sched_yield();
    const auto since = std::exchange(now, Clock::now());
    if (now - since > kLongTurn) yields_from_ = now + kSleepsAtOnce;
    if (const int count = look_for(0); count != 0) return count;
  }
  return look_for(-1);
}

void EventLoop::wait() {
  std::array<epoll_event, kEventsAtOnce> events;
  const int count = look(events);
  serving_.clear();
  for (int i = 0; i < count; ++i) {
    void* data = events[static_cast<size_t>(i)].data.ptr;
    const bool is_ours = data == &bell_ || data == &clock_;
    serving_.push_back(is_ours ? nullptr : static_cast<Watch*>(data));
  }
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    if (event.data.ptr == &bell_) {
      read_count(bell_.get());
      take_posted();
    } else if (event.data.ptr == &clock_) {
      read_count(clock_.get());
      run_due();
    } else if (Watch* watch = serving_[static_cast<size_t>(i)]; watch != nullptr) {
      watch->happened(event.events);
    }
  }
}

// One that was not read to its end comes after all that had something new.
void EventLoop::run_again() {
  if (again_.empty()) return;
  serving_.clear();
  serving_.swap(again_);
  for (size_t i = 0; i < serving_.size(); ++i) {
    if (serving_[i] != nullptr) serving_[i]->call_again();
  }
}

void EventLoop::forget(Watch& watch) {
  std::ranges::replace(serving_, &watch, nullptr);
  std::ranges::replace(again_, &watch, nullptr);
}

EventLoop& loop_of(const asio::any_io_executor& executor) {
  const auto* ours = executor.target<EventLoop::Executor>();
  if (ours == nullptr) throw std::logic_error("not on an io thread");
  return ours->loop();
}

Watch::Watch(EventLoop& loop, Descriptor socket) : loop_(loop), socket_(std::move(socket)) {
  add(loop_.epoll_.get(), fd(), kReadingEvents, this);
  ++loop_.watched_;
}

Watch::~Watch() {
  close();
  loop_.forget(*this);
}

void Watch::when_readable(Callback callback) {
  add_callback(reader_, std::move(callback), loop_);
  if ((is_readable_ || !is_open()) && !std::exchange(is_called_again_, true)) {
    loop_.again_.push_back(this);
  }
}

void Watch::call_again() {
  is_called_again_ = false;
  if (reader_) std::exchange(reader_, nullptr)();
}

void Watch::when_writable(Callback callback) {
  add_callback(writer_, std::move(callback), loop_);
  if (!is_open()) {
    // Told by the next turn, as close() would have.
    loop_.post(std::exchange(writer_, nullptr));
  } else if (!std::exchange(is_watched_for_writing_, true)) {
    watch_for(kReadingEvents | EPOLLOUT);
  }
}

void Watch::watch_for(uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = this;
  ::epoll_ctl(loop_.epoll_.get(), EPOLL_CTL_MOD, fd(), &event);
}

void Watch::happened(uint32_t events) {
  if ((events & kEndingEvents) != 0) is_ending_ = true;
  if ((events & (EPOLLIN | kEndingEvents)) != 0) is_readable_ = true;
  Callback writer;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
    writer = std::exchange(writer_, nullptr);
    // Room comes and goes while nobody waits for it: no more news of that.
    if (!writer && std::exchange(is_watched_for_writing_, false)) watch_for(kReadingEvents);
  }
  // Either call may end this object, and what the other one refers to with it.
  if (writer && reader_ && is_readable_) {
    loop_.post(std::move(writer));
  } else if (writer) {
    writer();
    return;
  }
  if (is_readable_ && reader_) std::exchange(reader_, nullptr)();
}

void Watch::close() {
  if (!socket_) return;
  // Closing it would take it out of the epoll set only if no child has a copy just now.
  ::epoll_ctl(loop_.epoll_.get(), EPOLL_CTL_DEL, fd(), nullptr);
  socket_ = Descriptor();
  --loop_.watched_;
  is_readable_ = is_ending_ = true;
  if (reader_ && !std::exchange(is_called_again_, true)) loop_.again_.push_back(this);
  if (writer_) loop_.post(std::exchange(writer_, nullptr));
}

void Timer::start(Clock::time_point time, Callback callback) {
  cancel();
  callback_ = std::move(callback);
  entry_ = loop_.timers_.emplace(time, this);
  loop_.arm(time);
}

void Timer::cancel() {
  if (!callback_) return;
  callback_ = nullptr;
  loop_.timers_.erase(entry_);
}

asio::awaitable<void> Bell::rung() {
  return called([this](Callback callback) { waiting_.push_back(std::move(callback)); });
}

void Bell::ring() {
  if (waiting_.empty()) return;
  std::vector<Callback> waiting;
  waiting.swap(waiting_);
  for (Callback& one : waiting) loop_.post(std::move(one));
}

}  // namespace metadb::server::wire
