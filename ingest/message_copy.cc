#include "ingest/message_copy.h"

namespace metadb::ingest {
namespace {

size_t size_of(const std::optional<std::string_view>& bytes) {
  return bytes ? bytes->size() : 0;
}

}  // namespace

size_t copied_bytes(const Message& message) {
  return message.topic.size() + size_of(message.key) + size_of(message.value);
}

Message copy_into(const std::shared_ptr<std::string>& room, const Message& message) {
  const auto copied = [&room](std::string_view bytes) {
    const size_t begin = room->size();
    *room += bytes;
    return std::string_view(*room).substr(begin);
  };
  Message copy;
  copy.topic = copied(message.topic);
  copy.partition = message.partition;
  copy.offset = message.offset;
  copy.timestamp_ms = message.timestamp_ms;
  if (message.key) copy.key = copied(*message.key);
  if (message.value) copy.value = copied(*message.value);
  copy.headers = message.headers;
  copy.owner = room;
  copy.is_copy = true;
  return copy;
}

Message copy_of(const Message& message) {
  const auto room = std::make_shared<std::string>();
  room->reserve(copied_bytes(message));
  return copy_into(room, message);
}

}  // namespace metadb::ingest
