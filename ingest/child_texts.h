// Columns of transformed tables that have become text: what stands in the documents.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/tables.h"
#include "ingest/json_rows.h"

namespace metadb::ingest {

// Columns that are text now, of one transformed table.
struct TextColumns {
  struct Column {
    std::string name;
    std::optional<JsonType> former;  // its type before; nullopt: one that was chosen
  };
  const catalog::Table& parent;
  const catalog::Table& child;
  std::string document;  // column of the parent
  const JsonMap& map;    // of that column
  std::string id;        // of the transformed table
  std::vector<Column> columns;
};

// Gives the columns' values, current and history, the texts that stand in the documents, in place
// of those that PostgreSQL has made of their former values. Returns how many keep theirs: the
// version of the parent at which they came is gone, or has no such value at their place.
// REQUIRES: a transaction.
int64_t derive_texts(catalog::Connection& connection, const TextColumns& texts);

}  // namespace metadb::ingest
