// A client that speaks TLS from the first byte on, or when it likes.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_future.hpp>
#include <optional>
#include <string>

#include "server/wire/channel.h"

namespace metadb::tests {

// Blocks: each call runs the product's own channel to its end.
class TlsClient {
 public:
  explicit TlsClient(uint16_t port) : channel_(connected(context_, port)) {}

  // The reason if there is none.
  std::optional<std::string> start_tls(server::wire::TlsContext tls) {
    const server::wire::TlsPeer peer{"localhost", false};
    return run(channel_.start_tls(std::move(tls), server::wire::TlsStream::Role::client, peer));
  }
  bool send(const std::string& bytes) { return run(channel_.write(bytes)); }
  // So many bytes, or fewer if the stream ends before.
  std::string read(size_t count) {
    std::string got(count, '\0');
    size_t size = 0;
    while (size < count && run(server::wire::read_exactly(channel_, {got.data() + size, 1}))) {
      ++size;
    }
    got.resize(size);
    return got;
  }
  [[nodiscard]] const server::wire::TlsStream* tls() const { return channel_.tls(); }

 private:
  static server::wire::Channel connected(boost::asio::io_context& context, uint16_t port) {
    server::wire::Channel::Socket socket(context);
    socket.connect(boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(), port));
    return server::wire::Channel(std::move(socket));
  }
  template <class T>
  T run(boost::asio::awaitable<T> work) {
    auto result = boost::asio::co_spawn(context_, std::move(work), boost::asio::use_future);
    context_.restart();
    context_.run_for(std::chrono::seconds(20));
    if (result.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      throw std::runtime_error("nothing came in 20 seconds");
    }
    return result.get();
  }

  boost::asio::io_context context_;
  server::wire::Channel channel_;
};

}  // namespace metadb::tests
