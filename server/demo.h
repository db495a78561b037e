// `metadb demo`: the whole path on one machine, with nothing to set up.
#pragma once

#include <cstdint>
#include <optional>

namespace metadb::server {

struct DemoOptions {
  bool is_once = false;  // end after the results, even on a terminal
  std::optional<uint16_t> broker_port;
  std::optional<uint16_t> port;
};

// Runs a private PostgreSQL, a Kafka broker inside the process, and the server; plays a recorded
// topic through them and shows what became of it. Leaves nothing behind. On a terminal it stays up
// until Ctrl-C. Returns the exit code; throws catalog::Error.
int demo(const DemoOptions& options);

}  // namespace metadb::server
