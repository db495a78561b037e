// The names that Java makes of bytes.
#pragma once

#include <string>
#include <string_view>

namespace metadb::ingest {

// The UUID of version 3 that Java's UUID.nameUUIDFromBytes() gives: MD5, without a name space.
// Throws catalog::Error 58000 where OpenSSL is set up to have no MD5.
std::string name_uuid(std::string_view bytes);

}  // namespace metadb::ingest
