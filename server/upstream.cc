#include "server/upstream.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace asio = boost::asio;
using boost::system::error_code;
using asio::experimental::awaitable_operators::operator||;
using Clock = std::chrono::steady_clock;
using Socket = asio::generic::stream_protocol::socket;

namespace {

struct Candidates {
  std::vector<UpstreamEndpoint> endpoints;
  error_code error;
};

asio::awaitable<Candidates> resolve(const UpstreamHost& host) {
  Candidates found;
  if (host.host.starts_with('/')) {
    const std::string path = fmt::format("{}/.s.PGSQL.{}", host.host, host.port);
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
      found.error = asio::error::name_too_long;
    } else {
      found.endpoints.emplace_back(asio::local::stream_protocol::endpoint(path));
    }
    co_return found;
  }
  asio::ip::tcp::resolver resolver(co_await asio::this_coro::executor);
  const std::string service = std::to_string(host.port);
  const auto results = co_await resolver.async_resolve(
      host.host, service, asio::redirect_error(asio::use_awaitable, found.error));
  for (const auto& result : results) found.endpoints.emplace_back(result.endpoint());
  co_return found;
}

asio::awaitable<error_code> connect_one(Socket& socket, const UpstreamEndpoint& endpoint,
                                        Clock::time_point deadline) {
  error_code connected;
  error_code ignored;
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  const auto first = co_await (
      socket.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, connected)) ||
      timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored)));
  co_return first.index() == 0 ? connected : error_code(asio::error::timed_out);
}

std::string place_of(const UpstreamHost& host) {
  if (host.host.starts_with('/')) return fmt::format("{}/.s.PGSQL.{}", host.host, host.port);
  return fmt::format("{}:{}", host.host, host.port);
}

UpstreamFailure failure(const UpstreamHost& host, const error_code& error) {
  const bool is_down = error == asio::error::connection_refused ||
                       error == error_code(ENOENT, boost::system::system_category());
  return {
      std::string(is_down ? wire::sqlstate::kCannotConnectNow : wire::sqlstate::kConnectionFailure),
      fmt::format("could not connect to the backing database at {}: {}", place_of(host),
                  error.message())};
}

}  // namespace

asio::awaitable<std::variant<UpstreamConnection, UpstreamFailure>> connect_upstream(
    const UpstreamOptions& options) {
  const auto executor = co_await asio::this_coro::executor;
  UpstreamFailure last{std::string(wire::sqlstate::kConnectionFailure),
                       "no backing database is configured"};
  for (const UpstreamHost& host : options.hosts) {
    const auto deadline = Clock::now() + options.connect_timeout;
    const Candidates candidates = co_await resolve(host);
    if (candidates.error) last = failure(host, candidates.error);
    for (const UpstreamEndpoint& endpoint : candidates.endpoints) {
      Socket socket(executor);
      const error_code error = co_await connect_one(socket, endpoint, deadline);
      if (!error) co_return UpstreamConnection{wire::Channel(std::move(socket)), endpoint};
      last = failure(host, error);
    }
  }
  co_return last;
}

namespace {

asio::awaitable<void> until_closed(wire::Channel& channel) {
  std::array<char, 64> scratch{};
  for (;;) {
    co_await channel.readable();
    const auto bytes = channel.try_read(scratch);
    if (bytes && *bytes == 0) co_return;
  }
}

}  // namespace

asio::awaitable<void> forward_cancel(UpstreamEndpoint endpoint, wire::BackendKey key,
                                     std::chrono::milliseconds timeout) {
  const auto executor = co_await asio::this_coro::executor;
  const auto deadline = Clock::now() + timeout;
  Socket socket(executor);
  if (co_await connect_one(socket, endpoint, deadline)) co_return;
  wire::Channel channel(std::move(socket));
  std::string request;
  wire::append_cancel_request(request, key.pid, key.secret);
  if (!co_await channel.write(request)) co_return;
  error_code ignored;
  asio::steady_timer timer(executor, deadline);
  co_await (until_closed(channel) ||
            timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored)));
}

}  // namespace metadb::server
