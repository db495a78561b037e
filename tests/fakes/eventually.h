// Waits for what other threads and processes do.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace metadb::tests {

// Longer than anything takes on a busy machine, so that a failure is one.
inline constexpr std::chrono::seconds kPatience{30};

// Whether `holds` comes true in time.
inline bool eventually(const std::function<bool()>& holds,
                       std::chrono::milliseconds patience = kPatience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace metadb::tests
