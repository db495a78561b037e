#include "catalog/origins.h"

#include <fmt/format.h>

namespace metadb::catalog {

std::vector<std::string> load_origins(Connection& connection) {
  const Result rows = connection.exec("SELECT name FROM metadb.origin ORDER BY name");
  std::vector<std::string> out;
  for (int row = 0; row < rows.rows(); ++row) out.emplace_back(rows.text(row, 0));
  return out;
}

void insert_origin(Connection& connection, const std::string& name) {
  const Result inserted = connection.exec(
      "INSERT INTO metadb.origin (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", {name});
  if (inserted.affected() > 0) return;
  throw Error("42710", fmt::format("data origin \"{}\" already exists", name));
}

}  // namespace metadb::catalog
