// The gate in front of the parser: which texts are worth a closer look, and where statements end.
//
// Works on bytes of UTF-8 or of any encoding in which a byte below 0x80 is always ASCII.
#pragma once

#include <string_view>
#include <vector>

namespace metadb::grammar {

// Whether any statement in `text` may be a Metadb command. false is certain; true asks for
// split() and parse(). Linear in the text, no allocation; ordinary SQL costs its first word or two
// and a memchr.
bool may_be_ours(std::string_view text) noexcept;

// The statements of a simple query string, cut at top-level semicolons as PostgreSQL cuts them.
// Semicolons within quotes, dollar quotes, comments, parentheses and BEGIN ATOMIC bodies do not
// count. The views point into `text`, without the semicolon and without white space at the ends
// (comments stay); pieces of white space and comments alone are left out.
std::vector<std::string_view> split(std::string_view text);

}  // namespace metadb::grammar
