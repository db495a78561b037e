#include "ingest/held_message.h"

namespace metadb::ingest {
namespace {

// Of a message, its change and what keeps them, beside their bytes.
constexpr size_t kOverhead = 600;

size_t size_of(const std::optional<std::string_view>& bytes) {
  return bytes ? bytes->size() : 0;
}

}  // namespace

size_t HeldMessage::bytes() const {
  size_t bytes = kOverhead + size_of(message.key) + size_of(message.value);
  for (const Header& header : message.headers)
    bytes += sizeof(Header) + (header.value ? header.value->size() : 0);
  const Change* change = decoded ? std::get_if<Change>(&*decoded) : nullptr;
  if (change == nullptr) return bytes;
  return bytes + change->row.fields.size() + (change->before ? change->before->fields.size() : 0);
}

Message copy_of(const Message& message) {
  auto bytes = std::make_shared<std::string>();
  bytes->reserve(message.topic.size() + size_of(message.key) + size_of(message.value));
  bytes->append(message.topic);
  if (message.key) bytes->append(*message.key);
  if (message.value) bytes->append(*message.value);
  Message copy = message;
  const std::string_view all = *bytes;
  size_t at = message.topic.size();
  copy.topic = all.substr(0, at);
  if (message.key) copy.key = all.substr(at, message.key->size());
  at += size_of(message.key);
  if (message.value) copy.value = all.substr(at);
  copy.owner = std::move(bytes);
  return copy;
}

}  // namespace metadb::ingest
