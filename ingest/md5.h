// MD5 (RFC 1321), for names that others have made with it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace metadb::ingest {

std::array<uint8_t, 16> md5(std::string_view bytes);
// The UUID of version 3 that Java's UUID.nameUUIDFromBytes() gives: without a name space.
std::string name_uuid(std::string_view bytes);

}  // namespace metadb::ingest
