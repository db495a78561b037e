// Where a batch keeps the messages that its changes came from.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "ingest/source.h"

namespace metadb::ingest {

// Messages with bytes of their own, many in one piece of memory: one as the source delivers it
// keeps all that was fetched along with it, which may be a thousand times as much.
class MessageStore {
 public:
  // The copy outlives the store.
  Message keep(const Message& message);

 private:
  std::string& room_for(size_t bytes);

  std::shared_ptr<std::string> piece_;  // never grows beyond its capacity
  size_t next_bytes_ = kPieceMin;

  static constexpr size_t kPieceMin = 4UL << 10U;
  static constexpr size_t kPieceMax = 256UL << 10U;
};

}  // namespace metadb::ingest
