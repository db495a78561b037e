// Keeps a message that comes again and again from filling the log.
#pragma once

#include <spdlog/sinks/sink.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace metadb::server {

struct RepeatFilterOptions {
  // How often a text passes before it is only counted.
  uint64_t passes = 3;
  // After this time the count is told; each time it is, the time to the next doubles.
  std::chrono::milliseconds first_window{60'000};
  std::chrono::milliseconds longest_window{3'600'000};
  size_t texts_max = 1000;       // that are remembered at one time
  size_t text_bytes_max = 2000;  // a longer one always passes
};

// Hands what it gets to the sinks behind it, all of them in one order, so that what one of them
// shows the others show as well. A text that did not come for a whole window is forgotten. What was
// counted and not told yet is told by the destructor at the latest.
//
// A message is one line: newlines and other control characters in it are shown as \n and \xNN.
//
// Any thread may log; a thread of its own tells the counts in time. Debug lines always pass.
class RepeatFilter final : public spdlog::sinks::sink {
 public:
  explicit RepeatFilter(std::vector<std::shared_ptr<spdlog::sinks::sink>> sinks,
                        const RepeatFilterOptions& options = {});
  ~RepeatFilter() override;
  RepeatFilter(const RepeatFilter&) = delete;
  RepeatFilter& operator=(const RepeatFilter&) = delete;

  void log(const spdlog::details::log_msg& message) override;
  void flush() override;
  void set_pattern(const std::string& pattern) override;
  void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override;

  // Tells at once what was counted.
  void tell_all();
  [[nodiscard]] const std::vector<std::shared_ptr<spdlog::sinks::sink>>& sinks() const {
    return sinks_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Repeat {
    spdlog::level::level_enum level = spdlog::level::info;
    uint64_t passed = 0;
    uint64_t seen_in_window = 0;
    uint64_t counted = 0;  // since the last that passed or was told
    std::chrono::milliseconds window{};
    Clock::time_point window_ends;
  };
  using Repeats = std::map<std::string, Repeat, std::less<>>;

  void take(const spdlog::details::log_msg& message);
  bool passes(const spdlog::details::log_msg& message);
  void remember(std::string_view text, spdlog::level::level_enum level);
  Repeats::iterator close_window(Repeats::iterator which, Clock::time_point now);
  void tell(const std::string& text, Repeat& repeat);
  void hand_on(const spdlog::details::log_msg& message);
  void watch(const std::stop_token& stop);

  const std::vector<std::shared_ptr<spdlog::sinks::sink>> sinks_;
  const RepeatFilterOptions options_;
  std::mutex mutex_;  // guards what follows, and is held while the sinks take a message
  std::condition_variable_any changed_;
  Repeats repeats_;
  Clock::time_point wakes_ = Clock::time_point::max();  // when the thread looks again
  std::jthread thread_;
};

}  // namespace metadb::server
