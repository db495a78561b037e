// Where the time of ingest goes.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <string>

namespace metadb::ingest {

struct StageTimes {
  std::chrono::nanoseconds decode{0};  // from a record to a change in a batch
  std::chrono::nanoseconds shape{0};   // tables created and made fit, staging tables made
  std::chrono::nanoseconds stage{0};   // rows copied into staging tables
  std::chrono::nanoseconds merge{0};   // rows and versions written
  std::chrono::nanoseconds commit{0};  // positions, locks, dead letters, COMMIT

  StageTimes& operator+=(const StageTimes& more) {
    decode += more.decode;
    shape += more.shape;
    stage += more.stage;
    merge += more.merge;
    commit += more.commit;
    return *this;
  }
};

inline std::string described(const StageTimes& times) {
  const auto seconds = [](std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
  };
  return fmt::format(
      "decode {:.2f} s, shape {:.2f} s, stage {:.2f} s, merge {:.2f} s, commit {:.2f} s",
      seconds(times.decode), seconds(times.shape), seconds(times.stage), seconds(times.merge),
      seconds(times.commit));
}

// Adds the time that it lives to a total.
class Stopwatch {
 public:
  explicit Stopwatch(std::chrono::nanoseconds& total) : total_(total) {}
  ~Stopwatch() { total_ += std::chrono::steady_clock::now() - begun_; }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  std::chrono::nanoseconds& total_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace metadb::ingest
