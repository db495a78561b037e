// The main phase of a session: bytes go both ways until a leg ends.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <exception>
#include <string>
#include <string_view>

#include "server/session_commands.h"
#include "server/session_legs.h"

namespace metadb::server {

// Two chains of events, one per direction. Each reads what is there, walks over the headers and
// writes the frames on as they are, many with one write; a frame of any size passes through one
// buffer. Neither reads on before its bytes are written: a slow reader slows its own writer and no
// one else. What every query goes through is plain functions, called by the event loop: a coroutine
// per step would cost as much as the rest. What is rare (a write that has to wait, a command of
// ours) is a coroutine, a detour() after which the chain goes on.
//
// How it ends: the client's end of stream is passed on, PostgreSQL answers what it has and closes;
// the end of PostgreSQL's stream closes both legs, after ErrorResponse 08006 if nothing announced
// it; a broken client closes both at once; stopping says 57P01 at the next idle point.
class Relay {
 public:
  // `commands` is null where the dialect is not spoken: another database, replication.
  // `is_timed`: last_activity() will be asked; not for free with every message.
  Relay(SessionLegs& legs, SessionCommands* commands, bool is_timed);

  // Returns when both directions have ended.
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

  // Each of these is the last thing that its caller does: it goes on by itself, and ends with
  // ended() in one way or another.
  void read_requests();
  void fill_requests();
  void go_on_with_requests();
  void end_requests();
  void read_replies();
  void fill_replies();
  void go_on_with_replies();
  void end_replies();

  Look look_at_request(const wire::FrameHeader& header);
  void take_request(wire::FrameHeader header);
  boost::asio::awaitable<Look> take(wire::FrameHeader header);
  void taken(const wire::FrameHeader& header, Look look);
  void note_request(char type);
  bool write_requests();

  Look look_at_reply(const wire::FrameHeader& header);
  Look look_at_held_reply(const wire::FrameHeader& header, std::string_view payload);
  bool write_replies();
  void replies_written();
  boost::asio::awaitable<void> say_lost();

  // Runs a step of a direction. An error ends the session, not the io thread.
  template <typename Step>
  void guard(Step step);
  // Writes all of it, then calls then(true), or then(false) if the peer is gone.
  template <typename Then>
  void write_on(wire::Channel& channel, std::string_view bytes, Then then);
  // Runs a coroutine, then `then` with what it returned.
  template <typename Coroutine, typename Then>
  void detour(Coroutine coroutine, Then then);
  void failed(const std::exception_ptr& error);
  void ended();
  void stop_if_idle();

  SessionLegs& legs_;
  SessionCommands* commands_;
  const bool is_timed_;
  // Rung when a direction has ended. Apart from SessionLegs::changed(), so that run() is not woken
  // with every query.
  wire::Bell ended_;
  int running_ = 0;               // directions
  bool has_turn_ = false;         // go_on_with_replies() writes to the client
  bool is_dropping_ = false;      // the reply at the scan point, once those before it are written
  bool is_end_expected_ = false;  // Terminate, the client's end of stream, or a FATAL error
  bool is_taking_ = false;        // a message of ours is being answered
  bool is_stopping_ = false;
  std::chrono::steady_clock::time_point last_activity_ = std::chrono::steady_clock::now();
};

}  // namespace metadb::server
