// A client that speaks TLS from the first byte on, or when it likes.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "server/wire/channel.h"

namespace metadb::tests {

// Blocks: each call runs the product's own channel to its end.
class TlsClient {
 public:
  explicit TlsClient(uint16_t port) {
    channel_.emplace(connected(port), loop_);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~TlsClient() {
    loop_.post([this] { channel_.reset(); });
    loop_.stop();
    thread_.join();
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // The reason if there is none.
  std::optional<std::string> start_tls(server::wire::TlsContext tls) {
    const server::wire::TlsPeer peer{"localhost", false};
    return run(channel_->start_tls(std::move(tls), server::wire::TlsStream::Role::client, peer));
  }
  bool send(const std::string& bytes) { return run(channel_->write(bytes)); }
  // So many bytes, or fewer if the stream ends before.
  std::string read(size_t count) {
    std::string got(count, '\0');
    size_t size = 0;
    while (size < count && run(server::wire::read_exactly(*channel_, {got.data() + size, 1}))) {
      ++size;
    }
    got.resize(size);
    return got;
  }
  [[nodiscard]] const server::wire::TlsStream* tls() const { return channel_->tls(); }

 private:
  static server::Descriptor connected(uint16_t port) {
    server::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(socket.get(), generic, sizeof address) != 0) {
      throw std::runtime_error("cannot connect");
    }
    return socket;
  }
  template <class T>
  T run(boost::asio::awaitable<T> work) {
    auto result = boost::asio::co_spawn(loop_.executor(), std::move(work), boost::asio::use_future);
    if (result.wait_for(std::chrono::seconds(20)) != std::future_status::ready) {
      throw std::runtime_error("nothing came in 20 seconds");
    }
    return result.get();
  }

  server::wire::EventLoop loop_;
  std::optional<server::wire::Channel> channel_;
  std::thread thread_;
};

}  // namespace metadb::tests
