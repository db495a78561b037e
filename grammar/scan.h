// PostgreSQL's lexical structure as far as it decides where a token ends.
//
// Mirrors scan.l with standard_conforming_strings on. One definition for bytes (classify, where
// a byte from 0x80 up belongs to a name, as in PostgreSQL) and for code points (the lexer).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace metadb::grammar::scan {

enum class Kind : uint8_t {
  end,
  space,
  comment,
  word,
  quoted_name,     // "..."
  string,          // '...', with its continuations on following lines
  escape_string,   // E'...', the same
  dollar_string,   // $tag$...$tag$
  unicode_string,  // U&'...'
  unicode_name,    // U&"..."
  number,          // digits and dots, also the digits of $1
  symbol,          // any other single character
};

// text[begin, end) is one piece; a delimited piece without its end reaches to the end of text.
struct Piece {
  Kind kind = Kind::end;
  size_t begin = 0;
  size_t end = 0;
  bool is_closed = true;
};

template <typename Char>
constexpr bool is_space(Char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

template <typename Char>
constexpr bool is_digit(Char c) {
  return c >= '0' && c <= '9';
}

// chars above 127 are negative where char is signed.
template <typename Char>
constexpr bool is_word_start(Char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c < 0 || c > 127;
}

template <typename Char>
constexpr bool is_word_part(Char c) {
  return is_word_start(c) || is_digit(c) || c == '$';
}

// The end of the word that starts at `at`; `at` itself if none does.
template <typename Char>
constexpr size_t word_end(std::basic_string_view<Char> text, size_t at) {
  if (at >= text.size() || !is_word_start(text[at])) return at;
  while (at < text.size() && is_word_part(text[at])) ++at;
  return at;
}

template <typename Char>
constexpr size_t space_end(std::basic_string_view<Char> text, size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

template <typename Char>
constexpr bool comment_starts(std::basic_string_view<Char> text, size_t at) {
  if (at + 1 >= text.size()) return false;
  return (text[at] == '-' && text[at + 1] == '-') || (text[at] == '/' && text[at + 1] == '*');
}

// REQUIRES: comment_starts(text, at).
template <typename Char>
constexpr Piece comment(std::basic_string_view<Char> text, size_t at) {
  size_t end = at + 2;
  if (text[at] == '-') {
    while (end < text.size() && text[end] != '\n' && text[end] != '\r') ++end;
    return {Kind::comment, at, end, true};
  }
  size_t depth = 1;
  while (end < text.size() && depth > 0) {
    const bool has_next = end + 1 < text.size();
    if (has_next && text[end] == '/' && text[end + 1] == '*') {
      ++depth;
      end += 2;
    } else if (has_next && text[end] == '*' && text[end + 1] == '/') {
      --depth;
      end += 2;
    } else {
      ++end;
    }
  }
  return {Kind::comment, at, end, depth == 0};
}

// The first position from `at` on that is neither white space nor within a comment.
template <typename Char>
constexpr size_t blank_end(std::basic_string_view<Char> text, size_t at) {
  for (;;) {
    at = space_end(text, at);
    if (!comment_starts(text, at)) return at;
    at = comment(text, at).end;
  }
}

// Where the string whose closing quote ends at `at` goes on: SQL joins literals that only white
// space with a line break (and -- comments) separates. npos if it does not go on.
template <typename Char>
constexpr size_t continuation(std::basic_string_view<Char> text, size_t at) {
  bool has_newline = false;
  for (; at < text.size(); ++at) {
    if (text[at] == '\n' || text[at] == '\r') {
      has_newline = true;
    } else if (text[at] == '-' && comment_starts(text, at)) {
      at = comment(text, at).end - 1;
    } else if (!is_space(text[at])) {
      return has_newline && text[at] == '\'' ? at : text.npos;
    }
  }
  return text.npos;
}

// One quoted run without continuations; `open` is the position of its first quote.
template <typename Char>
constexpr Piece quoted(std::basic_string_view<Char> text, size_t open, Kind kind) {
  const Char quote = text[open];
  for (size_t at = open + 1; at < text.size(); ++at) {
    if (text[at] == '\\' && kind == Kind::escape_string) {
      ++at;
    } else if (text[at] == quote) {
      if (at + 1 >= text.size() || text[at + 1] != quote) return {kind, open, at + 1, true};
      ++at;
    }
  }
  return {kind, open, text.size(), false};
}

// A literal from `begin` with its first quote at `open`.
template <typename Char>
constexpr Piece literal(std::basic_string_view<Char> text, size_t begin, size_t open, Kind kind) {
  Piece piece = quoted(text, open, kind);
  const bool continues = kind != Kind::quoted_name && kind != Kind::unicode_name;
  while (continues && piece.is_closed) {
    const size_t next = continuation(text, piece.end);
    if (next == text.npos) break;
    piece = quoted(text, next, kind);
  }
  piece.begin = begin;
  return piece;
}

// The length of `$tag$` at `at`; 0 if there is none.
template <typename Char>
constexpr size_t dollar_tag(std::basic_string_view<Char> text, size_t at) {
  size_t end = at + 1;
  if (end < text.size() && is_word_start(text[end])) {
    while (end < text.size() && is_word_part(text[end]) && text[end] != '$') ++end;
  }
  return end < text.size() && text[end] == '$' ? end + 1 - at : 0;
}

template <typename Char>
constexpr Piece dollar(std::basic_string_view<Char> text, size_t at) {
  const size_t tag = dollar_tag(text, at);
  if (tag > 0) {
    const size_t close = text.find(text.substr(at, tag), at + tag);
    if (close == text.npos) return {Kind::dollar_string, at, text.size(), false};
    return {Kind::dollar_string, at, close + tag, true};
  }
  size_t end = at + 1;
  while (end < text.size() && is_digit(text[end])) ++end;
  return {end > at + 1 ? Kind::number : Kind::symbol, at, end, true};
}

// A word, or the literal that a one-letter word introduces.
template <typename Char>
constexpr Piece word(std::basic_string_view<Char> text, size_t at) {
  const size_t end = word_end(text, at);
  if (end == at + 1 && end < text.size()) {
    const bool is_e = text[at] == 'e' || text[at] == 'E';
    if (is_e && text[end] == '\'') return literal(text, at, end, Kind::escape_string);
    const bool is_u = text[at] == 'u' || text[at] == 'U';
    if (is_u && text[end] == '&' && end + 1 < text.size()) {
      if (text[end + 1] == '\'') return literal(text, at, end + 1, Kind::unicode_string);
      if (text[end + 1] == '"') return literal(text, at, end + 1, Kind::unicode_name);
    }
  }
  return {Kind::word, at, end, true};
}

// The piece that starts at `at`; Kind::end at the end of text.
template <typename Char>
constexpr Piece next(std::basic_string_view<Char> text, size_t at) {
  if (at >= text.size()) return {Kind::end, at, at, true};
  const Char c = text[at];
  if (is_space(c)) return {Kind::space, at, space_end(text, at), true};
  if (comment_starts(text, at)) return comment(text, at);
  if (c == '\'') return literal(text, at, at, Kind::string);
  if (c == '"') return literal(text, at, at, Kind::quoted_name);
  if (c == '$') return dollar(text, at);
  if (is_word_start(c)) return word(text, at);
  if (!is_digit(c)) return {Kind::symbol, at, at + 1, true};
  size_t end = at;
  while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) ++end;
  return {Kind::number, at, end, true};
}

}  // namespace metadb::grammar::scan
