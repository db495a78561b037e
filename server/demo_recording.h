// The recorded topics of a small library that `metadb demo` plays: conf/demo/library.jsonl, as
// Debezium wrote it, inside the program.
#pragma once

#include <string_view>

namespace metadb::server {

std::string_view demo_recording();

}  // namespace metadb::server
