// A PostgreSQL that lets everybody in and dies at the first query.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <utility>

namespace metadb::tests {

// Serves one connection: the login without a challenge, then `last_bytes` in answer to whatever
// comes, then the end of the stream.
class FakeBackend {
 public:
  explicit FakeBackend(std::string last_bytes) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size);
    ::listen(listener_, 1);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, last = std::move(last_bytes)] { serve(last); });
  }
  ~FakeBackend() {
    // Nobody may have come: accept() ends, too.
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  FakeBackend(const FakeBackend&) = delete;
  FakeBackend& operator=(const FakeBackend&) = delete;

  [[nodiscard]] uint16_t port() const { return port_; }

 private:
  void serve(const std::string& last_bytes) const {
    const int fd = ::accept(listener_, nullptr, nullptr);
    if (fd < 0) return;
    std::array<char, 4096> scratch{};
    static_cast<void>(::recv(fd, scratch.data(), scratch.size(), 0));
    const std::string welcome("R\0\0\0\10\0\0\0\0Z\0\0\0\5I", 15);
    static_cast<void>(::send(fd, welcome.data(), welcome.size(), MSG_NOSIGNAL));
    static_cast<void>(::recv(fd, scratch.data(), scratch.size(), 0));
    static_cast<void>(::send(fd, last_bytes.data(), last_bytes.size(), MSG_NOSIGNAL));
    ::close(fd);
  }

  int listener_;
  uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace metadb::tests
