// librdkafka starts its threads with C11's thrd_create(), which g++ 12's thread sanitizer does not
// see: a thread that it does not know crashes in the first function that it intercepts. Under the
// sanitizer these definitions go first and lead to what it does see.
#if defined(__SANITIZE_THREAD__)

#include <pthread.h>
#include <threads.h>

#include <cstdint>
#include <memory>

namespace {

struct Start {
  thrd_start_t function;
  void* argument;
};

void* run(void* raw) {
  const std::unique_ptr<Start> start(static_cast<Start*>(raw));
  return reinterpret_cast<void*>(static_cast<intptr_t>(start->function(start->argument)));
}

}  // namespace

extern "C" int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
  auto start = std::make_unique<Start>(Start{function, argument});
  if (pthread_create(thread, nullptr, &run, start.get()) != 0) return thrd_error;
  static_cast<void>(start.release());
  return thrd_success;
}

extern "C" int thrd_join(thrd_t thread, int* result) {
  void* raw = nullptr;
  if (pthread_join(thread, &raw) != 0) return thrd_error;
  if (result != nullptr) *result = static_cast<int>(reinterpret_cast<intptr_t>(raw));
  return thrd_success;
}

#endif
