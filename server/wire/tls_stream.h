// TLS over a non-blocking socket (OpenSSL).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct ssl_ctx_st;
struct ssl_st;

namespace metadb::server::wire {

// Certificates, trust and versions of many connections; immutable once it is used. server/tls.h
// makes them.
using TlsContext = std::shared_ptr<ssl_ctx_st>;

// Named in ALPN by clients and servers of PostgreSQL 17 and newer; direct TLS demands it
// (PostgreSQL documentation, "SSL Session Encryption").
inline constexpr std::string_view kAlpnProtocol = "postgresql";

// Whom a client expects to meet.
struct TlsPeer {
  std::string name;         // sent to the server (SNI) unless it is empty or an address
  bool must_match = false;  // the certificate must be for this name or address
};

// The TLS state of one connection. Reads from and writes to a socket that somebody else owns, and
// never waits: an operation that cannot go on says what it waits for.
// Used by one thread; a write that did not take all its bytes must be repeated with what is left.
class TlsStream {
 public:
  enum class Role { server, client };
  enum class Step { done, wants_read, wants_write, failed };

  // `peer` counts for a client only.
  TlsStream(TlsContext context, int fd, Role role, const TlsPeer& peer = {});
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  Step handshake();
  // Why the handshake failed, in OpenSSL's words.
  [[nodiscard]] const std::string& failure() const { return failure_; }

  // As Channel's.
  void wipe_what_was_read(bool is_wiped);
  // As Channel's: bytes read; 0 at the end; nullopt if none are here yet.
  std::optional<size_t> try_read(std::span<char> space);
  size_t try_write(std::string_view bytes);
  // Tells the peer that nothing follows.
  void send_end();
  // The same; the socket is not touched again, since its number may soon be another's.
  void close();

  // What the last try_read or try_write that came to nothing waits for.
  [[nodiscard]] bool read_wants_write() const { return read_wants_write_; }
  [[nodiscard]] bool write_wants_read() const { return write_wants_read_; }
  [[nodiscard]] bool is_broken() const { return is_broken_; }

  // The protocol that ALPN chose; empty if none.
  [[nodiscard]] std::string_view alpn() const;
  // "TLSv1.3"
  [[nodiscard]] std::string_view version() const;
  // Channel binding data of type tls-server-end-point (RFC 5929, section 4): the hash of the
  // server's certificate, ours or the peer's. Empty if its signature has no hash of its own
  // (Ed25519): there is no such binding then.
  [[nodiscard]] std::string server_end_point() const;

 private:
  TlsContext context_;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
  Role role_;
  std::string failure_;
  bool read_wants_write_ = false;
  bool write_wants_read_ = false;
  bool is_broken_ = false;
};

}  // namespace metadb::server::wire
