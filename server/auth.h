// What logins are made of, apart from SCRAM.
#pragma once

#include <string>
#include <string_view>

namespace metadb::server {

// The answer to AuthenticationMD5Password.
std::string md5_password(std::string_view user, std::string_view password, std::string_view salt);

// Cryptographically random bytes; throws catalog::Error if there are none.
std::string random_bytes(size_t count);

// Takes the same time wherever the two differ.
bool equal_secrets(std::string_view a, std::string_view b);

}  // namespace metadb::server
