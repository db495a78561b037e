// Raw connections to PostgreSQL: frames are relayed, so libpq can't serve here.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "server/wire/channel.h"
#include "server/wire/messages.h"

namespace metadb::server {

// A host name, an address, or, if it begins with '/', the directory of a Unix socket, as in libpq.
struct UpstreamHost {
  std::string host;
  uint16_t port = 5432;
};

struct UpstreamOptions {
  std::vector<UpstreamHost> hosts;  // tried in order
  std::chrono::milliseconds connect_timeout{10'000};
};

using UpstreamEndpoint = boost::asio::generic::stream_protocol::endpoint;

struct UpstreamConnection {
  wire::Channel channel;
  UpstreamEndpoint endpoint;  // where cancel requests for it go
};
struct UpstreamFailure {
  std::string sqlstate;
  std::string reason;  // names the host; fit for the client
};

// Connects on the calling coroutine's io thread.
boost::asio::awaitable<std::variant<UpstreamConnection, UpstreamFailure>> connect_upstream(
    const UpstreamOptions& options);

// Asks PostgreSQL to cancel what a backend runs, and returns when it has closed the connection,
// that is, when the signal was sent; or after the time-out. Takes copies: it may outlive its
// caller.
boost::asio::awaitable<void> forward_cancel(UpstreamEndpoint endpoint, wire::BackendKey key,
                                            std::chrono::milliseconds timeout);

}  // namespace metadb::server
