// A system that makes no thread any more.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <stdexcept>

namespace metadb::tests {

// While it lives, std::thread throws in this process: the stack that it would get is larger than
// any address space.
class NoMoreThreads {
 public:
  NoMoreThreads() {
    pthread_getattr_default_np(&previous_);
    pthread_attr_t greedy;
    pthread_getattr_default_np(&greedy);
    constexpr size_t kTooLarge = size_t{1} << 47U;
    pthread_attr_setstacksize(&greedy, kTooLarge);
    const int refused = pthread_setattr_default_np(&greedy);
    pthread_attr_destroy(&greedy);
    if (refused != 0) throw std::runtime_error("pthread_setattr_default_np");
  }
  ~NoMoreThreads() {
    pthread_setattr_default_np(&previous_);
    pthread_attr_destroy(&previous_);
  }
  NoMoreThreads(const NoMoreThreads&) = delete;
  NoMoreThreads& operator=(const NoMoreThreads&) = delete;

 private:
  pthread_attr_t previous_{};
};

}  // namespace metadb::tests
