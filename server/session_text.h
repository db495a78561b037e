// What a client's text says: which of its statements are ours.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "catalog/error.h"
#include "grammar/ast.h"

namespace metadb::server {

class CommandExecution;
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

// What the answer says can change with everything that PostgreSQL answers: a text that was read
// before waiting is read again after it.
ClientText read_text(std::string_view text, const SessionLegs& legs,
                     const CommandExecution& execution, const ExtendedCommands& extended);

}  // namespace metadb::server
