#include "grammar/ast.h"

namespace metadb::grammar::ast {

std::string_view tag(const Command& command) {
  return std::visit([](const auto& alternative) { return alternative.kTag; }, command);
}

}  // namespace metadb::grammar::ast
