// Why a message cannot become a change.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace metadb::ingest {

// The bytes of one message are not what they claim to be, or hold a value that PostgreSQL cannot.
// Names the member or column. The message goes to the dead letters; its neighbours go on.
struct DecodeError : std::runtime_error {
  explicit DecodeError(const std::string& reason, std::string_view sqlstate_ = "22P02")
      : std::runtime_error(reason), sqlstate(sqlstate_) {}

  std::string sqlstate;  // class 22
};

// A value is in order and does not fit the type of its column, which could have a wider one.
struct TypeTooNarrow : DecodeError {
  TypeTooNarrow(const DecodeError& error, size_t column_) : DecodeError(error), column(column_) {}

  size_t column;
};

// The beginning of a text from a message, fit to be part of an error: short, and such that a text
// column can hold it. REQUIRES: valid UTF-8.
std::string excerpt(std::string_view text);

}  // namespace metadb::ingest
