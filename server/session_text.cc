#include "server/session_text.h"

#include "grammar/classify.h"
#include "grammar/deallocate.h"
#include "grammar/parse.h"
#include "grammar/utf8.h"
#include "server/session_encoding.h"
#include "server/session_execution.h"
#include "server/session_extended.h"
#include "server/session_legs.h"

namespace metadb::server {

namespace ast = grammar::ast;

namespace {

// With standard_conforming_strings off a backslash can move the end of a string, and of the
// statement with it. A statement that stands alone and opens with words of ours needs no cutting.
std::vector<std::string_view> statements_of(std::string_view utf8, const SessionLegs& legs) {
  auto statements = grammar::split(utf8);
  if (!legs.has_standard_strings && statements.size() > 1) statements.clear();
  return statements;
}

bool is_ours(const grammar::Parsed& parsed, const CommandExecution& execution) {
  return !parsed.is_shared || execution.runner().takes(parsed.command, execution.caller());
}

catalog::Error error_of(const grammar::SyntaxError& error, int offset) {
  return catalog::Error(error.sqlstate, error.message)
      .with_hint(error.hint)
      .with_position(error.position > 0 ? error.position + offset : 0);
}

}  // namespace

ClientText read_text(std::string_view text, const SessionLegs& legs,
                     const CommandExecution& execution, const ExtendedCommands& extended) {
  ClientText read;
  if (!grammar::may_be_ours(text) && !extended.has_names()) return read;
  std::string storage;
  const auto utf8 = utf8_of(text, legs.client_encoding, storage);
  if (!utf8) return read;
  for (const std::string_view statement : statements_of(*utf8, legs)) {
    ++read.statements;
    const auto before = utf8->substr(0, static_cast<size_t>(statement.data() - utf8->data()));
    const int offset = static_cast<int>(grammar::count_characters(before));
    grammar::Statement parsed = grammar::parse(statement);
    if (auto* known = std::get_if<grammar::Parsed>(&parsed)) {
      if (!is_ours(*known, execution)) continue;
      read.ours.push_back(
          {std::make_shared<const ast::Command>(std::move(known->command)), offset});
    } else if (const auto* wrong = std::get_if<grammar::SyntaxError>(&parsed)) {
      if (!read.error) read.error = error_of(*wrong, offset);
    } else if (auto name = grammar::deallocated_name(statement);
               name && extended.is_prepared(*name)) {
      read.ours.push_back({Deallocation{std::move(*name)}, offset});
    }
  }
  return read;
}

}  // namespace metadb::server
