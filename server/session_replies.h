// What PostgreSQL still owes the client: the queue of expected replies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace metadb::server {

// The requests that are answered, and CopyDone/CopyFail, which only mark a place.
enum class Request : uint8_t {
  parse,
  bind,
  close,
  describe,
  execute,
  sync,
  query,
  function_call,
  copy_end,
};

// Follows both directions by message types alone, as PostgreSQL's own main loop would
// (postgres.c): one entry per request that was sent and not answered.
//
// After an error in the extended protocol PostgreSQL reads on to the next Sync without answering:
// the entries up to that Sync go, and if it was not sent yet, what is sent before it is not
// entered at all (is_skipping()). During COPY FROM STDIN, Syncs are swallowed by PostgreSQL.
// NoticeResponse, NotificationResponse and ParameterStatus come at any time and count for nothing.
// Used by one thread. Memory: one byte per request in flight.
class ReplyQueue {
 public:
  // A request goes to PostgreSQL. A swallowed one is ours: its error reply is not for the client.
  void sent(Request request, bool is_swallowed = false);
  // A message type came from PostgreSQL. Returns false if it must not reach the client.
  bool received(char type);

  [[nodiscard]] bool is_empty() const { return head_ == entries_.size(); }
  // PostgreSQL (and so we) ignore everything up to the client's next Sync.
  [[nodiscard]] bool is_skipping() const { return is_skipping_; }
  // PostgreSQL reads COPY data and nothing else.
  [[nodiscard]] bool is_copying_in() const { return is_copying_in_; }
  // Something of the extended protocol was sent since the last Sync: PostgreSQL may be in an
  // implicit transaction, and may hold its replies back until Flush or Sync.
  [[nodiscard]] bool is_unsynced() const { return is_unsynced_; }
  // Among it an Execute.
  [[nodiscard]] bool has_executed() const { return has_executed_; }

 private:
  [[nodiscard]] Request head() const;
  void pop();
  bool pop_if(Request request);
  void pop_through_ready();
  bool fail();
  void begin_copy_in();
  void drop_markers();

  std::vector<uint8_t> entries_;  // Request, with kSwallowed
  size_t head_ = 0;
  bool is_skipping_ = false;
  bool is_copying_in_ = false;
  bool is_unsynced_ = false;
  bool has_executed_ = false;
};

}  // namespace metadb::server
