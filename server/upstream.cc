#include "server/upstream.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace asio = boost::asio;
using boost::system::error_code;
using asio::experimental::awaitable_operators::operator||;
using Clock = std::chrono::steady_clock;
using Socket = wire::Channel::Socket;

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
  if (host.port == 0) return host.host;
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

// Asks for TLS and makes the handshake; the reason if there will be none.
asio::awaitable<std::optional<std::string>> secure(wire::Channel& channel,
                                                   const UpstreamRoute& route) {
  std::string request;
  wire::append_ssl_request(request);
  char answer = '\0';
  bool is_answered = co_await channel.write(request);
  if (is_answered) is_answered = co_await wire::read_exactly(channel, {&answer, 1});
  if (!is_answered) co_return "it closed the connection when asked for TLS";
  if (answer != 'S') co_return "it does not support TLS";
  co_return co_await channel.start_tls(route.tls, wire::TlsStream::Role::client, route.server);
}

// The same within a deadline.
asio::awaitable<std::optional<std::string>> secure(wire::Channel& channel,
                                                   const UpstreamRoute& route,
                                                   Clock::time_point deadline) {
  error_code ignored;
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  auto first = co_await (secure(channel, route) ||
                         timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored)));
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  co_return "it did not finish the TLS handshake in time";
}

struct Attempt {
  std::optional<UpstreamConnection> connection;
  std::optional<UpstreamFailure> failure;
};

asio::awaitable<Attempt> attempt(const UpstreamHost& host, UpstreamRoute route,
                                 Clock::time_point deadline) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  // The front end runs on nothing else.
  const auto* io_thread = executor.target<wire::Channel::Executor>();
  if (io_thread == nullptr) throw std::logic_error("connecting outside an io thread");
  Socket socket(*io_thread);
  const error_code error = co_await connect_one(socket, route.endpoint, deadline);
  if (error) co_return Attempt{std::nullopt, failure(host, error)};
  wire::Channel channel(std::move(socket));
  if (route.tls) {
    const auto reason = co_await secure(channel, route, deadline);
    if (reason) {
      co_return Attempt{std::nullopt,
                        UpstreamFailure{std::string(wire::sqlstate::kConnectionFailure),
                                        fmt::format("no TLS with the backing database at {}: {}",
                                                    place_of(host), *reason)}};
    }
  }
  co_return Attempt{UpstreamConnection{std::move(channel), std::move(route)}, std::nullopt};
}

}  // namespace

asio::awaitable<std::variant<UpstreamConnection, UpstreamFailure>> connect_upstream(
    const UpstreamOptions& options, bool with_tls) {
  UpstreamFailure last{std::string(wire::sqlstate::kConnectionFailure),
                       "no backing database is configured"};
  const SslMode mode = options.tls.mode;
  const bool is_secured = mode >= SslMode::require || (mode == SslMode::allow && with_tls);
  for (const UpstreamHost& host : options.hosts) {
    const auto deadline = Clock::now() + options.connect_timeout;
    const Candidates candidates = co_await resolve(host);
    if (candidates.error) last = failure(host, candidates.error);
    for (const UpstreamEndpoint& endpoint : candidates.endpoints) {
      const std::string& name = host.name.empty() ? host.host : host.name;
      UpstreamRoute route{endpoint, nullptr, {name, mode == SslMode::verify_full}};
      if (is_secured && !host.host.starts_with('/')) route.tls = options.tls.context;
      Attempt tried = co_await attempt(host, std::move(route), deadline);
      if (tried.connection) co_return std::move(*tried.connection);
      last = std::move(*tried.failure);
    }
  }
  co_return last;
}

namespace {

asio::awaitable<void> until_closed(wire::Channel& channel) {
  std::array<char, 64> scratch{};
  for (;;) {
    const auto bytes = channel.try_read(scratch);
    if (bytes && *bytes == 0) co_return;
    if (!bytes) co_await channel.readable();
  }
}

}  // namespace

asio::awaitable<void> forward_cancel(UpstreamRoute route, wire::BackendKey key,
                                     std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  const UpstreamHost host{route.server.name, 0, {}};
  Attempt tried = co_await attempt(host, std::move(route), deadline);
  if (!tried.connection) {
    spdlog::warn("a cancel request could not be passed on: {}", tried.failure->reason);
    co_return;
  }
  wire::Channel& channel = tried.connection->channel;
  std::string request;
  wire::append_cancel_request(request, key.pid, key.secret);
  if (!co_await channel.write(request)) co_return;
  error_code ignored;
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  co_await (until_closed(channel) ||
            timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored)));
}

}  // namespace metadb::server
