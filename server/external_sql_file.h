// A file of external SQL, taken apart: statements with empty lines between them, and directives,
// comments that begin with --metadb: on a line of their own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace metadb::server {

// One or more of SQL's statements, as they stand between two empty lines.
struct ExternalStatement {
  std::string sql;
  int line = 0;  // of its first word; 1 is the file's first line
};

// --metadb:require SCHEMA.TABLE.COLUMN TYPE
struct RequiredColumn {
  std::string schema;
  std::string table;  // the current table, also where the main table was named
  std::string column;
  std::string type;
  int line = 0;
};

struct ExternalFile {
  std::vector<ExternalStatement> statements;
  std::optional<std::string> table;  // --metadb:table NAME: what the file makes
  std::vector<RequiredColumn> required;
  std::vector<std::string> unknown_directives;  // as they stand
};

// Empty lines within literals, quoted names and comments separate nothing. Throws catalog::Error
// 42601 for a directive that does not parse, with the line in its message.
ExternalFile parse_external_file(std::string_view text);

}  // namespace metadb::server
