// The main phase of a session: bytes go both ways until a leg ends.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <exception>
#include <string>
#include <string_view>

#include "server/session_commands.h"
#include "server/session_legs.h"

namespace metadb::server {

// Two coroutines, one per direction. Each reads what is there, walks over the headers and writes
// the frames on as they are, many with one write; a frame of any size passes through one buffer.
// Neither reads on before its bytes are written: a slow reader slows its own writer and no one
// else.
//
// How it ends: the client's end of stream is passed on, PostgreSQL answers what it has and closes;
// the end of PostgreSQL's stream closes both legs, after ErrorResponse 08006 if nothing announced
// it; a broken client closes both at once; stopping says 57P01 at the next idle point.
class Relay {
 public:
  // `commands` is null where the dialect is not spoken: another database, replication.
  Relay(SessionLegs& legs, SessionCommands* commands);

  // Returns when both coroutines have ended.
  boost::asio::awaitable<void> run();

  // Says goodbye at the next idle point, or now.
  void begin_stop();
  void stop_now(std::string_view sqlstate, std::string message);

  // When bytes last came from either side, or note_activity() was called.
  [[nodiscard]] std::chrono::steady_clock::time_point last_activity() const {
    return last_activity_;
  }
  void note_activity() { last_activity_ = std::chrono::steady_clock::now(); }

 private:
  enum class Look { pass, drop, take, wait };

  boost::asio::awaitable<void> from_client();
  boost::asio::awaitable<bool> pass_requests();
  Look look_at_request(const wire::FrameHeader& header);
  boost::asio::awaitable<Look> take(wire::FrameHeader header);
  boost::asio::awaitable<bool> write_requests();
  void note_request(char type);

  boost::asio::awaitable<void> from_upstream();
  boost::asio::awaitable<bool> pass_replies();
  Look look_at_reply(const wire::FrameHeader& header);
  Look look_at_held_reply(const wire::FrameHeader& header, std::string_view payload);
  boost::asio::awaitable<bool> write_replies();
  boost::asio::awaitable<void> say_lost();

  void ended(const std::exception_ptr& error);
  void stop_if_idle();

  SessionLegs& legs_;
  SessionCommands* commands_;
  // Never expires; cancelled when a coroutine has ended. Apart from SessionLegs::changed(), so that
  // run() is not woken with every query.
  boost::asio::steady_timer ended_;
  int running_ = 0;               // coroutines
  bool has_turn_ = false;         // from_upstream() writes to the client
  bool is_end_expected_ = false;  // Terminate, the client's end of stream, or a FATAL error
  bool is_taking_ = false;        // a message of ours is being answered
  bool is_stopping_ = false;
  std::chrono::steady_clock::time_point last_activity_ = std::chrono::steady_clock::now();
};

}  // namespace metadb::server
