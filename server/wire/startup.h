// The packets that open a connection. They have no type byte (PostgreSQL documentation,
// "Start-up" in "Message Flow").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace metadb::server::wire {

inline constexpr uint32_t kCancelRequestCode = 80877102;
inline constexpr uint32_t kSslRequestCode = 80877103;
inline constexpr uint32_t kGssEncRequestCode = 80877104;
// The first byte of a TLS ClientHello: direct TLS.
inline constexpr char kTlsHandshakeByte = 0x16;
// As PostgreSQL's MAX_STARTUP_PACKET_LENGTH; the length counts itself.
inline constexpr uint32_t kStartupBytesMax = 10000;
inline constexpr uint32_t kStartupBytesMin = 8;

struct SslRequest {};
struct GssEncRequest {};
struct CancelRequest {
  uint32_t pid;
  std::string secret;  // 4 bytes up to protocol 3.1, up to 256 from 3.2 on
};
// Its raw bytes go on to PostgreSQL; only what we decide by is read.
struct StartupMessage {
  uint32_t version;
  std::string user;
  std::string database;          // the user's name where none is given
  bool is_replication;           // of either kind
  bool is_physical_replication;  // of the whole server: no database
};
struct InvalidStartup {
  std::string sqlstate;  // empty: the client is not told
  std::string reason;    // in PostgreSQL's words
};
using StartupPacket =
    std::variant<SslRequest, GssEncRequest, CancelRequest, StartupMessage, InvalidStartup>;

// True if a packet may have this length field.
bool is_startup_length(uint32_t length);
// `packet` is what follows the length field.
StartupPacket read_startup(std::string_view packet);
// What PostgreSQL says of a protocol version that it does not know, which a request for encryption
// is where none is expected.
InvalidStartup unsupported_protocol(uint32_t code);

}  // namespace metadb::server::wire
