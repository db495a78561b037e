// The token source of the generated parser.
#pragma once

#include <memory>
#include <string_view>

namespace antlr4 {
class CharStream;
class TokenSource;
}  // namespace antlr4

namespace metadb::grammar {

// Tokens of `characters`, which `stream` holds as well; both must outlive the lexer. Quoted names,
// strings, comments and words with letters above 127 are cut by scan.h, the rest by the generated
// lexer, whose automaton is slow outside ASCII and recursive in nested comments.
std::unique_ptr<antlr4::TokenSource> dialect_lexer(antlr4::CharStream& stream,
                                                   std::u32string_view characters);

}  // namespace metadb::grammar
