// A string literal that is a password.
#pragma once

#include <string>

namespace metadb::grammar::ast {

// Decoded, like Text. Wiped from memory when it goes, and where it is moved from.
struct Secret {
  Secret(std::string&& text_, int position_);
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret other) noexcept;
  ~Secret();

  std::string text;
  int position = 0;
};

}  // namespace metadb::grammar::ast
