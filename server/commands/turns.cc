#include "server/commands/turns.h"

#include "catalog/error.h"

namespace metadb::server {

Turns::Turn Turns::take(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  free_.wait(lock, stop, [this] { return !is_taken_; });
  if (stop.stop_requested()) {
    throw catalog::Error("57014", "canceling statement due to user request");
  }
  is_taken_ = true;
  return Turn(*this);
}

Turns::Turn::~Turn() {
  {
    const std::scoped_lock lock(turns_.mutex_);
    turns_.is_taken_ = false;
  }
  turns_.free_.notify_one();
}

}  // namespace metadb::server
