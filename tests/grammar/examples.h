// At least one example of every form of every command.
#pragma once

#include <span>
#include <string_view>

namespace metadb::tests {

struct Example {
  std::string_view text;
  std::string_view description;  // describe()'s
  std::string_view tag;
  bool is_shared;
};

std::span<const Example> examples();

}  // namespace metadb::tests
