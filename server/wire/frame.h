// Frames of the PostgreSQL protocol, version 3: one type byte, then a big-endian length that counts
// itself and the payload (PostgreSQL documentation, "Message Formats").
#pragma once

#include <endian.h>

#include <cstdint>
#include <cstring>
#include <memory>
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
// Layout: [begin, scan) is the run, [scan, end) was not looked at yet. They lie in a buffer that
// the pool lends while bytes come, and in a few bytes of our own while a beginning waits for the
// rest. Invariant: a frame is dropped only while the run is empty, so order is never changed. A
// header with an impossible length makes the rest of the stream pass unread: the receiver is the
// one to judge it.
class FrameBuffer {
 public:
  explicit FrameBuffer(BufferPool& pool) : pool_(pool) {}
  ~FrameBuffer();
  FrameBuffer(const FrameBuffer&) = delete;
  FrameBuffer& operator=(const FrameBuffer&) = delete;

  // Where to read to, in a buffer of the pool; never empty. REQUIRES: run() is empty, or was read
  // into since it was.
  [[nodiscard]] std::span<char> space();
  // So many bytes were read into space().
  void added(size_t bytes);
  // Nothing is read for a while: the buffer goes back to the pool, if little or nothing is in it.
  // REQUIRES: run() is empty.
  void rest();

  // What comes from now on is secret, until end_secret(): once it was passed or dropped, nothing of
  // it stays in memory.
  void begin_secret() { is_secret_ = true; }
  void end_secret();

  // The header at the scan point; nullopt if it is not here as a whole.
  [[nodiscard]] std::optional<FrameHeader> next() {
    if (passing_ > 0 || dropping_ > 0 || available() < kHeaderBytes) return std::nullopt;
    const FrameHeader header{data_[scan_], length_at(data_ + scan_)};
    if (header.length >= sizeof header.length) return header;
    pass_everything();
    return std::nullopt;
  }
  // So many bytes of the frame at the scan point are here, its header included.
  [[nodiscard]] size_t available() const { return end_ - scan_; }
  [[nodiscard]] bool holds(const FrameHeader& header) const {
    return available() >= header.total();
  }
  // A frame that can never be held as a whole.
  [[nodiscard]] static bool exceeds(const FrameHeader& header) {
    return header.total() > BufferPool::kBufferBytes;
  }
  // Its payload, as far as it is here. Valid until the next call of pass, drop, space, added or
  // rest.
  [[nodiscard]] std::string_view payload(const FrameHeader& header) const;

  void pass(const FrameHeader& header) {
    if (holds(header)) {
      scan_ += header.total();
    } else {
      pass_in_pieces(header);
    }
  }
  // Passes the frames at the scan point that are whole and hold a row (DataRow, CopyData): a large
  // result consists of little else.
  void pass_rows();
  // REQUIRES: run() is empty.
  void drop(const FrameHeader& header);

  [[nodiscard]] std::string_view run() const { return {data_ + begin_, scan_ - begin_}; }
  void run_written() { begin_ = scan_; }
  // No frame is cut in the middle by what was passed so far.
  [[nodiscard]] bool at_boundary() const { return passing_ == 0; }

 private:
  // More than this would cost as much to keep apart as in the buffer.
  static constexpr size_t kRestBytes = 512;

  // The length field of the header that begins there.
  static uint32_t length_at(const char* header) {
    uint32_t length = 0;
    std::memcpy(&length, header + 1, sizeof length);
    return be32toh(length);
  }
  void pass_in_pieces(const FrameHeader& header);
  void pass_everything();
  void settle();
  void to_front();
  void give_back();
  void forget_rest();

  BufferPool& pool_;
  BufferPool::Buffer buffer_;
  std::unique_ptr<char[]> rest_;  // what was kept when buffer_ was given back
  char* data_ = nullptr;          // of buffer_ or rest_
  size_t begin_ = 0;
  size_t scan_ = 0;
  size_t end_ = 0;
  size_t passing_ = 0;   // bytes still to come of a frame that passes
  size_t dropping_ = 0;  // bytes still to come of a frame that is dropped
  bool is_secret_ = false;
};

}  // namespace metadb::server::wire
