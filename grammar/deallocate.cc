#include "grammar/deallocate.h"

#include "grammar/literal.h"
#include "grammar/scan.h"

namespace metadb::grammar {
namespace {

// The pieces of a text that are not blank, one after the other.
class Pieces {
 public:
  explicit Pieces(std::string_view text) : text_(text) {}

  scan::Piece next() {
    const scan::Piece piece = scan::next(text_, scan::blank_end(text_, at_));
    at_ = piece.end;
    return piece;
  }
  // As a name; nullopt for what can't be one.
  [[nodiscard]] std::optional<std::string> name(const scan::Piece& piece) const {
    const std::string_view written = text_.substr(piece.begin, piece.end - piece.begin);
    if (piece.kind == scan::Kind::word) return fold_name(written);
    if (piece.kind == scan::Kind::quoted_name && piece.is_closed) return unquote_name(written);
    return std::nullopt;
  }
  [[nodiscard]] bool is_word(const scan::Piece& piece, std::string_view lower) const {
    return piece.kind == scan::Kind::word && name(piece) == lower;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::optional<std::string> deallocated_name(std::string_view statement) {
  Pieces pieces(statement);
  if (!pieces.is_word(pieces.next(), "deallocate")) return std::nullopt;
  scan::Piece named = pieces.next();
  scan::Piece after = pieces.next();
  // Alone, the word is itself the name.
  if (after.kind != scan::Kind::end && pieces.is_word(named, "prepare")) {
    named = after;
    after = pieces.next();
  }
  if (after.kind != scan::Kind::end || pieces.is_word(named, "all")) return std::nullopt;
  return pieces.name(named);
}

}  // namespace metadb::grammar
