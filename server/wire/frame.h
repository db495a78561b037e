// Frames of the PostgreSQL protocol, version 3: one type byte, then a big-endian length that counts
// itself and the payload (PostgreSQL documentation, "Message Formats").
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "server/wire/buffer_pool.h"

namespace metadb::server::wire {

inline constexpr size_t kHeaderBytes = 5;

struct FrameHeader {
  char type;
  uint32_t length;  // at least 4

  [[nodiscard]] size_t total() const { return size_t{length} + 1; }
};

// The bytes of one direction, split into frames as they arrive.
//
// The owner scans header by header and says of each frame whether it passes or is dropped. Frames
// that pass collect in run(), which is written on with one call; a frame larger than the buffer
// passes in pieces. What is neither passed nor dropped stays until more bytes have come.
// Layout: [begin, scan) is the run, [scan, end) was not looked at yet.
// Invariant: a frame is dropped only while the run is empty, so order is never changed.
// A header with an impossible length makes the rest of the stream pass unread: the receiver is the
// one to judge it.
class FrameBuffer {
 public:
  explicit FrameBuffer(BufferPool& pool) : pool_(pool) {}
  ~FrameBuffer();
  FrameBuffer(const FrameBuffer&) = delete;
  FrameBuffer& operator=(const FrameBuffer&) = delete;

  // Where to read to; never empty. REQUIRES: run() is empty.
  [[nodiscard]] std::span<char> space();
  // So many bytes were read into space().
  void added(size_t bytes);
  // Gives an empty buffer back to the pool. Call before waiting for more.
  void release_if_empty();
  // Counts the reads that found bytes at once. True if it is others' turn: a stream that never ends
  // must not keep them from theirs.
  [[nodiscard]] bool take_turn() { return ++turns_ % kTurnsInARow == 0; }
  void end_turn() { turns_ = 0; }

  // The header at the scan point; nullopt if it is not here as a whole.
  [[nodiscard]] std::optional<FrameHeader> next();
  // So many bytes of the frame at the scan point are here, its header included.
  [[nodiscard]] size_t available() const { return end_ - scan_; }
  [[nodiscard]] bool holds(const FrameHeader& header) const {
    return available() >= header.total();
  }
  // A frame that can never be held as a whole.
  [[nodiscard]] static bool exceeds(const FrameHeader& header) {
    return header.total() > BufferPool::kBufferBytes;
  }
  // Its payload, as far as it is here. Valid until the next call of pass, drop, space or added.
  [[nodiscard]] std::string_view payload(const FrameHeader& header) const;

  void pass(const FrameHeader& header);
  // REQUIRES: run() is empty.
  void drop(const FrameHeader& header);

  [[nodiscard]] std::string_view run() const;
  void run_written();
  // No frame is cut in the middle by what was passed so far.
  [[nodiscard]] bool at_boundary() const { return passing_ == 0; }

 private:
  void settle();

  static constexpr uint32_t kTurnsInARow = 8;

  BufferPool& pool_;
  BufferPool::Buffer buffer_;
  size_t begin_ = 0;
  size_t scan_ = 0;
  size_t end_ = 0;
  size_t passing_ = 0;   // bytes still to come of a frame that passes
  size_t dropping_ = 0;  // bytes still to come of a frame that is dropped
  uint32_t turns_ = 0;
};

}  // namespace metadb::server::wire
