// Messages with bytes of their own: one as the source delivers it keeps all that was fetched along
// with it, which may be a thousand times as much.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "ingest/source.h"

namespace metadb::ingest {

// Of topic, key and value.
size_t copied_bytes(const Message& message);
// Its bytes are appended to `room`, which the copy keeps. REQUIRES: there is capacity for them.
Message copy_into(const std::shared_ptr<std::string>& room, const Message& message);
Message copy_of(const Message& message);

}  // namespace metadb::ingest
