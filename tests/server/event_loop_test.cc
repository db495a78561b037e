#include "server/wire/event_loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace metadb::tests {
namespace {

using namespace std::chrono_literals;
using server::Descriptor;
using server::wire::Bell;
using server::wire::EventLoop;
using server::wire::Timer;
using server::wire::Watch;

// One end is watched, the other one is the test's.
struct WatchedPair {
  explicit WatchedPair(EventLoop& loop) {
    std::array<int, 2> both{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both.data()), 0);
    watch = std::make_unique<Watch>(loop, Descriptor(both[0]));
    peer = Descriptor(both[1]);
  }
  void say(std::string_view bytes) const {
    EXPECT_EQ(::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Up to `size` bytes from the watched end, as a channel reads; nullopt if there are none.
  [[nodiscard]] std::optional<std::string> read(size_t size) const {
    std::string bytes(size, '\0');
    const ssize_t count = ::recv(watch->fd(), bytes.data(), size, 0);
    if (count < 0) {
      watch->read_nothing();
      return std::nullopt;
    }
    bytes.resize(static_cast<size_t>(count));
    if (bytes.size() < size && !bytes.empty()) watch->read_all();
    return bytes;
  }

  std::unique_ptr<Watch> watch;
  Descriptor peer;
};

// Reads until the end of the stream, then lets the loop end.
struct ReadsAll {
  ReadsAll(EventLoop& all_of, WatchedPair& from, size_t size)
      : loop(all_of), pair(from), at_once(size) {}
  void begin() {
    pair.watch->when_readable([this] { go_on(); });
  }
  void go_on() {
    const auto bytes = pair.read(at_once);
    if (bytes && bytes->empty()) {
      pair.watch.reset();
      return loop.stop();
    }
    if (bytes) got += *bytes;
    begin();
  }
  EventLoop& loop;
  WatchedPair& pair;
  const size_t at_once;
  std::string got;
};

TEST(EventLoop, RunsWhatOthersPostInTheirOrder) {
  EventLoop loop;
  std::vector<int> seen;
  std::thread::id thread;
  std::thread runner([&] {
    thread = std::this_thread::get_id();
    loop.run();
  });
  bool is_there = true;
  for (int i = 0; i < 1000; ++i) {
    loop.post([&, i] {
      seen.push_back(i);
      is_there = is_there && std::this_thread::get_id() == thread;
    });
  }
  loop.post([&] {
    loop.post([&] { seen.push_back(1000); });
    loop.stop();
  });
  runner.join();
  ASSERT_EQ(seen.size(), 1001U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_TRUE(is_there);
}

TEST(EventLoop, CallsAReaderLaterEvenIfSomethingIsThere) {
  EventLoop loop;
  WatchedPair pair(loop);
  pair.say("x");
  bool has_returned = false;
  pair.watch->when_readable([&] {
    EXPECT_TRUE(has_returned);
    pair.watch.reset();
    loop.stop();
  });
  has_returned = true;
  loop.run();
}

TEST(EventLoop, ReadsOnWhereLittleWasReadAndToTheEnd) {
  for (const size_t at_once : {size_t{1}, size_t{7}, size_t{100'000}}) {
    EventLoop loop;
    WatchedPair pair(loop);
    ReadsAll reader(loop, pair, at_once);
    reader.begin();
    std::string said;
    std::thread talker([&] {
      for (int i = 0; i < 200; ++i) {
        const std::string bytes(static_cast<size_t>(1 + i % 50), static_cast<char>('a' + i % 26));
        pair.say(bytes);
        said += bytes;
        if (i % 20 == 0) std::this_thread::yield();
      }
      ::shutdown(pair.peer.get(), SHUT_WR);
    });
    loop.run();
    talker.join();
    EXPECT_EQ(reader.got, said) << at_once;
  }
}

TEST(EventLoop, CallsAWriterWhenThereIsRoomAgain) {
  EventLoop loop;
  WatchedPair pair(loop);
  const std::string block(100'000, 'b');
  size_t written = 0;
  size_t read = 0;
  constexpr size_t kBytes = 5'000'000;
  std::function<void()> write = [&] {
    while (written < kBytes) {
      const ssize_t taken = ::send(pair.watch->fd(), block.data(), block.size(), MSG_NOSIGNAL);
      if (taken > 0) written += static_cast<size_t>(taken);
      if (taken != static_cast<ssize_t>(block.size())) return pair.watch->when_writable(write);
    }
    pair.watch.reset();
    loop.stop();
  };
  loop.post(write);
  std::thread listener([&] {
    std::string space(30'000, '\0');
    for (;;) {
      const ssize_t count = ::recv(pair.peer.get(), space.data(), space.size(), 0);
      if (count == 0) return;
      if (count > 0) read += static_cast<size_t>(count);
    }
  });
  loop.run();
  listener.join();
  EXPECT_GE(written, kBytes);
  EXPECT_EQ(read, written);
}

TEST(EventLoop, CallsEverybodyWhoWaitsForOneEvent) {
  EventLoop loop;
  WatchedPair pair(loop);
  int calls = 0;
  const auto call = [&] {
    if (++calls < 2) return;
    pair.watch.reset();
    loop.stop();
  };
  pair.watch->when_readable(call);
  pair.watch->when_readable(call);
  pair.say("x");
  loop.run();
  EXPECT_EQ(calls, 2);
}

TEST(EventLoop, ClosingCallsReaderAndWriter) {
  EventLoop loop;
  WatchedPair pair(loop);
  std::string called;
  EXPECT_FALSE(pair.read(1));
  pair.watch->when_readable([&] { called += 'r'; });
  const std::string block(10'000'000, 'b');
  ASSERT_LT(::send(pair.watch->fd(), block.data(), block.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(block.size()));
  pair.watch->when_writable([&] { called += 'w'; });
  loop.post([&] {
    pair.watch->close();
    EXPECT_EQ(called, "");
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(std::ranges::count(called, 'r'), 1);
  EXPECT_EQ(std::ranges::count(called, 'w'), 1);
}

TEST(EventLoop, CallsNobodyWhoHasGoneInTheSameTurn) {
  EventLoop loop;
  WatchedPair one(loop);
  WatchedPair other(loop);
  int calls = 0;
  // Whoever is first ends both.
  const auto end_both = [&] {
    ++calls;
    one.watch.reset();
    other.watch.reset();
    loop.stop();
  };
  EXPECT_FALSE(one.read(1));
  EXPECT_FALSE(other.read(1));
  one.watch->when_readable(end_both);
  other.watch->when_readable(end_both);
  one.say("x");
  other.say("x");
  loop.run();
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, RunsTimersInTheirOrderAndNoCancelledOne) {
  EventLoop loop;
  std::string order;
  Timer late(loop);
  Timer early(loop);
  Timer never(loop);
  auto once = std::make_unique<Timer>(loop);
  const auto now = Timer::Clock::now();
  late.start(now + 20ms, [&] { order += 'c'; });
  early.start(now + 1ms, [&] {
    order += 'a';
    never.cancel();
    early.start(now + 10ms, [&] { order += 'b'; });
  });
  never.start(now + 15ms, [&] { order += 'x'; });
  once->start(now - 1s, [&] { once.reset(); });
  loop.stop();
  loop.run();
  EXPECT_EQ(order, "abc");
  EXPECT_FALSE(once);
  EXPECT_GE(Timer::Clock::now(), now + 20ms);
}

boost::asio::awaitable<int> wait_for(Bell& bell, const bool& is_done) {
  int rings = 0;
  while (!is_done) {
    co_await bell.rung();
    ++rings;
  }
  co_return rings;
}

TEST(EventLoop, CoroutinesGoOnWhenABellRings) {
  EventLoop loop;
  Bell bell(loop);
  bool is_done = false;
  auto one =
      boost::asio::co_spawn(loop.executor(), wait_for(bell, is_done), boost::asio::use_future);
  auto other =
      boost::asio::co_spawn(loop.executor(), wait_for(bell, is_done), boost::asio::use_future);
  Timer timer(loop);
  timer.start(Timer::Clock::now() + 1ms, [&] {
    bell.ring();
    // Later than all that is due now: the coroutines go on before.
    timer.start(Timer::Clock::now() + 1ms, [&] {
      is_done = true;
      bell.ring();
    });
  });
  loop.stop();
  loop.run();
  EXPECT_EQ(one.get(), 2);
  EXPECT_EQ(other.get(), 2);
}

TEST(EventLoop, EndsOnlyAfterItsSockets) {
  EventLoop loop;
  WatchedPair pair(loop);
  loop.stop();
  pair.watch->when_readable([&] {
    if (pair.read(1)) return pair.watch.reset();
    pair.watch->when_readable([&] { pair.watch.reset(); });
    // Nothing but the socket holds the loop now.
    std::thread([&pair] { pair.say("x"); }).join();
  });
  loop.run();
  EXPECT_FALSE(pair.watch);
}

}  // namespace
}  // namespace metadb::tests
