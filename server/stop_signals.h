// SIGTERM and SIGINT become a stop request, SIGHUP one to reload.
#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

#include "server/descriptor.h"

namespace metadb::server {

// The first signal requests a stop; the second ends the process at once, with exit code 1.
// REQUIRES: made before any other thread, which then inherit the blocked signals. A signal that was
// ignored when the program started (nohup) stays so.
class StopSignals {
 public:
  enum class Hangup { stops, reloads };
  explicit StopSignals(Hangup hangup);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  // An eventfd that becomes readable with each SIGHUP that reloads.
  [[nodiscard]] int reload_requested() const { return reload_.get(); }

 private:
  void watch();

  const Hangup hangup_;
  std::stop_source source_;
  sigset_t previous_{};
  Descriptor signals_;
  Descriptor finished_;
  Descriptor reload_;
  std::jthread thread_;
};

}  // namespace metadb::server
