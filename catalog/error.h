// The one error type that ends a command or a batch.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace metadb::catalog {

// A failure with its SQLSTATE and the fields of PostgreSQL's ErrorResponse that we fill.
// Thrown where the fault is known, caught in four places only: the session (becomes an
// ErrorResponse), the worker (status, backoff), maintenance and main. Carries no secrets.
struct Error : std::runtime_error {
  Error(std::string_view sqlstate_, const std::string& message_)
      : std::runtime_error(message_), sqlstate(sqlstate_) {}

  [[nodiscard]] std::string message() const { return what(); }
  [[nodiscard]] Error with_detail(std::string text) && {
    detail = std::move(text);
    return std::move(*this);
  }
  [[nodiscard]] Error with_hint(std::string text) && {
    hint = std::move(text);
    return std::move(*this);
  }
  [[nodiscard]] Error with_position(int characters) && {
    position = characters;
    return std::move(*this);
  }

  std::string sqlstate;  // five characters, PostgreSQL appendix A
  std::string detail;
  std::string hint;
  std::string context;
  std::string constraint;  // name of the violated constraint, if PostgreSQL said one
  int position = 0;        // 1-based, in characters of the command; 0 = none
};

// All that helps a reader of a status or a log line: message (SQLSTATE); detail; hint.
std::string described(const Error& error);

}  // namespace metadb::catalog
