// Decides which of a source's passing troubles are told, and when.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace metadb::ingest {

enum class Urgency {
  at_once,      // will not heal without somebody's help
  if_it_stays,  // often heals by itself: a broker restarts, one of a host's addresses is silent
};

// Same trouble, one report a minute. Used by one thread.
class Troubles {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kPatience{2};
  static constexpr std::chrono::seconds kSilence{60};

  void note(std::string text, Urgency urgency, Clock::time_point now);
  // The source has just been seen working: what was waiting is over.
  void recovered();
  // The next trouble to tell.
  std::optional<std::string> due(Clock::time_point now);
  // When due() may next answer; none if nothing waits.
  [[nodiscard]] std::optional<Clock::time_point> next() const;

 private:
  struct Waiting {
    std::string text;
    Clock::time_point due;
    Urgency urgency;
  };
  std::deque<Waiting> waiting_;
  std::map<std::string, Clock::time_point> told_;
};

// Whether any broker answers. Used by one thread.
class Absence {
 public:
  using Clock = Troubles::Clock;
  // Between two questions whether it is over.
  static constexpr std::chrono::seconds kProbeInterval{1};

  void begin(Clock::time_point now);
  // True if its beginning was told.
  bool end();
  // True once it has lasted for Troubles::kPatience: it is to be told now.
  bool is_news(Clock::time_point now);
  // True once in each interval, as long as it lasts.
  bool must_probe(Clock::time_point now);
  // When is_news() may next be true; none if that is not to be expected.
  [[nodiscard]] std::optional<Clock::time_point> next() const;

 private:
  std::optional<Clock::time_point> since_;
  bool is_told_ = false;
  Clock::time_point next_probe_;
};

}  // namespace metadb::ingest
