#include "server/repeat_filter.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <utility>

namespace metadb::server {
namespace {

// A full disk ends neither the server nor what other sinks are told. There is nobody to tell but
// standard error, which may be what fails.
template <class Work>
void without_throwing(const Work& work) {
  try {
    work();
  } catch (const std::exception& error) {
    static std::atomic<bool> is_told = false;
    if (!is_told.exchange(true)) std::fprintf(stderr, "metadb: the log fails: %s\n", error.what());
  }
}

bool is_control(char c) {
  constexpr unsigned char kDelete = 0x7F;
  const auto byte = static_cast<unsigned char>(c);
  return (byte < ' ' && c != '\t') || byte == kDelete;
}

// Names that strangers give must not look like lines of ours, nor move a terminal's cursor.
std::string on_one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (is_control(c)) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

RepeatFilter::RepeatFilter(std::vector<std::shared_ptr<spdlog::sinks::sink>> sinks,
                           const RepeatFilterOptions& options)
    : sinks_(std::move(sinks)), options_(options) {
  // Logging starts before the process says how it takes signals: none is for this thread.
  sigset_t all;
  sigset_t previous;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

RepeatFilter::~RepeatFilter() {
  thread_.request_stop();
  thread_.join();
  tell_all();
}

void RepeatFilter::tell_all() {
  const std::scoped_lock lock(mutex_);
  for (auto& [text, repeat] : repeats_) tell(text, repeat);
}

void RepeatFilter::log(const spdlog::details::log_msg& message) {
  const std::string_view text(message.payload.data(), message.payload.size());
  if (std::ranges::none_of(text, is_control)) return take(message);
  const std::string line = on_one_line(text);
  spdlog::details::log_msg escaped = message;
  escaped.payload = line;
  take(escaped);
}

void RepeatFilter::take(const spdlog::details::log_msg& message) {
  const std::scoped_lock lock(mutex_);
  if (passes(message)) hand_on(message);
}

void RepeatFilter::flush() {
  for (const auto& behind : sinks_) without_throwing([&] { behind->flush(); });
}

void RepeatFilter::set_pattern(const std::string& pattern) {
  for (const auto& behind : sinks_) behind->set_pattern(pattern);
}

void RepeatFilter::set_formatter(std::unique_ptr<spdlog::formatter> formatter) {
  for (const auto& behind : sinks_) behind->set_formatter(formatter->clone());
}

bool RepeatFilter::passes(const spdlog::details::log_msg& message) {
  const std::string_view text(message.payload.data(), message.payload.size());
  if (message.level < spdlog::level::info || text.size() > options_.text_bytes_max) return true;
  const auto found = repeats_.find(text);
  if (found == repeats_.end()) {
    remember(text, message.level);
    return true;
  }
  Repeat& repeat = found->second;
  ++repeat.seen_in_window;
  if (repeat.passed >= options_.passes) {
    repeat.level = std::max(repeat.level, message.level);
    ++repeat.counted;
    return false;
  }
  ++repeat.passed;
  return true;
}

void RepeatFilter::remember(std::string_view text, spdlog::level::level_enum level) {
  if (repeats_.size() >= options_.texts_max) {
    const auto first = std::ranges::min_element(
        repeats_, {}, [](const auto& entry) { return entry.second.window_ends; });
    tell(first->first, first->second);
    repeats_.erase(first);
  }
  Repeat repeat;
  repeat.level = level;
  repeat.passed = 1;
  repeat.window = options_.first_window;
  repeat.window_ends = Clock::now() + repeat.window;
  repeats_.emplace(text, repeat);
  if (repeat.window_ends >= wakes_) return;
  wakes_ = repeat.window_ends;
  changed_.notify_one();
}

RepeatFilter::Repeats::iterator RepeatFilter::close_window(Repeats::iterator which,
                                                           Clock::time_point now) {
  Repeat& repeat = which->second;
  if (repeat.seen_in_window == 0) return repeats_.erase(which);
  tell(which->first, repeat);
  repeat.seen_in_window = 0;
  repeat.window = std::min(repeat.window * 2, options_.longest_window);
  repeat.window_ends = now + repeat.window;
  return std::next(which);
}

void RepeatFilter::tell(const std::string& text, Repeat& repeat) {
  if (repeat.counted == 0) return;
  const std::string line = fmt::format("message repeated {} times: {}", repeat.counted, text);
  hand_on(spdlog::details::log_msg("metadb", repeat.level, line));
  repeat.counted = 0;
  flush();
}

void RepeatFilter::hand_on(const spdlog::details::log_msg& message) {
  for (const auto& behind : sinks_) {
    if (!behind->should_log(message.level)) continue;
    without_throwing([&] { behind->log(message); });
  }
}

// A text that comes in meanwhile may be the next whose window ends: remember() says so.
void RepeatFilter::watch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = Clock::now();
    for (auto which = repeats_.begin(); which != repeats_.end();) {
      which = which->second.window_ends <= now ? close_window(which, now) : std::next(which);
    }
    wakes_ = Clock::time_point::max();
    for (const auto& [text, repeat] : repeats_) wakes_ = std::min(wakes_, repeat.window_ends);
    const auto until = wakes_;
    const auto has_earlier = [&] { return wakes_ < until; };
    if (repeats_.empty()) {
      changed_.wait(lock, stop, has_earlier);
    } else {
      changed_.wait_until(lock, stop, until, has_earlier);
    }
  }
}

}  // namespace metadb::server
