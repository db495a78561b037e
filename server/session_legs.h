// The two legs of a session and what the coroutines on them share.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>

#include "server/session_replies.h"
#include "server/wire/channel.h"
#include "server/wire/frame.h"

namespace metadb::server {

// One client connection and one PostgreSQL connection, once both are there.
//
// Lives on one io thread. The client's leg is written to by turns: whoever has written a part of a
// frame keeps the turn until the frame is whole. Only the coroutine that reads from the client
// writes to PostgreSQL.
class SessionLegs {
 public:
  // Both on one loop.
  SessionLegs(wire::Channel client, wire::Channel upstream, wire::BufferPool& buffers);

  wire::Channel client;
  wire::Channel upstream;
  wire::FrameBuffer from_client;
  wire::FrameBuffer from_upstream;
  ReplyQueue replies;
  char status = 'I';                     // of the last ReadyForQuery
  std::string client_encoding = "UTF8";  // of the last ParameterStatus
  bool has_standard_strings = true;      // standard_conforming_strings, the same

  // Goes by a ParameterStatus.
  void follow(std::string_view parameter, std::string_view value);
  // Writes whole messages of ours between two of PostgreSQL's; false if the client is gone.
  boost::asio::awaitable<bool> tell_client(std::string_view messages);
  // What the upstream's coroutine does around a run of frames.
  bool try_take_turn() { return !is_turn_taken_ && (is_turn_taken_ = true); }
  boost::asio::awaitable<void> take_turn();
  void end_turn();

  // Returns when wake() or close() is called: check again what you wait for, and is_closed().
  boost::asio::awaitable<void> changed() { return change_.rung(); }
  void wake() { change_.ring(); }

  // Every coroutine on the legs comes to its end.
  void close();
  [[nodiscard]] bool is_closed() const { return is_closed_; }
  // No request is unanswered, no message is cut, no transaction is open.
  [[nodiscard]] bool is_idle() const;
  [[nodiscard]] boost::asio::any_io_executor executor() { return loop().executor(); }
  [[nodiscard]] wire::EventLoop& loop() { return client.loop(); }

 private:
  wire::Bell change_;
  bool is_turn_taken_ = false;
  bool is_closed_ = false;
};

}  // namespace metadb::server
