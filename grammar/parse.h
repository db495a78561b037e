// One statement: a Metadb command, a syntax error in one, or PostgreSQL's business.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "grammar/ast.h"

namespace metadb::grammar {

// Not ours; PostgreSQL answers it.
struct PassThrough {};

// What ErrorResponse says, in PostgreSQL's words.
struct SyntaxError {
  std::string sqlstate;
  std::string message;
  std::string hint;  // empty = none
  int position = 0;  // 1-based, in characters of the text
};

struct Parsed {
  ast::Command command;
  // PostgreSQL has this verb too: the catalog decides whether the statement concerns us.
  bool is_shared = false;
};

using Statement = std::variant<PassThrough, Parsed, SyntaxError>;

// Parses one statement with an optional semicolon at its end. A verb that PostgreSQL has too gives
// Parsed or PassThrough, never SyntaxError. Text that is not valid UTF-8 is PassThrough: the
// server's own error is the right one. Safe to call from any thread.
// Calls take turns, a long statement's one takes a fifth of a second.
Statement parse(std::string_view utf8_text);
// Whether a call would have to wait now. Safe to call from any thread.
bool is_parser_busy();

}  // namespace metadb::grammar
