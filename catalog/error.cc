#include "catalog/error.h"

namespace metadb::catalog {

std::string described(const Error& error) {
  std::string text = error.message() + " (" + error.sqlstate + ")";
  if (!error.detail.empty()) text += "; " + error.detail;
  if (!error.hint.empty()) text += "; " + error.hint;
  return text;
}

}  // namespace metadb::catalog
