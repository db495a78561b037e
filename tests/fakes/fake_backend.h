// A PostgreSQL that lets everybody in, gives the answers it was told and dies.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace metadb::tests {

// Serves one connection: the login without a challenge, then one of `answers` to whatever comes,
// then the end of the stream, or a reset once something more has come.
class FakeBackend {
 public:
  enum class End { closes, resets };
  explicit FakeBackend(std::vector<std::string> answers, End end = End::closes)
      : end_(end), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size);
    ::listen(listener_, 1);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, given = std::move(answers)] { serve(given); });
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
  void serve(const std::vector<std::string>& answers) const {
    const int fd = ::accept(listener_, nullptr, nullptr);
    if (fd < 0) return;
    const std::string welcome("R\0\0\0\10\0\0\0\0Z\0\0\0\5I", 15);
    answer(fd, welcome);
    for (const std::string& bytes : answers) answer(fd, bytes);
    if (end_ == End::resets) return reset(fd);
    ::shutdown(fd, SHUT_WR);
    // Closing with something unread could take the last answer away from its reader.
    std::array<char, 4096> scratch{};
    while (::recv(fd, scratch.data(), scratch.size(), 0) > 0) {
    }
    ::close(fd);
  }
  static void reset(int fd) {
    answer(fd, "");
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(fd);
  }
  static void answer(int fd, const std::string& bytes) {
    std::array<char, 4096> scratch{};
    static_cast<void>(::recv(fd, scratch.data(), scratch.size(), 0));
    static_cast<void>(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }

  const End end_;
  int listener_;
  uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace metadb::tests
