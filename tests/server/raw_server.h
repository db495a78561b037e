// A PostgreSQL whose part the test plays itself, byte by byte.
#pragma once

#include "tests/server/raw_client.h"

namespace metadb::tests {

class RawServer {
 public:
  RawServer() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 10), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~RawServer() { ::close(fd_); }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  [[nodiscard]] uint16_t port() const { return port_; }
  // The next connection. Waits for it, ten seconds at most.
  [[nodiscard]] RawClient accept() const {
    pollfd waiting{fd_, POLLIN, 0};
    constexpr int kPatienceMs = 10'000;
    EXPECT_EQ(::poll(&waiting, 1, kPatienceMs), 1) << "nobody came";
    return RawClient(RawClient::Accepted{::accept(fd_, nullptr, nullptr)});
  }

 private:
  int fd_;
  uint16_t port_ = 0;
};

}  // namespace metadb::tests
