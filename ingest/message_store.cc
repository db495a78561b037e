#include "ingest/message_store.h"

#include <algorithm>

#include "ingest/message_copy.h"

namespace metadb::ingest {

Message MessageStore::keep(const Message& message) {
  if (message.is_copy) return message;
  const size_t bytes = copied_bytes(message);
  if (!piece_ || piece_->capacity() - piece_->size() < bytes) {
    piece_ = std::make_shared<std::string>();
    piece_->reserve(std::max(next_bytes_, bytes));
    next_bytes_ = std::min(kPieceMax, 2 * next_bytes_);
  }
  return copy_into(piece_, message);
}

}  // namespace metadb::ingest
