#include "ingest/held_message.h"

#include "ingest/message_copy.h"

namespace metadb::ingest {
namespace {

// Of a message, its change and what keeps them, beside their bytes.
constexpr size_t kOverhead = 600;

}  // namespace

size_t HeldMessage::bytes() const {
  size_t bytes = kOverhead + copied_bytes(message);
  for (const Header& header : message.headers)
    bytes += sizeof(Header) + (header.value ? header.value->size() : 0);
  const Change* change = decoded ? std::get_if<Change>(&*decoded) : nullptr;
  if (change == nullptr) return bytes;
  return bytes + change->row.fields.size() + (change->before ? change->before->fields.size() : 0);
}

}  // namespace metadb::ingest
