// A client that sends whatever it is told to.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "server/wire/messages.h"

namespace metadb::tests {

inline std::string be32(uint32_t value) {
  const uint32_t wire = htonl(value);
  return {reinterpret_cast<const char*>(&wire), sizeof wire};
}
inline std::string frame(char type, std::string_view payload) {
  return type + be32(static_cast<uint32_t>(payload.size() + 4)) + std::string(payload);
}
inline std::string with_zero(std::string_view text) {
  return std::string(text) + '\0';
}
inline std::string startup_packet(uint32_t version, const std::string& parameters) {
  return be32(static_cast<uint32_t>(parameters.size() + 9)) + be32(version) + parameters + '\0';
}
inline constexpr uint32_t kVersion3 = 0x00030000;

class RawClient {
 public:
  explicit RawClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  // A connection that was accepted, of a server's.
  struct Accepted {
    int fd;
  };
  explicit RawClient(Accepted accepted) : fd_(accepted.fd) {}
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ASSERT_GT(sent, 0);
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  void send_end() const { ::shutdown(fd_, SHUT_WR); }
  // Its end is a reset, which loses what was not read.
  void reset_at_end() const {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

  // So many bytes, or fewer if the stream ends, or stands still for ten seconds, before.
  [[nodiscard]] std::string read(size_t count) const {
    std::string got;
    while (got.size() < count) {
      pollfd waiting{fd_, POLLIN, 0};
      constexpr int kPatienceMs = 10'000;
      if (::poll(&waiting, 1, kPatienceMs) <= 0) {
        ADD_FAILURE() << "nothing came";
        break;
      }
      std::array<char, 4096> chunk{};
      const ssize_t bytes =
          ::recv(fd_, chunk.data(), std::min(chunk.size(), count - got.size()), 0);
      if (bytes <= 0) break;
      got.append(chunk.data(), static_cast<size_t>(bytes));
    }
    return got;
  }
  // How many of so many bytes came and were all the same one; they are not kept.
  [[nodiscard]] size_t read_and_count(size_t count, char expected) const {
    std::string chunk(size_t{1} << 18, '\0');
    size_t done = 0;
    while (done < count) {
      const ssize_t bytes = ::recv(fd_, chunk.data(), std::min(chunk.size(), count - done), 0);
      if (bytes <= 0) break;
      const std::string_view got(chunk.data(), static_cast<size_t>(bytes));
      if (got.find_first_not_of(expected) != std::string_view::npos) break;
      done += got.size();
    }
    return done;
  }
  // Something comes, or the end.
  [[nodiscard]] bool is_readable_within(std::chrono::milliseconds time) const {
    pollfd waiting{fd_, POLLIN, 0};
    return ::poll(&waiting, 1, static_cast<int>(time.count())) > 0;
  }
  [[nodiscard]] std::string read_to_end() const { return read(std::string::npos); }

  struct Message {
    char type = '\0';  // '\0' at the end of the stream
    std::string payload;
  };
  [[nodiscard]] Message read_message() const {
    const std::string header = read(5);
    if (header.size() < 5) return {};
    server::wire::PayloadReader length(std::string_view(header).substr(1));
    return {header[0], read(length.uint32() - 4)};
  }
  // The types up to ReadyForQuery, with its status, or the end of the stream; rows and parameters
  // count once.
  [[nodiscard]] std::string read_until_ready() const {
    std::string types;
    for (;;) {
      const Message message = read_message();
      if (message.type == '\0') return types + '.';
      if ((message.type != 'S' && message.type != 'D') || !types.ends_with(message.type)) {
        types += message.type;
      }
      if (message.type == 'Z') return types + message.payload;
    }
  }

 private:
  int fd_;
};

}  // namespace metadb::tests
