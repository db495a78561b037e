#include "server/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace metadb::server {
namespace {

constexpr int kWidth = 40;

std::optional<int64_t> take_number(std::string_view& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

}  // namespace

std::optional<Progress> progress_in(std::string_view message) {
  constexpr std::string_view kOf = " of ";
  const auto done = take_number(message);
  if (!done || !message.starts_with(kOf)) return std::nullopt;
  message.remove_prefix(kOf.size());
  const auto of = take_number(message);
  if (!of || *of <= 0 || !message.starts_with(" rows have ended")) return std::nullopt;
  return Progress{*done, *of};
}

std::string bar_text(const Progress& progress, int width) {
  const double part =
      std::clamp(static_cast<double>(progress.done) / static_cast<double>(progress.of), 0.0, 1.0);
  const auto filled = static_cast<size_t>(part * width);
  return fmt::format("[{}{}] {:3.0f} %", std::string(filled, '#'),
                     std::string(static_cast<size_t>(width) - filled, '-'), part * 100);
}

bool ProgressBar::show(std::string_view message) {
  const auto progress = progress_in(message);
  if (!progress || isatty(STDERR_FILENO) == 0) return false;
  fmt::print(stderr, "\r{} {}", bar_text(*progress, kWidth), message);
  std::fflush(stderr);
  is_drawn_ = true;
  return true;
}

void ProgressBar::finish() {
  if (is_drawn_) fmt::print(stderr, "\n");
  is_drawn_ = false;
}

}  // namespace metadb::server
