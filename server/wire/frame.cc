#include "server/wire/frame.h"

#include <endian.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>

namespace metadb::server::wire {

namespace {
// Longer than any connection lives.
constexpr size_t kUntilTheEnd = std::numeric_limits<size_t>::max();
}  // namespace

FrameBuffer::~FrameBuffer() {
  if (buffer_) pool_.give(std::move(buffer_));
}

std::span<char> FrameBuffer::space() {
  assert(begin_ == scan_);
  if (!buffer_) buffer_ = pool_.take();
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = scan_ = 0;
  }
  assert(end_ < BufferPool::kBufferBytes);
  return {buffer_.get() + end_, BufferPool::kBufferBytes - end_};
}

void FrameBuffer::added(size_t bytes) {
  end_ += bytes;
  settle();
}

// Gives the bytes that have come to the frame that was waiting for them.
void FrameBuffer::settle() {
  const size_t passed = std::min(passing_, available());
  scan_ += passed;
  if (passing_ != kUntilTheEnd) passing_ -= passed;
  const size_t dropped = std::min(dropping_, available());
  dropping_ -= dropped;
  scan_ += dropped;
  if (dropped > 0) begin_ = scan_;
}

void FrameBuffer::release_if_empty() {
  if (!buffer_ || begin_ != end_) return;
  begin_ = scan_ = end_ = 0;
  pool_.give(std::move(buffer_));
}

std::optional<FrameHeader> FrameBuffer::next() {
  if (passing_ > 0 || dropping_ > 0 || available() < kHeaderBytes) return std::nullopt;
  const char* at = buffer_.get() + scan_;
  uint32_t length = 0;
  std::memcpy(&length, at + 1, sizeof length);
  length = be32toh(length);
  if (length < sizeof length) {
    passing_ = kUntilTheEnd;
    settle();
    return std::nullopt;
  }
  return FrameHeader{*at, length};
}

std::string_view FrameBuffer::payload(const FrameHeader& header) const {
  const size_t here = std::min(available(), header.total());
  return {buffer_.get() + scan_ + kHeaderBytes, here - kHeaderBytes};
}

void FrameBuffer::pass(const FrameHeader& header) {
  passing_ = header.total();
  settle();
}

void FrameBuffer::drop(const FrameHeader& header) {
  assert(begin_ == scan_);
  dropping_ = header.total();
  settle();
}

std::string_view FrameBuffer::run() const {
  return {buffer_.get() + begin_, scan_ - begin_};
}

void FrameBuffer::run_written() {
  begin_ = scan_;
}

}  // namespace metadb::server::wire
