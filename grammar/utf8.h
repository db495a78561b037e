// Strict UTF-8: the lexer's runtime would shorten an invalid text without a word.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace metadb::grammar {

// nullopt for anything that PostgreSQL refuses: overlong forms, surrogates, values over U+10FFFF,
// cut sequences, U+0000.
std::optional<std::u32string> decode_utf8(std::string_view text);

void append_utf8(std::string& text, char32_t character);

// How many bytes the sequence that starts with `lead` claims; 1 for a byte that can start none.
size_t utf8_length(char lead);

// The number of bytes before the first invalid sequence; text.size() if there is none.
size_t valid_utf8_prefix(std::string_view text);

// The number of characters in valid UTF-8.
size_t count_characters(std::string_view text);

}  // namespace metadb::grammar
