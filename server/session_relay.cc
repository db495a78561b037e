#include "server/session_relay.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <optional>
#include <utility>

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

Relay::Relay(SessionLegs& legs, SessionCommands* commands, bool is_timed)
    : legs_(legs), commands_(commands), is_timed_(is_timed), ended_(legs.loop()) {}

asio::awaitable<void> Relay::run() {
  running_ = 2;
  // What came together with the login.
  guard([this] { go_on_with_requests(); });
  guard([this] { go_on_with_replies(); });
  while (running_ > 0) co_await ended_.rung();
}

template <typename Step>
void Relay::guard(Step step) {
  try {
    step();
  } catch (...) {
    failed(std::current_exception());
  }
}

template <typename Then>
void Relay::write_on(wire::Channel& channel, std::string_view bytes, Then then) {
  bytes.remove_prefix(channel.try_write(bytes));
  if (bytes.empty() || channel.is_broken()) return then(bytes.empty());
  channel.when_writable(
      [this, &channel, bytes, then] { guard([&] { write_on(channel, bytes, then); }); });
}

template <typename Coroutine, typename Then>
void Relay::detour(Coroutine coroutine, Then then) {
  asio::co_spawn(legs_.executor(), std::move(coroutine),
                 [this, then](const std::exception_ptr& error, auto... result) {
                   if (error) return failed(error);
                   guard([&] { then(result...); });
                 });
}

void Relay::failed(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& what) {
    spdlog::error("a session ended by an internal error: {}", what.what());
  }
  legs_.close();
  ended();
}

void Relay::ended() {
  --running_;
  ended_.ring();
}

// ---- From the client to PostgreSQL.

void Relay::read_requests() {
  legs_.from_client.rest();
  legs_.client.when_readable([this] { guard([this] { fill_requests(); }); });
}

void Relay::fill_requests() {
  switch (legs_.client.fill_now(legs_.from_client)) {
    case wire::Channel::Filled::some:
      if (is_timed_) note_activity();
      return go_on_with_requests();
    case wire::Channel::Filled::nothing:
      return read_requests();
    case wire::Channel::Filled::end:
      return end_requests();
  }
}

void Relay::end_requests() {
  is_end_expected_ = true;
  if (legs_.client.is_broken()) {
    legs_.close();
  } else {
    legs_.upstream.shutdown_send();
  }
  ended();
}

void Relay::go_on_with_requests() {
  wire::FrameBuffer& frames = legs_.from_client;
  for (;;) {
    const auto header = frames.next();
    const Look look = header ? look_at_request(*header) : Look::wait;
    if (look == Look::pass) {
      note_request(header->type);
      frames.pass(*header);
      continue;
    }
    // Anything else comes after what was passed.
    if (!write_requests()) return;
    if (look == Look::take) return take_request(*header);
    if (look == Look::wait) break;
    frames.drop(*header);
  }
  stop_if_idle();
  read_requests();
}

// False if it is not done at once: it then goes on by itself.
bool Relay::write_requests() {
  if (commands_ != nullptr && !commands_->answers().is_empty()) {
    detour(commands_->answers().flush(), [this](bool is_written) {
      // A client that is gone is noticed by the other direction too.
      is_written ? go_on_with_requests() : ended();
    });
    return false;
  }
  std::string_view run = legs_.from_client.run();
  if (run.empty()) return true;
  run.remove_prefix(legs_.upstream.try_write(run));
  if (run.empty()) {
    legs_.from_client.run_written();
    return true;
  }
  write_on(legs_.upstream, run, [this](bool is_written) {
    // PostgreSQL is gone: the other direction sees that and has its last words.
    if (!is_written) return ended();
    legs_.from_client.run_written();
    go_on_with_requests();
  });
  return false;
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
void Relay::take_request(wire::FrameHeader header) {
  detour(take(header), [this, header](Look look) { taken(header, look); });
}

asio::awaitable<Relay::Look> Relay::take(wire::FrameHeader header) {
  is_taking_ = true;
  const Outcome outcome = co_await commands_->take(header, legs_.from_client.payload(header));
  is_taking_ = false;
  // PostgreSQL is gone: the other direction sees that and has its last words.
  if (outcome == Outcome::end && !legs_.upstream.is_broken()) legs_.close();
  co_return outcome == Outcome::pass ? Look::pass : Look::drop;
}

void Relay::taken(const wire::FrameHeader& header, Look look) {
  if (legs_.is_closed() || legs_.upstream.is_broken()) return ended();
  if (look == Look::drop) {
    legs_.from_client.drop(header);
  } else {
    note_request(header.type);
    legs_.from_client.pass(header);
  }
  go_on_with_requests();
}

void Relay::note_request(char type) {
  if (type == 'X') is_end_expected_ = true;
  if (type == 'S' && commands_ != nullptr) commands_->synced();
  if (const auto request = request_of(type)) legs_.replies.sent(*request);
}

// ---- From PostgreSQL to the client.

void Relay::read_replies() {
  legs_.from_upstream.rest();
  legs_.upstream.when_readable([this] { guard([this] { fill_replies(); }); });
}

void Relay::fill_replies() {
  switch (legs_.upstream.fill_now(legs_.from_upstream)) {
    case wire::Channel::Filled::some:
      if (is_timed_) note_activity();
      return go_on_with_replies();
    case wire::Channel::Filled::nothing:
      return read_replies();
    case wire::Channel::Filled::end:
      return detour(say_lost(), [this] { end_replies(); });
  }
}

void Relay::end_replies() {
  legs_.close();
  ended();
}

void Relay::go_on_with_replies() {
  wire::FrameBuffer& frames = legs_.from_upstream;
  if (std::exchange(is_dropping_, false)) frames.drop(*frames.next());
  for (;;) {
    frames.pass_rows();
    const auto header = frames.next();
    const Look look = header ? look_at_reply(*header) : Look::wait;
    if (look == Look::pass) {
      frames.pass(*header);
      continue;
    }
    is_dropping_ = look == Look::drop;
    if (!write_replies()) return;
    if (look == Look::wait) break;
    is_dropping_ = false;
    frames.drop(*header);
  }
  legs_.wake();
  stop_if_idle();
  read_replies();
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

// False if it is not done at once: it then goes on by itself.
bool Relay::write_replies() {
  std::string_view run = legs_.from_upstream.run();
  if (run.empty()) return true;
  if (!has_turn_ && !legs_.try_take_turn()) {
    detour(legs_.take_turn(), [this] {
      has_turn_ = true;
      if (write_replies()) go_on_with_replies();
    });
    return false;
  }
  has_turn_ = true;
  run.remove_prefix(legs_.client.try_write(run));
  if (run.empty()) {
    replies_written();
    return true;
  }
  write_on(legs_.client, run, [this](bool is_written) {
    if (!is_written) return end_replies();
    replies_written();
    go_on_with_replies();
  });
  return false;
}

void Relay::replies_written() {
  legs_.from_upstream.run_written();
  if (!legs_.from_upstream.at_boundary()) return;
  has_turn_ = false;
  legs_.end_turn();
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
    const wire::FrameBuffer& frames = legs_.from_client;
    if (frames.at_boundary() && frames.run().empty()) legs_.upstream.try_write(terminate);
  }
  legs_.close();
}

}  // namespace metadb::server
