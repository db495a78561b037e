#include "server/upstream.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = wire::Timer::Clock;

namespace {

// How long a connection waits for a place in the queue of a Unix socket before it asks again.
constexpr std::chrono::milliseconds kQueuePause{5};

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
  const auto address = asio::ip::make_address(host.host, found.error);
  if (!found.error) {
    found.endpoints.emplace_back(asio::ip::tcp::endpoint(address, host.port));
    co_return found;
  }
  asio::ip::tcp::resolver resolver(co_await asio::this_coro::executor);
  const std::string service = std::to_string(host.port);
  const auto results = co_await resolver.async_resolve(
      host.host, service, asio::redirect_error(asio::use_awaitable, found.error));
  for (const auto& result : results) found.endpoints.emplace_back(result.endpoint());
  co_return found;
}

// Closes a channel that takes too long, or is to stop; what waits for it then ends.
class Deadline {
 public:
  Deadline(wire::Channel& channel, Clock::time_point time, ConnectStop& stop)
      : stop_(stop), timer_(channel.loop()) {
    const auto cut = [this, &channel] {
      is_over_ = true;
      channel.close();
    };
    timer_.start(time, cut);
    stop_.on_request(cut);
    if (stop_.is_requested()) cut();
  }
  ~Deadline() { stop_.on_request({}); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  [[nodiscard]] bool is_over() const { return is_over_; }

 private:
  ConnectStop& stop_;
  wire::Timer timer_;
  bool is_over_ = false;
};

asio::awaitable<void> pause(wire::EventLoop& loop, std::chrono::milliseconds length) {
  wire::Timer timer(loop);
  co_await wire::called(
      [&](wire::Callback callback) { timer.start(Clock::now() + length, std::move(callback)); });
}

struct Connecting {
  std::optional<wire::Channel> channel;
  error_code error;
};

error_code system_error(int number) {
  return {number, boost::system::system_category()};
}

asio::awaitable<Connecting> connect_one(wire::EventLoop& loop, const UpstreamEndpoint& endpoint,
                                        Clock::time_point deadline, ConnectStop& stop) {
  Descriptor socket(::socket(endpoint.protocol().family(),
                             SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                             endpoint.protocol().protocol()));
  if (!socket) co_return Connecting{std::nullopt, system_error(errno)};
  int error = 0;
  for (;;) {
    error = ::connect(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0
                ? 0
                : errno;
    // A Unix socket whose queue is full says so.
    if (error != EAGAIN || Clock::now() >= deadline || stop.is_requested()) break;
    co_await pause(loop, kQueuePause);
  }
  if (error != 0 && error != EINPROGRESS) co_return Connecting{std::nullopt, system_error(error)};
  wire::Channel channel(std::move(socket), loop);
  if (error == EINPROGRESS) {
    const Deadline limit(channel, deadline, stop);
    error = co_await channel.connected();
    if (limit.is_over()) error = ETIMEDOUT;
  }
  if (error != 0) co_return Connecting{std::nullopt, system_error(error)};
  co_return Connecting{std::move(channel), error_code()};
}

std::string place_of(const UpstreamHost& host) {
  if (host.port == 0) return host.host;
  if (host.host.starts_with('/')) return fmt::format("{}/.s.PGSQL.{}", host.host, host.port);
  return fmt::format("{}:{}", host.host, host.port);
}

UpstreamFailure failure(const UpstreamHost& host, const error_code& error) {
  const bool is_down = error == asio::error::connection_refused || error == system_error(ENOENT);
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
                                                   Clock::time_point deadline, ConnectStop& stop) {
  const Deadline limit(channel, deadline, stop);
  auto reason = co_await secure(channel, route);
  if (limit.is_over()) co_return "it did not finish the TLS handshake in time";
  co_return reason;
}

struct Attempt {
  std::optional<UpstreamConnection> connection;
  std::optional<UpstreamFailure> failure;
};

asio::awaitable<Attempt> attempt(const UpstreamHost& host, UpstreamRoute route,
                                 Clock::time_point deadline, ConnectStop& stop) {
  wire::EventLoop& loop = wire::loop_of(co_await asio::this_coro::executor);
  Connecting connecting = co_await connect_one(loop, route.endpoint, deadline, stop);
  if (!connecting.channel) co_return Attempt{std::nullopt, failure(host, connecting.error)};
  wire::Channel channel = std::move(*connecting.channel);
  if (route.tls) {
    const auto reason = co_await secure(channel, route, deadline, stop);
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
    const UpstreamOptions& options, bool with_tls, ConnectStop& stop) {
  UpstreamFailure last{std::string(wire::sqlstate::kConnectionFailure),
                       "no backing database is configured"};
  const SslMode mode = options.tls.mode;
  const bool is_secured = mode >= SslMode::require || (mode == SslMode::allow && with_tls);
  for (const UpstreamHost& host : options.hosts) {
    const auto deadline = Clock::now() + options.connect_timeout;
    const Candidates candidates = co_await resolve(host);
    if (candidates.error) last = failure(host, candidates.error);
    for (const UpstreamEndpoint& endpoint : candidates.endpoints) {
      if (stop.is_requested()) co_return last;
      const std::string& name = host.name.empty() ? host.host : host.name;
      UpstreamRoute route{endpoint, nullptr, {name, mode == SslMode::verify_full}};
      if (is_secured && !host.host.starts_with('/')) route.tls = options.tls.context;
      Attempt tried = co_await attempt(host, std::move(route), deadline, stop);
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
                                     std::chrono::milliseconds timeout,
                                     std::shared_ptr<ConnectStop> stop) {
  const auto deadline = Clock::now() + timeout;
  const UpstreamHost host{route.server.name, 0, {}};
  Attempt tried = co_await attempt(host, std::move(route), deadline, *stop);
  if (!tried.connection) {
    spdlog::warn("a cancel request could not be passed on: {}", tried.failure->reason);
    co_return;
  }
  wire::Channel& channel = tried.connection->channel;
  std::string request;
  wire::append_cancel_request(request, key.pid, key.secret);
  const Deadline limit(channel, deadline, *stop);
  if (!co_await channel.write(request)) co_return;
  co_await until_closed(channel);
}

}  // namespace metadb::server
