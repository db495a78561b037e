#include "server/wire/startup.h"

#include "server/wire/messages.h"

namespace metadb::server::wire {

namespace {

constexpr size_t kCancelSecretBytesMax = 256;

StartupPacket read_cancel(PayloadReader reader) {
  CancelRequest request{reader.uint32(), {}};
  request.secret = std::string(reader.rest());
  if (!reader.ok() || request.secret.empty() || request.secret.size() > kCancelSecretBytesMax) {
    return InvalidStartup{"cancel request of a wrong length"};
  }
  return request;
}

// The values that PostgreSQL takes as a false boolean, or prefixes of them; everything else makes
// a replication connection, or an error of PostgreSQL's.
bool is_off(std::string_view value) {
  return value == "0" || value == "off" || value == "of" || value == "false" || value == "f" ||
         value == "no" || value == "n";
}

StartupPacket read_parameters(uint32_t version, PayloadReader reader) {
  StartupMessage message{version, {}, {}, false, false};
  for (;;) {
    const std::string_view name = reader.text();
    if (reader.ok() && name.empty()) break;
    const std::string_view value = reader.text();
    if (!reader.ok()) return InvalidStartup{"start-up parameters without an end"};
    if (name == "user") message.user = std::string(value);
    if (name == "database") message.database = std::string(value);
    if (name == "replication") {
      message.is_replication = !is_off(value);
      message.is_physical_replication = message.is_replication && value != "database";
    }
  }
  if (!reader.rest().empty()) return InvalidStartup{"bytes behind the start-up parameters"};
  if (message.database.empty()) message.database = message.user;
  return message;
}

}  // namespace

bool is_startup_length(uint32_t length) {
  return length >= kStartupBytesMin && length <= kStartupBytesMax;
}

StartupPacket read_startup(std::string_view packet) {
  PayloadReader reader(packet);
  const uint32_t code = reader.uint32();
  if (!reader.ok()) return InvalidStartup{"packet without a protocol version"};
  const bool is_bare = reader.rest().empty();
  if (code == kSslRequestCode && is_bare) return SslRequest{};
  if (code == kGssEncRequestCode && is_bare) return GssEncRequest{};
  if (code == kCancelRequestCode) return read_cancel(reader);
  constexpr uint32_t kMajor = 3;
  if (code >> 16 != kMajor) return InvalidStartup{"unsupported frontend protocol"};
  return read_parameters(code, reader);
}

}  // namespace metadb::server::wire
