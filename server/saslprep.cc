#include "server/saslprep.h"

#include <openssl/crypto.h>
#include <stringprep.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace metadb::server {

namespace {

struct Wipe {
  void operator()(char* text) const {
    OPENSSL_cleanse(text, std::strlen(text));
    std::free(text);
  }
};

}  // namespace

std::string saslprep(std::string password) {
  const auto is_ascii = [](char c) { return (c & 0x80) == 0; };
  if (std::ranges::all_of(password, is_ascii)) return password;
  char* made = nullptr;
  // A password is a stored string: code points that Unicode 3.2 does not have are prohibited.
  const int result =
      stringprep_profile(password.c_str(), &made, "SASLprep", STRINGPREP_NO_UNASSIGNED);
  const std::unique_ptr<char, Wipe> prepared(made);
  if (result != STRINGPREP_OK || *prepared == '\0') return password;
  OPENSSL_cleanse(password.data(), password.size());
  return prepared.get();
}

}  // namespace metadb::server
