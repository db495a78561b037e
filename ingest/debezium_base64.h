// Base64 as Kafka Connect's JsonConverter writes bytes: standard alphabet, padded, no line feeds.
#pragma once

#include <string>
#include <string_view>

namespace metadb::ingest {

// Appends the decoded bytes. Throws DecodeError if `text` is not padded base64.
void append_base64_decoded(std::string& out, std::string_view text);
std::string base64_encoded(std::string_view bytes);

}  // namespace metadb::ingest
