// Raw connections to PostgreSQL: frames are relayed, so libpq can't serve here.
#pragma once

#include <sys/socket.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "server/tls.h"
#include "server/wire/channel.h"
#include "server/wire/messages.h"

namespace metadb::server {

// A host name, an address, or, if it begins with '/', the directory of a Unix socket, as in libpq.
struct UpstreamHost {
  std::string host;
  uint16_t port = 5432;
  std::string name{};  // in its certificate; empty: as host
};

struct UpstreamOptions {
  std::vector<UpstreamHost> hosts;  // tried in order
  std::chrono::milliseconds connect_timeout{10'000};
  UpstreamTls tls{};  // over TCP only, as in libpq
};

using UpstreamEndpoint = boost::asio::generic::stream_protocol::endpoint;

// Where one connection went, and how: what a cancel request for it needs.
struct UpstreamRoute {
  UpstreamEndpoint endpoint;
  wire::TlsContext tls;  // null: plain
  wire::TlsPeer server;

  [[nodiscard]] bool is_tcp() const { return endpoint.protocol().family() != AF_UNIX; }
};

struct UpstreamConnection {
  wire::Channel channel;
  UpstreamRoute route;
};
struct UpstreamFailure {
  std::string sqlstate;
  std::string reason;  // names the host; fit for the client
};

// Ends attempts to connect from outside: what goes on now, and all that come later. Lives on their
// io thread, longer than they.
class ConnectStop {
 public:
  void request() {
    is_requested_ = true;
    if (cut_) cut_();
  }
  [[nodiscard]] bool is_requested() const { return is_requested_; }
  // What request() is to call; empty: nothing.
  void on_request(std::function<void()> cut) { cut_ = std::move(cut); }

 private:
  std::function<void()> cut_;
  bool is_requested_ = false;
};

// Connects on the calling coroutine's io thread. `with_tls` decides where the mode is allow.
boost::asio::awaitable<std::variant<UpstreamConnection, UpstreamFailure>> connect_upstream(
    const UpstreamOptions& options, bool with_tls, ConnectStop& stop);

// Asks PostgreSQL to cancel what a backend runs, and returns when it has closed the connection,
// that is, when the signal was sent; or after the time-out, or when it is to stop. A failure is
// logged. Takes copies: it may outlive its caller.
boost::asio::awaitable<void> forward_cancel(UpstreamRoute route, wire::BackendKey key,
                                            std::chrono::milliseconds timeout,
                                            std::shared_ptr<ConnectStop> stop);

}  // namespace metadb::server
