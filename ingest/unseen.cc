#include "ingest/unseen.h"

#include <spdlog/spdlog.h>

namespace metadb::ingest {

std::set<catalog::TableName> tables_with_unseen(catalog::Connection& connection) {
  std::set<catalog::TableName> out;
  const catalog::Result unseen =
      connection.exec("SELECT DISTINCT schema_name, table_name FROM metadb.unresolved");
  for (int row = 0; row < unseen.rows(); ++row)
    out.emplace(unseen.text(row, 0), unseen.text(row, 1));
  return out;
}

void warn_of_unseen(const catalog::Table& table) {
  spdlog::warn(
      "{}: an update leaves as it is a large value that was never seen here, so that it is NULL; "
      "LIST TABLES counts these, metadb.unresolved lists them, a snapshot of the table brings them",
      table.main());
}

}  // namespace metadb::ingest
