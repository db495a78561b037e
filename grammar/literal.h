// From a token as written to what it means.
#pragma once

#include <string>
#include <string_view>

namespace metadb::grammar {

// An unquoted word as a name: ASCII letters to lower case, cut to 63 bytes.
std::string fold_name(std::string_view word);

// A "quoted" name: quotes undone, cut to 63 bytes.
std::string unquote_name(std::string_view quoted);

// A string of any kind ('...', E'...', $tag$...$tag$), with its continuations.
// `position` is that of its first character, for errors. Throws SyntaxFailure for escapes that
// PostgreSQL refuses.
std::string decode_string(std::string_view written, int position);

}  // namespace metadb::grammar
