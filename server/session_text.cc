#include "server/session_text.h"

#include <spdlog/spdlog.h>

#include "grammar/classify.h"
#include "grammar/deallocate.h"
#include "grammar/utf8.h"
#include "server/command_pool_call.h"
#include "server/session_encoding.h"
#include "server/session_execution.h"
#include "server/session_extended.h"
#include "server/session_legs.h"

namespace metadb::server {

namespace asio = boost::asio;
namespace ast = grammar::ast;

namespace {

// Commands are seldom longer; so much is parsed in a millisecond or two.
constexpr size_t kShortBytes = 512;

// With standard_conforming_strings off a backslash can move the end of a string, and of the
// statement with it. A statement that stands alone and opens with words of ours needs no cutting.
std::vector<std::string_view> statements_of(std::string_view utf8, const TextRules& rules) {
  auto statements = grammar::split(utf8);
  if (!rules.has_standard_strings && statements.size() > 1) statements.clear();
  return statements;
}

ParsedText::Statement parsed_statement(std::string_view statement) {
  ParsedText::Statement known;
  grammar::Statement parsed = grammar::parse(statement);
  if (auto* ours = std::get_if<grammar::Parsed>(&parsed)) {
    known.command = std::make_shared<const ast::Command>(std::move(ours->command));
    known.is_shared = ours->is_shared;
  } else if (auto* wrong = std::get_if<grammar::SyntaxError>(&parsed)) {
    known.error = std::move(*wrong);
  } else {
    known.deallocated = grammar::deallocated_name(statement);
  }
  return known;
}

ParsedText parse(std::string_view text, const TextRules& rules) {
  ParsedText parsed{rules, 0, {}};
  std::string storage;
  const auto utf8 = utf8_of(text, rules.encoding, storage);
  if (!utf8) return parsed;
  size_t counted = 0;  // bytes
  size_t offset = 0;   // characters in them
  for (const std::string_view statement : statements_of(*utf8, rules)) {
    ++parsed.statements;
    const auto at = static_cast<size_t>(statement.data() - utf8->data());
    offset += grammar::count_characters(utf8->substr(counted, at - counted));
    counted = at;
    ParsedText::Statement one = parsed_statement(statement);
    if (!one.command && !one.error && !one.deallocated) continue;
    one.offset = static_cast<int>(offset);
    parsed.known.push_back(std::move(one));
  }
  return parsed;
}

catalog::Error error_of(const grammar::SyntaxError& error, int offset) {
  return catalog::Error(error.sqlstate, error.message)
      .with_hint(error.hint)
      .with_position(error.position > 0 ? error.position + offset : 0);
}

TextRules rules_of(const SessionLegs& legs) {
  return {legs.client_encoding, legs.has_standard_strings};
}

// Without a thread for it, everybody waits.
asio::awaitable<ParsedText> parse_on(CommandPool& pool, std::string text, TextRules rules) {
  const auto work = [&] { return parse(text, rules); };
  try {
    auto parsed = co_await run_on(pool, CommandLane::text, work);
    co_return std::move(parsed);
  } catch (const catalog::Error& error) {
    spdlog::error("{}", error.message());
  }
  co_return parse(text, rules);
}

}  // namespace

asio::awaitable<ParsedText> parse_text(std::string_view text, const SessionLegs& legs,
                                       const CommandExecution& execution,
                                       const ExtendedCommands& extended) {
  const bool may_be_ours = grammar::may_be_ours(text);
  TextRules rules = rules_of(legs);
  if (!may_be_ours && !extended.has_names()) co_return ParsedText{rules, 0, {}};
  const bool is_at_once = text.size() <= kShortBytes && !grammar::is_parser_busy();
  if (!may_be_ours || is_at_once) co_return parse(text, rules);
  for (;;) {
    std::string copy(text);
    ParsedText parsed = co_await parse_on(execution.pool(), std::move(copy), rules);
    if (legs.is_closed() || is_parsed_as_now(parsed, legs)) co_return parsed;
    rules = rules_of(legs);
  }
}

bool is_parsed_as_now(const ParsedText& text, const SessionLegs& legs) {
  return text.rules == rules_of(legs);
}

ClientText read_text(const ParsedText& text, const CommandExecution& execution,
                     const ExtendedCommands& extended) {
  ClientText read;
  read.statements = text.statements;
  for (const ParsedText::Statement& one : text.known) {
    if (one.error) {
      if (!read.error) read.error = error_of(*one.error, one.offset);
    } else if (one.deallocated) {
      if (extended.is_prepared(*one.deallocated)) {
        OwnStatement& own = read.ours.emplace_back();
        own.what = Deallocation{*one.deallocated};
        own.offset = one.offset;
      }
    } else if (!one.is_shared || execution.runner().takes(*one.command, execution.caller())) {
      OwnStatement& own = read.ours.emplace_back();
      own.what = one.command;
      own.offset = one.offset;
    }
  }
  return read;
}

}  // namespace metadb::server
