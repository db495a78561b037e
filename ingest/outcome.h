// What an error in a batch means for the stream.
#pragma once

#include <string>

#include "catalog/error.h"

namespace metadb::ingest {

enum class Disposition : uint8_t {
  data,     // the values are at fault: park the event, go on
  weather,  // passes by itself: retry with backoff
  stop,     // reload the catalog, retry once, then stop the lane with the reason
};

// By SQLSTATE (design, section 6, Errors).
Disposition disposition(const catalog::Error& error);

// One lane can't go on; the others can.
struct LaneStopped : catalog::Error {
  LaneStopped(const catalog::Error& reason, std::string topic_, bool needs_resync_ = false)
      : catalog::Error(reason), topic(std::move(topic_)), needs_resync(needs_resync_) {}

  std::string topic;
  bool needs_resync;  // retrying does not help; only `sync` does
};

}  // namespace metadb::ingest
