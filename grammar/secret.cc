#include "grammar/secret.h"

#include <cstring>
#include <utility>

namespace metadb::grammar::ast {
namespace {

// A short string stands in the object itself, and stays there when its length becomes 0.
void wipe(std::string& text) {
  text.resize(text.capacity());
  explicit_bzero(text.data(), text.size());
  text.clear();
}

}  // namespace

Secret::Secret(std::string&& text_, int position_) : text(std::move(text_)), position(position_) {
  wipe(text_);
}

Secret::Secret(Secret&& other) noexcept : text(std::move(other.text)), position(other.position) {
  wipe(other.text);
}

Secret& Secret::operator=(Secret other) noexcept {
  text.swap(other.text);
  position = other.position;
  return *this;
}

Secret::~Secret() {
  wipe(text);
}

}  // namespace metadb::grammar::ast
