#include "ingest/name_uuid.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "catalog/error.h"

namespace metadb::ingest {

std::string name_uuid(std::string_view bytes) {
  std::array<unsigned char, 16> digest{};
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_md5(), nullptr) != 1)
    throw catalog::Error("58000",
                         "OpenSSL has no MD5 here, which Java's names of bytes are made of");
  digest[6] = static_cast<unsigned char>((digest[6] & 0x0fU) | 0x30U);
  digest[8] = static_cast<unsigned char>((digest[8] & 0x3fU) | 0x80U);
  std::string out;
  for (size_t i = 0; i < digest.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += fmt::format("{:02x}", digest[i]);
  }
  return out;
}

}  // namespace metadb::ingest
