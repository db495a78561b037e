#include "grammar/dialect_lexer.h"

#include <algorithm>
#include <optional>

#include "MetadbLexer.h"
#include "grammar/scan.h"

namespace metadb::grammar {
namespace {

using metadb_antlr::MetadbLexer;

class DialectLexer final : public MetadbLexer {
 public:
  DialectLexer(antlr4::CharStream& stream, std::u32string_view characters)
      : MetadbLexer(&stream), characters_(characters) {
    removeErrorListeners();
  }

  std::unique_ptr<antlr4::Token> nextToken() override {
    const scan::Piece piece = scan::next(characters_, _input->index());
    const std::optional<size_t> token_type = type_of(piece);
    if (!token_type) return MetadbLexer::nextToken();
    const bool is_comment = piece.kind == scan::Kind::comment && piece.is_closed;
    _input->seek(piece.end);
    return getTokenFactory()->create({this, _input}, *token_type, "",
                                     is_comment ? HIDDEN : DEFAULT_TOKEN_CHANNEL, piece.begin,
                                     piece.end - 1, 1, piece.begin);
  }

 private:
  // nullopt for what the generated lexer cuts.
  [[nodiscard]] std::optional<size_t> type_of(const scan::Piece& piece) const {
    if (!piece.is_closed) return UNTERMINATED;
    const std::u32string_view text = characters_.substr(piece.begin, piece.end - piece.begin);
    switch (piece.kind) {
      case scan::Kind::comment:
        return SPACE;
      case scan::Kind::quoted_name:
        return text.size() == 2 ? EMPTY_NAME : QUOTED_NAME;
      case scan::Kind::string:
        return STRING;
      case scan::Kind::escape_string:
        return ESCAPE_STRING;
      case scan::Kind::dollar_string:
        return DOLLAR_STRING;
      case scan::Kind::unicode_string:
      case scan::Kind::unicode_name:
        return UNICODE_QUOTED;
      case scan::Kind::word:
        if (std::any_of(text.begin(), text.end(), [](char32_t c) { return c > 127; })) {
          return IDENTIFIER;
        }
        return {};
      default:
        return {};
    }
  }

  std::u32string_view characters_;
};

}  // namespace

std::unique_ptr<antlr4::TokenSource> dialect_lexer(antlr4::CharStream& stream,
                                                   std::u32string_view characters) {
  return std::make_unique<DialectLexer>(stream, characters);
}

}  // namespace metadb::grammar
