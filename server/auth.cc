#include "server/auth.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>

#include "catalog/error.h"
#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace {

std::string md5_hex(std::string_view text) {
  std::array<unsigned char, 16> digest{};
  unsigned int size = digest.size();
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr);
  std::string out;
  for (const unsigned char byte : digest) out += fmt::format("{:02x}", byte);
  return out;
}

}  // namespace

std::string md5_password(std::string_view user, std::string_view password, std::string_view salt) {
  const std::string inner = md5_hex(fmt::format("{}{}", password, user));
  return "md5" + md5_hex(inner + std::string(salt));
}

std::string random_bytes(size_t count) {
  std::string out(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1) {
    throw catalog::Error(wire::sqlstate::kInternalError, "no random bytes from OpenSSL");
  }
  return out;
}

bool equal_secrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace metadb::server
