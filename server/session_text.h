// What a client's text says: which of its statements are ours.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "catalog/error.h"
#include "grammar/ast.h"
#include "grammar/parse.h"

namespace metadb::server {

class CommandExecution;
class CommandPool;
class ExtendedCommands;
class SessionLegs;

// DEALLOCATE of a prepared statement that PostgreSQL never saw.
struct Deallocation {
  std::string name;
};

struct OwnStatement {
  std::variant<std::shared_ptr<const grammar::ast::Command>, Deallocation> what;
  int offset = 0;  // characters of the text before it: clients count positions from its start
};

// The statements of a Query or Parse message.
struct ClientText {
  size_t statements = 0;
  std::vector<OwnStatement> ours;
  std::optional<catalog::Error> error;  // the first syntax error in one of ours

  // All of it is PostgreSQL's.
  [[nodiscard]] bool is_foreign() const { return ours.empty() && !error; }
  // Beside what is ours. REQUIRES: no error.
  [[nodiscard]] bool has_foreign() const { return statements > ours.size(); }
};

// What decides how a text is read.
struct TextRules {
  std::string encoding;  // client_encoding
  bool has_standard_strings = true;

  friend bool operator==(const TextRules&, const TextRules&) = default;
};

// A text, cut and parsed: what can be said without knowing the session and the catalog.
struct ParsedText {
  struct Statement {
    int offset = 0;
    // Of these one at most.
    std::shared_ptr<const grammar::ast::Command> command;
    std::optional<grammar::SyntaxError> error;
    std::optional<std::string> deallocated;
    bool is_shared = false;  // the command has words of PostgreSQL's
  };
  TextRules rules;
  size_t statements = 0;
  std::vector<Statement> known;  // those that may be ours
};

// Parses a text: a short one at once if the parser is free; others on the pool, since that takes a
// thread for as long as a thousand queries, and others' sessions wait on this one.
boost::asio::awaitable<ParsedText> parse_text(std::string_view text, const SessionLegs& legs,
                                              const CommandExecution& execution,
                                              const ExtendedCommands& extended);
// Whether it would be parsed in the same way now.
bool is_parsed_as_now(const ParsedText& text, const SessionLegs& legs);

// What the answer says can change with everything that PostgreSQL answers: what was asked before
// waiting is asked again after it.
ClientText read_text(const ParsedText& text, const CommandExecution& execution,
                     const ExtendedCommands& extended);

}  // namespace metadb::server
