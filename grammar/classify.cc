#include "grammar/classify.h"

#include <string>

#include "grammar/opening.h"
#include "grammar/scan.h"

namespace metadb::grammar {
namespace {

// Follows the words of one statement to know whether a semicolon lies in a BEGIN ATOMIC body, the
// only place outside parentheses where PostgreSQL's grammar takes one. Counting CASE and END is
// what psql does (psqlscan.l); words after AS or a dot are names, whatever they spell.
class RoutineBody {
 public:
  void word(std::string_view written) {
    const std::string lower = folded(written);
    if (count_ < 4) opening_ += lower + ' ';
    ++count_;
    if (depth_ > 0) {
      if (!is_name_next_ && lower == "case") ++depth_;
      if (!is_name_next_ && lower == "end") --depth_;
    } else if (lower == "atomic" && previous_ == "begin" && is_routine()) {
      depth_ = 1;
    }
    is_name_next_ = lower == "as";
    previous_ = lower;
  }

  // Anything else that is not blank.
  void other(bool is_dot) {
    previous_.clear();
    is_name_next_ = is_dot;
  }

  [[nodiscard]] bool is_open() const { return depth_ > 0; }

 private:
  // Words longer than any keyword need not be kept.
  static std::string folded(std::string_view written) {
    std::string lower(written.substr(0, 16));
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    return lower;
  }

  [[nodiscard]] bool is_routine() const {
    const std::string_view opening = opening_;
    return opening.starts_with("create function ") || opening.starts_with("create procedure ") ||
           opening.starts_with("create or replace function ") ||
           opening.starts_with("create or replace procedure ");
  }

  std::string opening_;  // the first four words, each with a space behind it
  std::string previous_;
  int count_ = 0;
  int depth_ = 0;
  bool is_name_next_ = false;
};

std::string_view without_outer_space(std::string_view text) {
  const size_t begin = scan::space_end(text, 0);
  size_t end = text.size();
  while (end > begin && scan::is_space(text[end - 1])) --end;
  return text.substr(begin, end - begin);
}

// The statement from `begin` on: where it ends, and whether it says anything.
struct Extent {
  size_t end = 0;
  bool is_empty = true;
};

Extent statement_at(std::string_view text, size_t begin) {
  RoutineBody body;
  size_t parentheses = 0;
  Extent extent;
  for (size_t at = begin;;) {
    const scan::Piece piece = scan::next(text, at);
    extent.end = piece.begin;
    if (piece.kind == scan::Kind::end) return extent;
    at = piece.end;
    if (piece.kind == scan::Kind::space || piece.kind == scan::Kind::comment) continue;
    const char c = text[piece.begin];
    const bool is_symbol = piece.kind == scan::Kind::symbol;
    if (is_symbol && c == ';' && parentheses == 0 && !body.is_open()) return extent;
    extent.is_empty = false;
    if (piece.kind == scan::Kind::word) {
      if (parentheses == 0) body.word(text.substr(piece.begin, piece.end - piece.begin));
      continue;
    }
    body.other(is_symbol && c == '.');
    if (is_symbol && c == '(') ++parentheses;
    if (is_symbol && c == ')' && parentheses > 0) --parentheses;
  }
}

}  // namespace

bool may_be_ours(std::string_view text) noexcept {
  if (opening_of(text) != Opening::foreign) return true;
  // Every statement after the first follows a semicolon. Most of those that a text holds in
  // strings or bodies are followed by nothing of ours either, so the gate needs no quoting rules.
  for (size_t at = text.find(';'); at != text.npos; at = text.find(';', at + 1)) {
    if (opening_of(text.substr(at + 1), Comments::stop) != Opening::foreign) return true;
  }
  return false;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> statements;
  for (size_t begin = 0; begin < text.size();) {
    const Extent extent = statement_at(text, begin);
    if (!extent.is_empty) {
      statements.push_back(without_outer_space(text.substr(begin, extent.end - begin)));
    }
    begin = extent.end + 1;
  }
  return statements;
}

}  // namespace metadb::grammar
