#include "server/session_relay.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "server/wire/messages.h"
#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace asio = boost::asio;

namespace {

// More than the names of a statement and a portal take.
constexpr size_t kNamesBytes = 4096;

// The request that a frontend message makes; nullopt if it is not answered.
std::optional<Request> request_of(char type) {
  switch (type) {
    case 'P':
      return Request::parse;
    case 'B':
      return Request::bind;
    case 'D':
      return Request::describe;
    case 'E':
      return Request::execute;
    case 'C':
      return Request::close;
    case 'S':
      return Request::sync;
    case 'Q':
      return Request::query;
    case 'F':
      return Request::function_call;
    case 'c':
    case 'f':
      return Request::copy_end;
    default:
      return std::nullopt;
  }
}

std::string fatal_message(std::string_view sqlstate, std::string message) {
  wire::Report report;
  report.severity = "FATAL";
  report.sqlstate = sqlstate;
  report.message = std::move(message);
  std::string out;
  wire::append_error(out, report);
  return out;
}

}  // namespace

Relay::Relay(SessionLegs& legs, SessionCommands* commands)
    : legs_(legs),
      commands_(commands),
      ended_(legs.executor(), asio::steady_timer::time_point::max()) {}

asio::awaitable<void> Relay::run() {
  const auto done = [this](const std::exception_ptr& error) { ended(error); };
  running_ = 2;
  asio::co_spawn(legs_.executor(), from_client(), done);
  asio::co_spawn(legs_.executor(), from_upstream(), done);
  while (running_ > 0) {
    boost::system::error_code ignored;
    co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

void Relay::ended(const std::exception_ptr& error) {
  if (error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& what) {
      spdlog::error("a session ended by an internal error: {}", what.what());
    }
    legs_.close();
  }
  --running_;
  ended_.cancel();
}

// ---- From the client to PostgreSQL.

asio::awaitable<void> Relay::from_client() {
  bool goes_on = co_await pass_requests();  // what came together with the login
  while (goes_on && co_await wire::fill(legs_.client, legs_.from_client)) {
    note_activity();
    goes_on = co_await pass_requests();
  }
  if (!goes_on)
    co_return;  // PostgreSQL is gone: the other direction sees that and has its last words
  is_end_expected_ = true;
  if (legs_.client.is_broken()) {
    legs_.close();
  } else {
    legs_.upstream.shutdown_send();
  }
}

// False if there is nobody to pass them to.
asio::awaitable<bool> Relay::pass_requests() {
  wire::FrameBuffer& frames = legs_.from_client;
  while (const auto header = frames.next()) {
    Look look = look_at_request(*header);
    if (look == Look::wait) break;
    if (look == Look::take || look == Look::drop) {
      if (!co_await write_requests()) co_return false;
    }
    if (look == Look::take) look = co_await take(*header);
    if (legs_.is_closed()) co_return false;
    if (look == Look::drop) {
      frames.drop(*header);
    } else {
      note_request(header->type);
      frames.pass(*header);
    }
  }
  const bool is_written = co_await write_requests();
  stop_if_idle();
  co_return is_written;
}

Relay::Look Relay::look_at_request(const wire::FrameHeader& header) {
  if (commands_ == nullptr) return Look::pass;
  if (commands_->is_skipping() && header.type != 'X') {
    if (header.type != 'S') return Look::drop;
    commands_->synced();
  }
  if (!commands_->looks_at(header.type)) return Look::pass;
  const wire::FrameBuffer& frames = legs_.from_client;
  if (!wire::FrameBuffer::exceeds(header) && !frames.holds(header)) return Look::wait;
  // One that is too large to be held is looked at as soon as its names are here.
  if (commands_->wants_tags() && frames.available() < std::min(header.total(), kNamesBytes)) {
    return Look::wait;
  }
  return commands_->wants(header, frames.payload(header)) ? Look::take : Look::pass;
}

// A message that may be ours. Its payload stays in the buffer until it is answered.
asio::awaitable<Relay::Look> Relay::take(wire::FrameHeader header) {
  is_taking_ = true;
  const Outcome outcome = co_await commands_->take(header, legs_.from_client.payload(header));
  is_taking_ = false;
  if (outcome == Outcome::end) legs_.close();
  co_return outcome == Outcome::pass ? Look::pass : Look::drop;
}

void Relay::note_request(char type) {
  if (type == 'X') is_end_expected_ = true;
  if (type == 'S' && commands_ != nullptr) commands_->synced();
  if (const auto request = request_of(type)) legs_.replies.sent(*request);
}

asio::awaitable<bool> Relay::write_requests() {
  if (commands_ != nullptr && !commands_->answers().is_empty()) {
    if (!co_await commands_->answers().flush()) co_return false;
  }
  std::string_view run = legs_.from_client.run();
  if (run.empty()) co_return true;
  run.remove_prefix(legs_.upstream.try_write(run));
  bool is_written = true;
  if (!run.empty()) is_written = co_await legs_.upstream.write(run);
  legs_.from_client.run_written();
  co_return is_written;
}

// ---- From PostgreSQL to the client.

asio::awaitable<void> Relay::from_upstream() {
  bool goes_on = co_await pass_replies();
  while (goes_on && co_await wire::fill(legs_.upstream, legs_.from_upstream)) {
    note_activity();
    goes_on = co_await pass_replies();
  }
  if (goes_on) co_await say_lost();
  legs_.close();
}

asio::awaitable<bool> Relay::pass_replies() {
  wire::FrameBuffer& frames = legs_.from_upstream;
  while (const auto header = frames.next()) {
    const Look look = look_at_reply(*header);
    if (look == Look::wait) break;
    if (look == Look::drop) {
      if (!co_await write_replies()) co_return false;
      frames.drop(*header);
    } else {
      frames.pass(*header);
    }
  }
  if (!co_await write_replies()) co_return false;
  legs_.wake();
  stop_if_idle();
  co_return true;
}

Relay::Look Relay::look_at_reply(const wire::FrameHeader& header) {
  switch (header.type) {
    case 'D':
    case 'd':
    case 'N':
    case 'A':
      return Look::pass;
    case 'C':
      if (commands_ == nullptr || !commands_->wants_tags()) break;
      [[fallthrough]];
    case 'Z':
    case 'S':
    case 'E':
      if (wire::FrameBuffer::exceeds(header)) break;
      if (!legs_.from_upstream.holds(header)) return Look::wait;
      return look_at_held_reply(header, legs_.from_upstream.payload(header));
    default:
      break;
  }
  return legs_.replies.received(header.type) ? Look::pass : Look::drop;
}

Relay::Look Relay::look_at_held_reply(const wire::FrameHeader& header, std::string_view payload) {
  switch (header.type) {
    case 'Z':
      if (!payload.empty()) legs_.status = payload.front();
      if (commands_ != nullptr) commands_->ready(legs_.status);
      break;
    case 'S':
      if (const auto status = wire::read_parameter_status(payload)) {
        legs_.follow(status->name, status->value);
      }
      return Look::pass;
    case 'E': {
      const std::string_view severity = wire::error_field(payload, 'V');
      if (severity != "FATAL" && severity != "PANIC") break;
      // The last word, whatever it was said in answer to.
      is_end_expected_ = true;
      return Look::pass;
    }
    case 'C':
      commands_->completed(wire::PayloadReader(payload).text());
      break;
    default:
      break;
  }
  return legs_.replies.received(header.type) ? Look::pass : Look::drop;
}

asio::awaitable<bool> Relay::write_replies() {
  std::string_view run = legs_.from_upstream.run();
  if (run.empty()) co_return true;
  if (!has_turn_ && !legs_.try_take_turn()) co_await legs_.take_turn();
  has_turn_ = true;
  run.remove_prefix(legs_.client.try_write(run));
  bool is_written = true;
  if (!run.empty()) is_written = co_await legs_.client.write(run);
  legs_.from_upstream.run_written();
  if (legs_.from_upstream.at_boundary()) {
    has_turn_ = false;
    legs_.end_turn();
  }
  co_return is_written;
}

// PostgreSQL went away without a word; the client gets one, unless it is in the middle of a frame.
asio::awaitable<void> Relay::say_lost() {
  if (is_end_expected_ || legs_.is_closed() || !legs_.from_upstream.at_boundary()) co_return;
  const std::string message =
      fatal_message(wire::sqlstate::kConnectionFailure,
                    "the backing database closed the connection unexpectedly");
  co_await legs_.tell_client(message);
}

// ---- The end.

void Relay::begin_stop() {
  is_stopping_ = true;
  stop_if_idle();
}

void Relay::stop_if_idle() {
  if (!is_stopping_ || is_taking_ || legs_.is_closed() || !legs_.is_idle()) return;
  stop_now(wire::sqlstate::kAdminShutdown, "terminating connection due to administrator command");
}

void Relay::stop_now(std::string_view sqlstate, std::string message) {
  if (legs_.is_closed()) return;
  is_end_expected_ = true;
  if (legs_.try_take_turn()) {
    // An idle connection has room for one message; a stuck one gets none.
    legs_.client.try_write(fatal_message(sqlstate, std::move(message)));
    std::string terminate;
    wire::append_bare(terminate, 'X');
    if (legs_.from_client.at_boundary()) legs_.upstream.try_write(terminate);
  }
  legs_.close();
}

}  // namespace metadb::server
