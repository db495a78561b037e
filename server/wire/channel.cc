#include "server/wire/channel.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

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

asio::awaitable<void> Channel::readable() {
  error_code error;
  co_await socket_.async_wait(Socket::wait_read, asio::redirect_error(asio::use_awaitable, error));
}

std::optional<size_t> Channel::try_read(std::span<char> space) {
  error_code error;
  const size_t bytes = socket_.read_some(asio::buffer(space.data(), space.size()), error);
  if (!error) return bytes;
  if (is_transient(error)) return std::nullopt;
  if (error != asio::error::eof) is_broken_ = true;
  return 0;
}

size_t Channel::try_write(std::string_view bytes) {
  error_code error;
  const size_t taken = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), error);
  if (error && !is_transient(error)) is_broken_ = true;
  return error ? 0 : taken;
}

asio::awaitable<bool> Channel::write(std::string_view bytes) {
  while (!bytes.empty()) {
    bytes.remove_prefix(try_write(bytes));
    if (is_broken_) co_return false;
    if (bytes.empty()) break;
    error_code error;
    co_await socket_.async_wait(Socket::wait_write,
                                asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return false;
  }
  co_return true;
}

void Channel::shutdown_send() {
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void Channel::close() {
  error_code ignored;
  socket_.close(ignored);
}

asio::awaitable<bool> fill(Channel& channel, FrameBuffer& frames) {
  for (;;) {
    frames.release_if_empty();
    co_await channel.readable();
    const std::optional<size_t> bytes = channel.try_read(frames.space());
    if (!bytes) continue;
    if (*bytes == 0) co_return false;
    frames.added(*bytes);
    co_return true;
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
