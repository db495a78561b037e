#include "server/saslprep.h"

#include <stringprep.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace metadb::server {

namespace {

struct Free {
  void operator()(char* text) const { std::free(text); }
};

}  // namespace

std::string saslprep(const std::string& password) {
  const auto is_ascii = [](char c) { return (c & 0x80) == 0; };
  if (std::ranges::all_of(password, is_ascii)) return password;
  char* made = nullptr;
  // A password is a stored string: code points that Unicode 3.2 does not have are prohibited.
  const int result =
      stringprep_profile(password.c_str(), &made, "SASLprep", STRINGPREP_NO_UNASSIGNED);
  const std::unique_ptr<char, Free> prepared(made);
  if (result != STRINGPREP_OK || *prepared == '\0') return password;
  return prepared.get();
}

}  // namespace metadb::server
