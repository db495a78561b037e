// Commands as one line of text, so that a table of examples can state what each one means.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "grammar/ast.h"

namespace metadb::tests {

// The struct's fields in order between braces, e.g. `DropDataSource{sensor}`. Positions are left
// out; flags appear as their word where set.
std::string describe(const grammar::ast::Command& command);

}  // namespace metadb::tests
