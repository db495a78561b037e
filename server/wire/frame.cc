#include "server/wire/frame.h"

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
  if (buffer_) give_back();
  if (rest_) forget_rest();
}

void FrameBuffer::give_back() {
  if (is_secret_) ::explicit_bzero(buffer_.get(), BufferPool::kBufferBytes);
  pool_.give(std::move(buffer_));
}

void FrameBuffer::forget_rest() {
  if (is_secret_ && rest_) ::explicit_bzero(rest_.get(), end_);
  rest_.reset();
}

void FrameBuffer::end_secret() {
  is_secret_ = false;
  if (!buffer_) return;
  ::explicit_bzero(buffer_.get(), begin_);
  ::explicit_bzero(buffer_.get() + end_, BufferPool::kBufferBytes - end_);
}

std::span<char> FrameBuffer::space() {
  if (!buffer_) {
    buffer_ = pool_.take();
    if (begin_ != end_) std::memcpy(buffer_.get() + begin_, data_ + begin_, end_ - begin_);
    data_ = buffer_.get();
    forget_rest();
  }
  to_front();
  assert(end_ < BufferPool::kBufferBytes);
  return {data_ + end_, BufferPool::kBufferBytes - end_};
}

void FrameBuffer::rest() {
  assert(begin_ == scan_);
  if (!buffer_ || end_ - begin_ > kRestBytes) return;
  if (begin_ == end_) {
    begin_ = scan_ = end_ = 0;
    data_ = nullptr;
  } else {
    to_front();
    rest_ = std::make_unique_for_overwrite<char[]>(end_);
    std::memcpy(rest_.get(), data_, end_);
    data_ = rest_.get();
  }
  give_back();
}

void FrameBuffer::to_front() {
  if (begin_ == 0) return;
  std::memmove(data_, data_ + begin_, end_ - begin_);
  scan_ -= begin_;
  end_ -= begin_;
  begin_ = 0;
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

void FrameBuffer::pass_everything() {
  passing_ = kUntilTheEnd;
  settle();
}

std::string_view FrameBuffer::payload(const FrameHeader& header) const {
  const size_t here = std::min(available(), header.total());
  return {data_ + scan_ + kHeaderBytes, here - kHeaderBytes};
}

void FrameBuffer::pass_in_pieces(const FrameHeader& header) {
  passing_ = header.total();
  settle();
}

void FrameBuffer::pass_rows() {
  if (passing_ > 0 || dropping_ > 0) return;
  const char* at = data_ + scan_;
  const char* const end = data_ + end_;
  while (end - at >= static_cast<ptrdiff_t>(kHeaderBytes) && (*at == 'D' || *at == 'd')) {
    const uint32_t length = length_at(at);
    if (length < sizeof length || static_cast<size_t>(end - at) <= length) break;
    at += size_t{length} + 1;
  }
  scan_ = static_cast<size_t>(at - data_);
}

void FrameBuffer::drop(const FrameHeader& header) {
  assert(begin_ == scan_);
  dropping_ = header.total();
  settle();
}

}  // namespace metadb::server::wire
