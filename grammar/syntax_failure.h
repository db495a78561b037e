// How a stage of the parser gives up. Thrown within the room only; parse() turns it into a value.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "grammar/parse.h"

namespace metadb::grammar {

struct SyntaxFailure {
  SyntaxError error;
};

// PostgreSQL's scanner_yyerror: the complaint and the text of the token.
inline SyntaxFailure failure_near(std::string_view complaint, std::string_view near, int position) {
  std::string message(complaint);
  message.append(" at or near \"").append(near).append("\"");
  return {{"42601", std::move(message), "", position}};
}

}  // namespace metadb::grammar
