#include "server/session_startup.h"

#include <endian.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <optional>

#include "server/wire/messages.h"
#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace asio = boost::asio;

namespace {

constexpr size_t kLengthBytes = 4;

// A packet with its length field; the reason if there is none.
asio::awaitable<std::variant<std::string, NoGreeting>> read_packet(wire::Channel& client) {
  std::string packet(kLengthBytes, '\0');
  const std::span<char> first(packet.data(), 1);
  if (!co_await wire::read_exactly(client, first)) co_return NoGreeting{};
  const std::span<char> others(packet.data() + 1, kLengthBytes - 1);
  if (!co_await wire::read_exactly(client, others)) co_return NoGreeting{"half a start-up packet"};
  uint32_t length = 0;
  std::memcpy(&length, packet.data(), sizeof length);
  length = be32toh(length);
  if (!wire::is_startup_length(length)) co_return NoGreeting{"invalid length of start-up packet"};
  packet.resize(length);
  const std::span<char> body(packet.data() + kLengthBytes, length - kLengthBytes);
  if (!co_await wire::read_exactly(client, body)) co_return NoGreeting{"half a start-up packet"};
  co_return packet;
}

asio::awaitable<NoGreeting> refuse(wire::Channel& client, wire::InvalidStartup invalid) {
  if (!invalid.sqlstate.empty()) {
    wire::Report report;
    report.severity = "FATAL";
    report.sqlstate = invalid.sqlstate;
    report.message = invalid.reason;
    std::string out;
    wire::append_error(out, report);
    co_await client.write(out);
  }
  co_return NoGreeting{std::move(invalid.reason)};
}

// The reason if there is no TLS now.
asio::awaitable<std::optional<std::string>> secure(wire::Channel& client, wire::TlsContext tls) {
  const wire::TlsPeer nobody;
  const auto reason =
      co_await client.start_tls(std::move(tls), wire::TlsStream::Role::server, nobody);
  if (reason) co_return "no TLS with the client: " + *reason;
  co_return std::nullopt;
}

// A client that begins with TLS at once. Without ALPN it may be a browser, or a client of another
// protocol that somebody leads here.
asio::awaitable<std::optional<std::string>> secure_directly(wire::Channel& client,
                                                            wire::TlsContext tls) {
  if (!tls) co_return "direct TLS is not enabled";
  auto reason = co_await secure(client, std::move(tls));
  if (reason) co_return reason;
  if (client.tls()->alpn() != wire::kAlpnProtocol) {
    co_return "direct TLS without the protocol \"postgresql\" (ALPN)";
  }
  co_return std::nullopt;
}

}  // namespace

asio::awaitable<std::variant<Greeting, wire::CancelRequest, NoGreeting>> negotiate(
    wire::Channel& client, wire::TlsContext tls) {
  const auto begun = co_await client.peek();
  if (!begun) co_return NoGreeting{};
  if (*begun == wire::kTlsHandshakeByte) {
    auto reason = co_await secure_directly(client, tls);
    if (reason) co_return NoGreeting{std::move(*reason)};
  }
  bool is_ssl_answered = client.tls() != nullptr;
  bool is_gss_answered = false;
  for (;;) {
    auto read = co_await read_packet(client);
    if (auto* failed = std::get_if<NoGreeting>(&read)) co_return std::move(*failed);
    std::string& packet = std::get<std::string>(read);
    auto parsed = wire::read_startup(std::string_view(packet).substr(kLengthBytes));
    if (auto* message = std::get_if<wire::StartupMessage>(&parsed)) {
      co_return Greeting{std::move(*message), std::move(packet)};
    }
    if (auto* cancel = std::get_if<wire::CancelRequest>(&parsed)) co_return std::move(*cancel);
    if (auto* invalid = std::get_if<wire::InvalidStartup>(&parsed)) {
      co_return co_await refuse(client, std::move(*invalid));
    }
    const bool is_ssl = std::holds_alternative<wire::SslRequest>(parsed);
    bool& is_answered = is_ssl ? is_ssl_answered : is_gss_answered;
    if (is_answered) {
      auto twice =
          wire::unsupported_protocol(is_ssl ? wire::kSslRequestCode : wire::kGssEncRequestCode);
      co_return co_await refuse(client, std::move(twice));
    }
    is_answered = true;
    const bool is_accepted = is_ssl && tls != nullptr;
    // Bytes that came in the clear behind the request are taken for a handshake, and fail as one.
    if (!co_await client.write(is_accepted ? "S" : "N")) co_return NoGreeting{};
    if (is_accepted) {
      auto reason = co_await secure(client, tls);
      if (reason) co_return NoGreeting{std::move(*reason)};
    }
  }
}

}  // namespace metadb::server
