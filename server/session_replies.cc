#include "server/session_replies.h"

namespace metadb::server {

namespace {

constexpr uint8_t kSwallowed = 0x80;
constexpr size_t kKeptCapacity = 256;
constexpr size_t kCompactionThreshold = 4096;

Request request_of(uint8_t entry) {
  return static_cast<Request>(entry & ~kSwallowed);
}

bool is_extended(Request request) {
  return request < Request::sync;
}

bool ends_with_ready(Request request) {
  return request == Request::sync || request == Request::query || request == Request::function_call;
}

}  // namespace

void ReplyQueue::sent(Request request, bool is_swallowed) {
  if (request == Request::copy_end) {
    // Sent ahead of CopyInResponse: where the data will end must be known when it comes.
    if (!is_copying_in_ && !is_empty()) entries_.push_back(static_cast<uint8_t>(request));
    is_copying_in_ = false;
    return;
  }
  if (is_copying_in_) return;
  if (request == Request::sync) is_skipping_ = false;
  if (is_skipping_) return;
  is_unsynced_ = is_extended(request);
  has_executed_ = is_unsynced_ && (has_executed_ || request == Request::execute);
  entries_.push_back(
      static_cast<uint8_t>(static_cast<uint8_t>(request) | (is_swallowed ? kSwallowed : 0)));
}

bool ReplyQueue::received(char type) {
  switch (type) {
    case '1':
      pop_if(Request::parse);
      break;
    case '2':
      pop_if(Request::bind);
      break;
    case '3':
      pop_if(Request::close);
      break;
    case 'T':
    case 'n':
      pop_if(Request::describe);
      break;
    case 'C':
    case 'I':
    case 's':
      if (pop_if(Request::execute)) is_copying_in_ = false;
      break;
    case 'Z':
      pop_through_ready();
      break;
    case 'E':
      return fail();
    case 'G':
      begin_copy_in();
      break;
    default:
      break;
  }
  return true;
}

Request ReplyQueue::head() const {
  return request_of(entries_[head_]);
}

void ReplyQueue::pop() {
  ++head_;
  if (head_ == entries_.size()) {
    head_ = 0;
    entries_.clear();
    if (entries_.capacity() > kKeptCapacity) entries_.shrink_to_fit();
  } else if (head_ >= kCompactionThreshold && head_ * 2 > entries_.size()) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(head_));
    head_ = 0;
  }
}

// A CopyDone that no COPY waited for: PostgreSQL ignores it without a reply.
void ReplyQueue::drop_markers() {
  while (!is_empty() && head() == Request::copy_end) pop();
}

bool ReplyQueue::pop_if(Request request) {
  drop_markers();
  if (is_empty() || head() != request) return false;
  pop();
  drop_markers();
  return true;
}

void ReplyQueue::pop_through_ready() {
  is_copying_in_ = false;
  // Ended by a Sync among COPY data that was taken for swallowed.
  is_skipping_ = false;
  while (!is_empty()) {
    const Request request = head();
    pop();
    if (ends_with_ready(request)) break;
  }
  drop_markers();
}

bool ReplyQueue::fail() {
  is_copying_in_ = false;
  drop_markers();
  if (is_empty() || !is_extended(head())) return true;
  const bool is_for_client = (entries_[head_] & kSwallowed) == 0;
  while (!is_empty() && head() != Request::sync) pop();
  is_skipping_ = is_empty();
  return is_for_client;
}

// PostgreSQL swallows Syncs while it reads COPY data ("for the convenience of client libraries",
// copyfromparse.c). Those sent ahead of CopyInResponse get no ReadyForQuery either.
void ReplyQueue::begin_copy_in() {
  drop_markers();
  if (is_empty()) return;
  size_t at = head_ + 1;
  while (at < entries_.size() && request_of(entries_[at]) == Request::sync) ++at;
  const bool is_ended = at < entries_.size() && request_of(entries_[at]) == Request::copy_end;
  if (is_ended) ++at;
  is_copying_in_ = !is_ended;
  // They go by moving what runs the COPY up to what stays: a client can send millions of them.
  entries_[at - 1] = entries_[head_];
  head_ = at - 1;
}

}  // namespace metadb::server
