#include "ingest/letter_limit.h"

#include <fmt/format.h>

#include <algorithm>

namespace metadb::ingest {
namespace {

// Letters of one moment are counted together, so that what is remembered is bounded.
constexpr std::chrono::seconds kMoment{1};

}  // namespace

void LetterLimit::count(size_t letters, Clock::time_point now) {
  if (letters == 0) return;
  while (!is_from_beginning_ && !letters_.empty() && letters_.front().time + kWindow <= now)
    letters_.pop_front();
  if (letters_.empty() || letters_.back().time + kMoment <= now) {
    letters_.push_back({now, letters});
  } else {
    letters_.back().letters += letters;
  }
}

size_t LetterLimit::counted_since(Clock::time_point time) const {
  size_t sum = 0;
  for (const Counted& counted : letters_) sum += counted.time > time ? counted.letters : 0;
  return sum;
}

std::optional<std::string> LetterLimit::reached(size_t most, size_t pending,
                                                Clock::time_point now) const {
  if (most == 0) return std::nullopt;
  const size_t first = std::min(most, kFirstMax);
  if (is_from_beginning_ && counted_since(Clock::time_point::min()) + pending >= first)
    return fmt::format("the first {} records were set aside", first);
  if (counted_since(now - kWindow) + pending >= most)
    return fmt::format("{} records were set aside within an hour", most);
  return std::nullopt;
}

LetterLimit::Clock::time_point LetterLimit::free_at(size_t most) const {
  if (is_from_beginning_ || letters_.empty()) return Clock::time_point::max();
  size_t left = counted_since(Clock::time_point::min());
  for (const Counted& counted : letters_) {
    left -= counted.letters;
    if (left < most) return counted.time + kWindow;
  }
  return Clock::time_point::max();
}

}  // namespace metadb::ingest
