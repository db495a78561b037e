#include "server/wire/startup.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "server/wire/messages.h"
#include "server/wire/sqlstate.h"

namespace metadb::server::wire {

namespace {

constexpr size_t kCancelSecretBytesMax = 256;

StartupPacket read_cancel(PayloadReader reader) {
  CancelRequest request{reader.uint32(), {}};
  request.secret = std::string(reader.rest());
  if (!reader.ok() || request.secret.empty() || request.secret.size() > kCancelSecretBytesMax) {
    return InvalidStartup{"", "invalid length of cancel request packet"};
  }
  return request;
}

// What PostgreSQL takes as a false boolean (parse_bool): any beginning of these words in any case,
// as long as it is not one of "on", too. Everything else makes a replication connection, or an
// error of PostgreSQL's.
bool is_off(std::string_view value) {
  constexpr size_t kUnique = 2;  // letters of "off"
  if (value == "0") return true;
  if (value.empty() || (value.size() < kUnique && (value == "o" || value == "O"))) return false;
  constexpr std::array<std::string_view, 3> kWords{"false", "no", "off"};
  return std::ranges::any_of(kWords, [&](std::string_view word) {
    return value.size() <= word.size() &&
           ::strncasecmp(value.data(), word.data(), value.size()) == 0;
  });
}

InvalidStartup wrong_layout() {
  return {std::string(sqlstate::kProtocolViolation),
          "invalid startup packet layout: expected terminator as last byte"};
}

StartupPacket read_parameters(uint32_t version, PayloadReader reader) {
  StartupMessage message{version, {}, {}, false, false};
  for (;;) {
    const std::string_view name = reader.text();
    if (reader.ok() && name.empty()) break;
    const std::string_view value = reader.text();
    if (!reader.ok()) return wrong_layout();
    if (name == "user") message.user = std::string(value);
    if (name == "database") message.database = std::string(value);
    if (name == "replication") {
      message.is_replication = !is_off(value);
      message.is_physical_replication = message.is_replication && value != "database";
    }
  }
  if (!reader.rest().empty()) return wrong_layout();
  if (message.database.empty()) message.database = message.user;
  return message;
}

}  // namespace

bool is_startup_length(uint32_t length) {
  return length >= kStartupBytesMin && length <= kStartupBytesMax;
}

InvalidStartup unsupported_protocol(uint32_t code) {
  return {std::string(sqlstate::kFeatureNotSupported),
          fmt::format("unsupported frontend protocol {}.{}: server supports 3.0 to 3.2", code >> 16,
                      code & 0xFFFF)};
}

StartupPacket read_startup(std::string_view packet) {
  PayloadReader reader(packet);
  const uint32_t code = reader.uint32();
  if (!reader.ok()) {
    return InvalidStartup{std::string(sqlstate::kProtocolViolation), "incomplete startup packet"};
  }
  const bool is_bare = reader.rest().empty();
  if (code == kSslRequestCode && is_bare) return SslRequest{};
  if (code == kGssEncRequestCode && is_bare) return GssEncRequest{};
  if (code == kCancelRequestCode) return read_cancel(reader);
  constexpr uint32_t kMajor = 3;
  if (code >> 16 != kMajor) return unsupported_protocol(code);
  return read_parameters(code, reader);
}

}  // namespace metadb::server::wire
