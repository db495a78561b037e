// From the parse tree to the command.
#pragma once

#include "grammar/ast.h"

namespace antlr4::tree {
class ParseTree;
}  // namespace antlr4::tree

namespace metadb::grammar {

// REQUIRES: the tree of rule `command`, parsed without an error. Throws SyntaxFailure for a literal
// that does not decode.
ast::Command build_command(antlr4::tree::ParseTree& command);

}  // namespace metadb::grammar
