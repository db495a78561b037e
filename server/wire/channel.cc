#include "server/wire/channel.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

namespace metadb::server::wire {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// A peer that vanished without a word is noticed after about two minutes.
constexpr int kKeepAliveIdleSeconds = 60;
constexpr int kKeepAliveIntervalSeconds = 10;
constexpr int kKeepAliveProbes = 6;

void set_option(int fd, int level, int name, int value) {
  // Best effort: a connection without these options still works.
  static_cast<void>(::setsockopt(fd, level, name, &value, sizeof value));
}

bool is_tcp(int fd) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain != AF_UNIX;
}

bool is_transient(const error_code& error) {
  return error == asio::error::would_block || error == asio::error::try_again ||
         error == asio::error::interrupted;
}

}  // namespace

Channel::Channel(Socket socket) : socket_(std::move(socket)) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  const int fd = socket_.native_handle();
  if (!is_tcp(fd)) return;
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
}

asio::awaitable<bool> Channel::wait(Socket::wait_type what) {
  error_code error;
  co_await socket_.async_wait(what, asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

asio::awaitable<std::optional<std::string>> Channel::start_tls(TlsContext context,
                                                               TlsStream::Role role, TlsPeer peer) {
  tls_ = std::make_unique<TlsStream>(std::move(context), socket_.native_handle(), role, peer);
  for (;;) {
    const TlsStream::Step step = tls_->handshake();
    if (step == TlsStream::Step::done) co_return std::nullopt;
    if (step == TlsStream::Step::failed) break;
    const auto what = step == TlsStream::Step::wants_write ? Socket::wait_write : Socket::wait_read;
    const bool goes_on = co_await wait(what);
    if (!goes_on || !socket_.is_open()) co_return "closed during the handshake";
  }
  is_broken_ = true;
  co_return tls_->failure();
}

asio::awaitable<void> Channel::readable() {
  co_await wait(reading());
}

bool Channel::took(const ErrorCode& error) {
  if (error && error != asio::error::eof) is_broken_ = true;
  return !error;
}

// After a read into the resting space. The end of the stream will be seen again.
void Channel::read_on(FrameBuffer& frames) {
  if (!frames.is_rest_full()) return;
  if (const auto bytes = try_read(frames.space())) frames.added(*bytes);
}

asio::awaitable<std::optional<char>> Channel::peek() {
  for (;;) {
    char byte = '\0';
    const ssize_t bytes = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK);
    if (bytes == 1) co_return byte;
    if (bytes == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
      co_return std::nullopt;
    }
    const bool goes_on = co_await wait(Socket::wait_read);
    if (!goes_on) co_return std::nullopt;
  }
}

std::optional<size_t> Channel::try_read(std::span<char> space) {
  if (tls_) {
    const auto bytes = tls_->try_read(space);
    is_broken_ = is_broken_ || tls_->is_broken();
    return bytes;
  }
  error_code error;
  const size_t bytes = socket_.read_some(asio::buffer(space.data(), space.size()), error);
  if (!error) return bytes;
  if (is_transient(error)) return std::nullopt;
  if (error != asio::error::eof) is_broken_ = true;
  return 0;
}

size_t Channel::try_write(std::string_view bytes) {
  if (tls_) {
    const size_t taken = tls_->try_write(bytes);
    is_broken_ = is_broken_ || tls_->is_broken();
    return taken;
  }
  const ssize_t taken = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (taken >= 0) return static_cast<size_t>(taken);
  if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) is_broken_ = true;
  return 0;
}

asio::awaitable<bool> Channel::write(std::string_view bytes) {
  while (!bytes.empty()) {
    bytes.remove_prefix(try_write(bytes));
    if (is_broken_) co_return false;
    if (bytes.empty()) break;
    const bool wants_read = tls_ && tls_->write_wants_read();
    const bool goes_on = co_await wait(wants_read ? Socket::wait_read : Socket::wait_write);
    if (!goes_on) co_return false;
  }
  co_return true;
}

void Channel::shutdown_send() {
  if (tls_) tls_->send_end();
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void Channel::close() {
  if (tls_) tls_->close();
  error_code ignored;
  socket_.close(ignored);
}

asio::awaitable<bool> fill(Channel& channel, FrameBuffer& frames) {
  for (;;) {
    const std::optional<size_t> bytes = channel.try_read(frames.space());
    if (bytes && *bytes > 0) {
      frames.added(*bytes);
      co_return true;
    }
    frames.release_if_empty();
    if (bytes) co_return false;
    co_await channel.readable();
  }
}

asio::awaitable<std::optional<FrameHeader>> read_frame(Channel& channel, FrameBuffer& frames) {
  for (;;) {
    const std::optional<FrameHeader> header = frames.next();
    if (header && FrameBuffer::exceeds(*header)) co_return std::nullopt;
    if (header && frames.holds(*header)) co_return header;
    if (!frames.at_boundary()) co_return std::nullopt;  // an impossible length
    if (!co_await fill(channel, frames)) co_return std::nullopt;
  }
}

asio::awaitable<bool> read_exactly(Channel& channel, std::span<char> space) {
  while (!space.empty()) {
    const std::optional<size_t> bytes = channel.try_read(space);
    if (bytes && *bytes == 0) co_return false;
    if (bytes) {
      space = space.subspan(*bytes);
    } else {
      co_await channel.readable();
    }
  }
  co_return true;
}

}  // namespace metadb::server::wire
