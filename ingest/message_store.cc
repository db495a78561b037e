#include "ingest/message_store.h"

#include <algorithm>

namespace metadb::ingest {

std::string& MessageStore::room_for(size_t bytes) {
  if (piece_ && piece_->capacity() - piece_->size() >= bytes) return *piece_;
  piece_ = std::make_shared<std::string>();
  piece_->reserve(std::max(next_bytes_, bytes));
  next_bytes_ = std::min(kPieceMax, 2 * next_bytes_);
  return *piece_;
}

Message MessageStore::keep(const Message& message) {
  const size_t key_bytes = message.key ? message.key->size() : 0;
  const size_t value_bytes = message.value ? message.value->size() : 0;
  std::string& piece = room_for(message.topic.size() + key_bytes + value_bytes);
  const auto copied = [&piece](std::string_view bytes) {
    const size_t begin = piece.size();
    piece += bytes;
    return std::string_view(piece).substr(begin);
  };
  Message kept;
  kept.topic = copied(message.topic);
  kept.partition = message.partition;
  kept.offset = message.offset;
  kept.timestamp_ms = message.timestamp_ms;
  if (message.key) kept.key = copied(*message.key);
  if (message.value) kept.value = copied(*message.value);
  kept.headers = message.headers;
  kept.owner = piece_;
  return kept;
}

}  // namespace metadb::ingest
