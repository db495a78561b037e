// The first phase of a connection: what comes before the login.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <variant>

#include "server/wire/channel.h"
#include "server/wire/startup.h"

namespace metadb::server {

// A start-up message, its bytes to be passed on as they are.
struct Greeting {
  wire::StartupMessage message;
  std::string packet;  // with its length field
};
// Nothing to go on with; the reason is for the log, empty if the client just left (a port scan, a
// load balancer's probe).
struct NoGreeting {
  std::string reason;
};

// Reads packets until one says what the client wants. SSLRequest and GSSENCRequest are each
// answered once, in either order; TLS may also begin at once, if it names PostgreSQL's protocol
// (ALPN). `tls` is null where none is offered: no certificate, or a Unix socket. What can't be
// served gets an ErrorResponse where a client would understand one.
boost::asio::awaitable<std::variant<Greeting, wire::CancelRequest, NoGreeting>> negotiate(
    wire::Channel& client, wire::TlsContext tls);

}  // namespace metadb::server
