// A relay before PostgreSQL that counts what a client asks, and cuts the connection at one
// question, or passes nothing on any more.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <thread>

namespace metadb::tests {

// Listens on 127.0.0.1. One thread for each connection, so that cut ones end by themselves.
class CuttingRelay {
 public:
  enum class Cut : uint8_t {
    before,  // the question does not reach the server
    after,   // its answer does not reach the client
  };

  explicit CuttingRelay(uint16_t server_port) : server_port_(server_port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = loopback(0);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(listener_, 16);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  // REQUIRES: clients have closed their connections.
  ~CuttingRelay() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& relay : relays_) relay.join();
    ::close(listener_);
  }
  CuttingRelay(const CuttingRelay&) = delete;
  CuttingRelay& operator=(const CuttingRelay&) = delete;

  [[nodiscard]] uint16_t port() const { return port_; }
  // The question after so many others is where the connection is cut, once.
  void arm(int64_t questions, Cut cut) {
    asked_ = 0;
    cut_ = cut;
    left_ = questions;
  }
  void disarm() { left_ = -1; }
  // Connections stay, and nothing comes through.
  void freeze() { is_frozen_ = true; }
  void thaw() {
    is_frozen_ = false;
    is_frozen_.notify_all();
  }
  [[nodiscard]] int64_t asked() const { return asked_; }
  [[nodiscard]] bool has_cut() const { return left_ < 0; }

 private:
  // Where a client is in its stream of messages: a type, a length, and as much again.
  struct Stream {
    bool has_begun = false;  // the first message has no type
    std::string header;
    size_t rest = 0;
  };

  static sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  void accept_all() {
    for (;;) {
      const int client = ::accept(listener_, nullptr, nullptr);
      if (client < 0) return;
      const int server = ::socket(AF_INET, SOCK_STREAM, 0);
      const sockaddr_in address = loopback(server_port_);
      ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address);
      relays_.emplace_back([this, client, server] {
        relay(client, server);
        ::close(client);
        ::close(server);
      });
    }
  }

  void relay(int client, int server) {
    Stream stream;
    std::array<char, 65536> buffer{};
    bool is_last = false;  // what the server answers next is not passed on
    for (;;) {
      std::array<pollfd, 2> ends = {pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
      if (::poll(ends.data(), ends.size(), -1) < 0) return;
      is_frozen_.wait(true);
      if (ends[1].revents != 0) {
        const ssize_t size = ::recv(server, buffer.data(), buffer.size(), 0);
        if (size <= 0 || is_last) return;
        send_all(client, {buffer.data(), static_cast<size_t>(size)});
      }
      if (ends[0].revents == 0) continue;
      const ssize_t size = ::recv(client, buffer.data(), buffer.size(), 0);
      if (size <= 0) return;
      const std::string_view bytes(buffer.data(), static_cast<size_t>(size));
      const size_t passed = follow(stream, bytes);
      const bool is_cut = passed < bytes.size();
      if (is_cut && cut_ == Cut::before) {
        send_all(server, bytes.substr(0, passed));
        return;
      }
      is_last = is_last || is_cut;
      send_all(server, bytes);
    }
  }

  // How many of the bytes come before the question to cut at.
  size_t follow(Stream& stream, std::string_view bytes) {
    for (size_t at = 0; at < bytes.size();) {
      if (stream.rest > 0) {
        const size_t taken = std::min(stream.rest, bytes.size() - at);
        stream.rest -= taken;
        at += taken;
        continue;
      }
      if (stream.has_begun && stream.header.empty() && is_cut_at(bytes[at])) return at;
      stream.header += bytes[at++];
      const size_t type = stream.has_begun ? 1 : 0;
      if (stream.header.size() < type + 4) continue;
      size_t length = 0;
      for (size_t i = 0; i < 4; ++i)
        length = length << 8U | static_cast<unsigned char>(stream.header[type + i]);
      stream.rest = length - 4;
      stream.header.clear();
      stream.has_begun = true;
    }
    return bytes.size();
  }

  // Query, Parse, and the end of a COPY.
  bool is_cut_at(char type) {
    if (type != 'Q' && type != 'P' && type != 'c') return false;
    ++asked_;
    return left_ >= 0 && left_-- == 0;
  }

  static void send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }

  uint16_t server_port_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<int64_t> asked_ = 0;
  std::atomic<int64_t> left_ = -1;
  std::atomic<Cut> cut_ = Cut::before;
  std::atomic<bool> is_frozen_ = false;
  std::list<std::thread> relays_;  // of the acceptor
  std::thread acceptor_;
};

}  // namespace metadb::tests
