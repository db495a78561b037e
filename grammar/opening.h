// The words that open a command: the one table that says which statements the parser sees.
#pragma once

#include <cstdint>
#include <string_view>

namespace metadb::grammar {

enum class Opening : uint8_t {
  foreign,  // PostgreSQL's for certain
  shared,   // PostgreSQL has this verb too
  ours,     // no PostgreSQL statement begins so
  unclear,  // a comment stands before or between the words and Comments::stop was asked for
};

enum class Comments : uint8_t { skip, stop };

// How the statement at the start of `text` opens. Comments::stop bounds the work to white space
// and words, so that trying every semicolon of a text stays linear.
Opening opening_of(std::string_view text, Comments comments = Comments::skip) noexcept;

}  // namespace metadb::grammar
