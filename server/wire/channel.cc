#include "server/wire/channel.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace metadb::server::wire {

namespace asio = boost::asio;

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

bool is_transient(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

Descriptor prepared(Descriptor socket) {
  const int fd = socket.get();
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  if (!is_tcp(fd)) return socket;
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
  return socket;
}

}  // namespace

Channel::Channel(Descriptor socket, EventLoop& loop)
    : watch_(std::make_unique<Watch>(loop, prepared(std::move(socket)))) {}

asio::awaitable<int> Channel::connected() {
  co_await writable();
  int error = ECANCELED;
  socklen_t size = sizeof error;
  if (is_open() && ::getsockopt(watch_->fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    error = errno;
  }
  co_return error;
}

asio::awaitable<std::optional<std::string>> Channel::start_tls(TlsContext context,
                                                               TlsStream::Role role, TlsPeer peer) {
  tls_ = std::make_unique<TlsStream>(std::move(context), watch_->fd(), role, peer);
  for (;;) {
    const TlsStream::Step step = tls_->handshake();
    if (step == TlsStream::Step::done) co_return std::nullopt;
    if (step == TlsStream::Step::failed) break;
    if (step == TlsStream::Step::wants_write) {
      co_await writable();
    } else {
      watch_->read_nothing();
      co_await readable();
    }
    if (!is_open()) co_return "closed during the handshake";
  }
  is_broken_ = true;
  co_return tls_->failure();
}

void Channel::wipe_what_was_read(bool is_wiped) {
  if (tls_) tls_->wipe_what_was_read(is_wiped);
}

void Channel::when_readable(Callback callback) {
  if (tls_ && tls_->read_wants_write()) {
    watch_->when_writable(std::move(callback));
  } else {
    watch_->when_readable(std::move(callback));
  }
}

void Channel::when_writable(Callback callback) {
  if (tls_ && tls_->write_wants_read()) {
    watch_->when_readable(std::move(callback));
  } else {
    watch_->when_writable(std::move(callback));
  }
}

asio::awaitable<void> Channel::readable() {
  return called([this](Callback callback) { when_readable(std::move(callback)); });
}

asio::awaitable<void> Channel::writable() {
  return called([this](Callback callback) { when_writable(std::move(callback)); });
}

Channel::Filled Channel::fill_now(FrameBuffer& frames) {
  for (bool is_first = true;; is_first = false) {
    const std::span<char> space = frames.space();
    const std::optional<size_t> bytes = try_read(space);
    if (!bytes || *bytes == 0) {
      // The end will be seen again.
      if (!is_first) return Filled::some;
      frames.rest();
      return bytes ? Filled::end : Filled::nothing;
    }
    frames.added(*bytes);
    // OpenSSL may hold more that no event will announce; it gives one record at a time.
    if (!tls_ || *bytes == space.size()) return Filled::some;
  }
}

asio::awaitable<std::optional<char>> Channel::peek() {
  for (;;) {
    if (!is_open()) co_return std::nullopt;
    char byte = '\0';
    const ssize_t bytes = ::recv(watch_->fd(), &byte, 1, MSG_PEEK);
    if (bytes == 1) co_return byte;
    if (bytes == 0 || no_read(errno)) co_return std::nullopt;
    co_await readable();
  }
}

std::optional<size_t> Channel::no_read(int error) {
  if (!is_transient(error)) {
    is_broken_ = true;
    return 0;
  }
  if (error != EINTR) watch_->read_nothing();
  return std::nullopt;
}

std::optional<size_t> Channel::try_read(std::span<char> space) {
  if (!is_open()) return no_read(EBADF);
  if (tls_) {
    const auto bytes = tls_->try_read(space);
    is_broken_ = is_broken_ || tls_->is_broken();
    if (!bytes && !tls_->read_wants_write()) watch_->read_nothing();
    return bytes;
  }
  const ssize_t bytes = ::recv(watch_->fd(), space.data(), space.size(), 0);
  if (bytes < 0) return no_read(errno);
  const auto count = static_cast<size_t>(bytes);
  if (count > 0 && count < space.size()) watch_->read_all();
  return count;
}

size_t Channel::try_write(std::string_view bytes) {
  if (!is_open()) {
    is_broken_ = true;
    return 0;
  }
  if (tls_) {
    const size_t taken = tls_->try_write(bytes);
    is_broken_ = is_broken_ || tls_->is_broken();
    if (tls_->write_wants_read()) watch_->read_nothing();
    return taken;
  }
  ssize_t taken = -1;
  do {
    taken = ::send(watch_->fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (taken < 0 && errno == EINTR);
  if (taken >= 0) return static_cast<size_t>(taken);
  if (!is_transient(errno)) is_broken_ = true;
  return 0;
}

asio::awaitable<bool> Channel::write(std::string_view bytes) {
  while (!bytes.empty()) {
    bytes.remove_prefix(try_write(bytes));
    if (is_broken_) co_return false;
    if (bytes.empty()) break;
    co_await writable();
  }
  co_return true;
}

void Channel::shutdown_send() {
  if (!is_open()) return;
  if (tls_) tls_->send_end();
  ::shutdown(watch_->fd(), SHUT_WR);
}

void Channel::close() {
  if (tls_) tls_->close();
  watch_->close();
}

asio::awaitable<bool> fill(Channel& channel, FrameBuffer& frames) {
  for (;;) {
    const Channel::Filled filled = channel.fill_now(frames);
    if (filled != Channel::Filled::nothing) co_return filled == Channel::Filled::some;
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
