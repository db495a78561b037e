#include "ingest/port_relay.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "catalog/error.h"

namespace metadb::ingest {
namespace {

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// POSIX wants a sockaddr where it means a sockaddr_in.
const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

int listen_on(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  const sockaddr_in address = loopback(port);
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(fd, generic(address), sizeof address) != 0 || listen(fd, 16) != 0) {
    const int reason = errno;
    if (fd >= 0) close(fd);
    throw catalog::Error(
        "08001", fmt::format("can't listen on 127.0.0.1 port {}: {}", port, std::strerror(reason)));
  }
  return fd;
}

// Passes on what is there; false when the connection is over. The writes block: both ends are
// programs of this machine that read what they get.
bool pass(int from, int to) {
  std::array<char, 65536> buffer;
  const ssize_t size = read(from, buffer.data(), buffer.size());
  if (size <= 0) return false;
  ssize_t sent = 0;
  while (sent < size) {
    const ssize_t more =
        send(to, buffer.data() + sent, static_cast<size_t>(size - sent), MSG_NOSIGNAL);
    if (more <= 0) return false;
    sent += more;
  }
  return true;
}

}  // namespace

PortRelay::Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

PortRelay::Socket::Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

PortRelay::PortRelay(uint16_t from, uint16_t to)
    : to_(to),
      listener_(listen_on(from)),
      stop_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { run(); }) {}

PortRelay::~PortRelay() {
  eventfd_write(stop_.fd(), 1);
  thread_.join();
}

void PortRelay::accept_client() {
  Socket client(accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  Socket server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(to_);
  if (client.fd() < 0 || server.fd() < 0 ||
      connect(server.fd(), generic(address), sizeof address) != 0) {
    return;  // the client sees its connection closed and tries again
  }
  pairs_.push_back({std::move(client), std::move(server)});
}

void PortRelay::run() {
  std::vector<pollfd> waits;
  while (true) {
    waits = {{stop_.fd(), POLLIN, 0}, {listener_.fd(), POLLIN, 0}};
    for (const Pair& pair : pairs_) {
      waits.push_back({pair.client.fd(), POLLIN, 0});
      waits.push_back({pair.server.fd(), POLLIN, 0});
    }
    if (poll(waits.data(), waits.size(), -1) < 0) continue;
    if (waits[0].revents != 0) return;
    size_t at = 2;
    for (auto pair = pairs_.begin(); pair != pairs_.end(); at += 2) {
      const bool lives = (waits[at].revents == 0 || pass(pair->client.fd(), pair->server.fd())) &&
                         (waits[at + 1].revents == 0 || pass(pair->server.fd(), pair->client.fd()));
      pair = lives ? std::next(pair) : pairs_.erase(pair);
    }
    if (waits[1].revents != 0) accept_client();
  }
}

}  // namespace metadb::ingest
