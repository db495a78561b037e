// Rules that make tables of the JSON documents in a column.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/postgres.h"

namespace metadb::catalog {

// What is found at `path` of the documents in a column of main table schema.table__ goes to a table
// or to columns named by `id`.
struct JsonMapping {
  std::string schema_name;
  std::string table_name;  // of the current table
  std::string column_name;
  std::string path;  // as json_path_text() writes it
  std::string id;
};

// A path to an object or array: the names of the fields on the way, none for the document itself.
// An array on the way needs no step of its own: what follows is looked for in each of its elements.
using JsonPath = std::vector<std::string>;

// Reads `$`, `$.a.b`, `$."a.b"`; in a quoted name \" and \\ stand for themselves. Throws Error
// 22023 that says what is wrong.
JsonPath parse_json_path(std::string_view text);
// The shortest text that reads as this path: one path, one text.
std::string json_path_text(const JsonPath& path);
// Throws Error 42602 unless `id` can be part of a name: a-z first, then a-z, 0-9 and _; at most 16.
void check_mapping_id(std::string_view id);

// In the order of table, column and path.
std::vector<JsonMapping> load_json_mappings(Connection& connection);
// Throws Error 42710 if the path of the column is mapped already, or the id taken in this table.
void insert_json_mapping(Connection& connection, const JsonMapping& mapping);
// Throws Error 42704 if there is none for this path.
void delete_json_mapping(Connection& connection, const JsonMapping& mapping);

}  // namespace metadb::catalog
