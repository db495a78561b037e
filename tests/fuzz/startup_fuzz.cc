// libFuzzer target: what is read before anybody has logged in: start-up packets, frames, the
// messages that are looked into, the queue of replies.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "server/session_replies.h"
#include "server/wire/binary.h"
#include "server/wire/frame.h"
#include "server/wire/messages.h"
#include "server/wire/startup.h"

namespace {

using namespace metadb::server;  // the subject of every line here

void read_payload(std::string_view payload) {
  wire::read_query(payload);
  wire::read_parse(payload);
  wire::read_bind(payload);
  wire::read_target(payload);
  wire::read_execute(payload);
  wire::read_parameter_status(payload);
  wire::read_backend_key(payload);
  wire::error_field(payload, 'V');
}

// The first byte says how the stream is cut.
void read_frames(std::string_view bytes) {
  if (bytes.empty()) return;
  const size_t cut = static_cast<unsigned char>(bytes.front()) + size_t{1};
  bytes.remove_prefix(1);
  wire::BufferPool pool;
  wire::FrameBuffer frames(pool);
  ReplyQueue replies;
  while (!bytes.empty()) {
    frames.rest();
    const auto space = frames.space();
    const size_t count = std::min({cut, bytes.size(), space.size()});
    std::ranges::copy(bytes.substr(0, count), space.begin());
    frames.added(count);
    bytes.remove_prefix(count);
    while (const auto header = frames.next()) {
      if (!wire::FrameBuffer::exceeds(*header) && !frames.holds(*header)) break;
      read_payload(frames.payload(*header));
      replies.sent(static_cast<Request>(static_cast<unsigned char>(header->type) % 9));
      replies.received(header->type);
      frames.pass(*header);
    }
    frames.run_written();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  wire::read_startup(bytes);
  wire::binary_form(1184, bytes);
  read_frames(bytes);
  return 0;
}
