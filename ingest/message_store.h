// Where a batch keeps the messages that its changes came from.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "ingest/source.h"

namespace metadb::ingest {

// Copies of messages, many in one piece of memory.
class MessageStore {
 public:
  // What it returns has bytes of its own, and outlives the store.
  Message keep(const Message& message);

 private:
  std::shared_ptr<std::string> piece_;  // never grows beyond its capacity
  size_t next_bytes_ = kPieceMin;

  static constexpr size_t kPieceMin = 4UL << 10U;
  static constexpr size_t kPieceMax = 256UL << 10U;
};

}  // namespace metadb::ingest
