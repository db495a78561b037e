// The encodings that a client's texts can have, as far as the dialect needs them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace metadb::server {

// The text in UTF-8: as it is where client_encoding is UTF8 or all bytes are ASCII, converted from
// LATIN1; nullopt for anything else, and for bytes that are no UTF-8 after all: such a text is
// PostgreSQL's business. `storage` holds what had to be converted.
std::optional<std::string_view> utf8_of(std::string_view text, std::string_view client_encoding,
                                        std::string& storage);

// Our text for the client; characters that its encoding lacks become '?'.
std::string for_client(std::string_view utf8, std::string_view client_encoding);

}  // namespace metadb::server
