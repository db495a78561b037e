// One file of external SQL, run.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "catalog/catalog.h"

namespace metadb::server {

struct ExternalSqlFile {
  std::string name;  // as runlist.txt has it
  std::string text;
  std::string schema;  // of its unqualified names
  std::chrono::seconds timeout{};
};

struct FileOutcome {
  std::string file;
  double seconds = 0;
  int line = 0;                         // of the statement that failed; 0: none of them did
  std::optional<catalog::Error> error;  // nullopt: it is committed
};

// Runs the statements in one transaction, as the system user, on a connection of its own, so that
// nothing of a file reaches the next one. What it makes anew keeps the rights that the old one had;
// metadb.table_update tells of the table that it says it makes. Throws Error 57014 if `stop` is
// requested; whatever else goes wrong is in the outcome, and nothing of the file has happened.
FileOutcome run_file(catalog::Catalog& catalog, const ExternalSqlFile& file,
                     const std::stop_token& stop);

// "file "a.sql", line 3: why"
std::string described(const FileOutcome& outcome);

}  // namespace metadb::server
