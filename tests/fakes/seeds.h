// How many random histories a property is tried on.
#pragma once

#include <algorithm>
#include <cstdlib>

namespace metadb::tests {

// METADB_SEEDS says how many. Otherwise `usual`, which the suite has time for; under a sanitizer,
// where everything takes several times as long, a third of that.
inline unsigned seeds(unsigned usual) {
  if (const char* wanted = std::getenv("METADB_SEEDS")) {
    return static_cast<unsigned>(std::strtoul(wanted, nullptr, 10));
  }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return std::max(1U, usual / 3);
#else
  return usual;
#endif
}

}  // namespace metadb::tests
