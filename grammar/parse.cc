#include "grammar/parse.h"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

#include "MetadbLexer.h"
#include "MetadbParser.h"
#include "grammar/ast_builder.h"
#include "grammar/dialect_lexer.h"
#include "grammar/opening.h"
#include "grammar/scan.h"
#include "grammar/syntax_failure.h"
#include "grammar/utf8.h"

namespace metadb::grammar {
namespace {

using metadb_antlr::MetadbParser;

// No command needs more; it bounds what one client can make an io thread do.
constexpr size_t kTextBytesMax = 1 << 20;

// A mutex that is given in the order in which it was asked for. A thread that takes a plain one
// again and again, for a text of many statements, can keep others from it for all that time.
class Turns {
 public:
  void lock() {
    std::unique_lock lock(mutex_);
    const uint64_t turn = next_++;
    has_ended_.wait(lock, [&] { return turn == serving_; });
  }
  void unlock() {
    {
      const std::lock_guard lock(mutex_);
      ++serving_;
    }
    has_ended_.notify_all();
  }
  [[nodiscard]] bool is_taken() {
    const std::lock_guard lock(mutex_);
    return next_ != serving_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable has_ended_;
  uint64_t next_ = 0;
  uint64_t serving_ = 0;
};

// The generated code keeps its prediction tables in static storage, which the 4.9 runtime guards
// only in part. Commands are rare and parse in microseconds, so one at a time is enough. The
// tables are bounded by the grammar, which has no recursion.
Turns parser_turns;

std::string utf8(std::u32string_view characters) {
  std::string text;
  for (const char32_t c : characters) append_utf8(text, c);
  return text;
}

// How far PostgreSQL's lexer would take the token at `begin` where ours stops after one symbol.
size_t symbol_end(std::u32string_view characters, size_t begin) {
  constexpr std::u32string_view kOperator = U"~!@#^&|`?+-*/%<>=";
  for (const std::u32string_view pair : {U"::", U":=", U".."}) {
    if (characters.substr(begin).starts_with(pair)) return begin + 2;
  }
  size_t end = begin;
  while (end < characters.size() && kOperator.find(characters[end]) != kOperator.npos &&
         !scan::comment_starts(characters, end)) {
    ++end;
  }
  return std::max(end, begin + 1);
}

SyntaxFailure failure_at(const antlr4::Token& token, std::u32string_view characters) {
  const size_t begin = token.getStartIndex();
  const int position = static_cast<int>(begin) + 1;
  if (token.getType() == antlr4::Token::EOF) {
    return {{"42601", "syntax error at end of input", "", position}};
  }
  const size_t token_end = token.getStopIndex() + 1;
  const std::string text = utf8(characters.substr(begin, token_end - begin));
  switch (token.getType()) {
    case MetadbParser::UNTERMINATED:
      if (text[0] == '/') return failure_near("unterminated /* comment", text, position);
      if (text[0] == '$') return failure_near("unterminated dollar-quoted string", text, position);
      if (text[0] == '"') return failure_near("unterminated quoted identifier", text, position);
      return failure_near("unterminated quoted string", text, position);
    case MetadbParser::EMPTY_NAME:
      return failure_near("zero-length delimited identifier", text, position);
    case MetadbParser::UNICODE_QUOTED:
      return {{"0A000", "U& literals are not supported in Metadb commands",
               "Write the characters themselves, or use E'\\uXXXX' for a string.", position}};
    default:
      break;
  }
  const bool is_symbol = token_end == begin + 1 && !scan::is_word_start(characters[begin]) &&
                         !scan::is_digit(characters[begin]);
  if (!is_symbol) return failure_near("syntax error", text, position);
  const size_t end = symbol_end(characters, begin);
  return failure_near("syntax error", utf8(characters.substr(begin, end - begin)), position);
}

// Ends the parse at the first token that fits nowhere, which is the one PostgreSQL names.
class StopAtFirstError final : public antlr4::ANTLRErrorStrategy {
 public:
  explicit StopAtFirstError(std::u32string_view characters) : characters_(characters) {}

  void reset(antlr4::Parser* /*parser*/) override {}
  void sync(antlr4::Parser* /*parser*/) override {}
  void reportMatch(antlr4::Parser* /*parser*/) override {}
  bool inErrorRecoveryMode(antlr4::Parser* /*parser*/) override { return false; }

  antlr4::Token* recoverInline(antlr4::Parser* parser) override {
    throw failure_at(*parser->getCurrentToken(), characters_);
  }
  void reportError(antlr4::Parser* /*parser*/, const antlr4::RecognitionException& error) override {
    throw failure_at(*error.getOffendingToken(), characters_);
  }
  void recover(antlr4::Parser* /*parser*/, std::exception_ptr error) override {
    std::rethrow_exception(error);
  }

 private:
  std::u32string_view characters_;
};

// Throws SyntaxFailure.
ast::Command parse_command(std::string_view text, std::u32string_view characters) {
  const std::lock_guard lock(parser_turns);
  antlr4::ANTLRInputStream stream{std::string(text)};
  const auto lexer = dialect_lexer(stream, characters);
  antlr4::CommonTokenStream tokens(lexer.get());
  MetadbParser parser(&tokens);
  parser.removeErrorListeners();
  parser.setErrorHandler(std::make_shared<StopAtFirstError>(characters));
  return build_command(*parser.statement()->command());
}

}  // namespace

bool is_parser_busy() {
  return parser_turns.is_taken();
}

Statement parse(std::string_view utf8_text) {
  const Opening opening = opening_of(utf8_text);
  if (opening == Opening::foreign) return PassThrough{};
  const bool is_shared = opening == Opening::shared;
  if (utf8_text.size() > kTextBytesMax) {
    if (is_shared) return PassThrough{};
    return SyntaxError{"54000", "command is longer than 1 MiB", "", 0};
  }
  const std::optional<std::u32string> characters = decode_utf8(utf8_text);
  if (!characters) return PassThrough{};
  try {
    return Parsed{parse_command(utf8_text, *characters), is_shared};
  } catch (const SyntaxFailure& failure) {
    if (is_shared) return PassThrough{};
    return failure.error;
  }
}

}  // namespace metadb::grammar
