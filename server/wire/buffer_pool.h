// Read buffers of one io thread, lent to a stream while it holds unread bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace metadb::server::wire {

// An idle connection holds no buffer: it borrows one when bytes arrive and gives it back when they
// are gone. Last in, first out, so that the next reader finds the buffer in the cache.
// Used by one thread; must outlive every FrameBuffer made with it.
class BufferPool {
 public:
  static constexpr size_t kBufferBytes = size_t{64} * 1024;
  using Buffer = std::unique_ptr<char[]>;

  [[nodiscard]] Buffer take() {
    if (free_.empty()) return std::make_unique_for_overwrite<char[]>(kBufferBytes);
    Buffer buffer = std::move(free_.back());
    free_.pop_back();
    return buffer;
  }
  void give(Buffer buffer) {
    if (free_.size() < kKeptBuffers) free_.push_back(std::move(buffer));
  }

 private:
  static constexpr size_t kKeptBuffers = 16;
  std::vector<Buffer> free_;
};

}  // namespace metadb::server::wire
