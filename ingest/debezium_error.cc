#include "ingest/debezium_error.h"

#include "ingest/names.h"

namespace metadb::ingest {

std::string excerpt(std::string_view text) {
  constexpr size_t kBytesMax = 64;
  std::string shown(utf8_prefix(text, kBytesMax));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20) c = '?';
  }
  return shown.size() < text.size() ? shown + "..." : shown;
}

}  // namespace metadb::ingest
