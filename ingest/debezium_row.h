// One struct of a payload to the cells of a row.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ingest/change.h"
#include "ingest/debezium_schema.h"
#include "ingest/json.h"

namespace metadb::ingest {

// Reads structs by their plan; keeps its scratch space between rows. One thread.
// All functions throw DecodeError that names the column.
class RowReader {
 public:
  // With `has_numeric_infinity` false such a value is one that its column is too narrow for.
  explicit RowReader(bool has_numeric_infinity) : has_numeric_infinity_(has_numeric_infinity) {}

  // All cells of `object`. A field that is missing is NULL; a member that the plan does not know
  // is an error, since its value would be lost. With `has_markers`, unavailable values are NULL
  // and listed.
  Row row(const StructPlan& plan, const JsonNode& object, bool has_markers);
  // A row of NULLs but for the key columns, which come from the record's key; `before` (may be
  // null) gives those that the key encodes differently from the row.
  Row key_row(const StructPlan& plan, const StructPlan& key_plan, const JsonNode& key,
              const JsonNode* before);
  // The key's cells in the order of `schema.key`, encoded as the row's columns.
  std::string key_cells(const StructPlan& plan, const RowSchema& schema, const JsonNode& key);
  // The columns, since the last call, with a text that held U+0000, which became U+FFFD.
  std::set<std::string> take_replaced() { return std::exchange(replaced_, {}); }

 private:
  void match(const StructPlan& plan, const JsonNode& object);
  Row cells(const StructPlan& plan, bool has_markers, size_t bytes);

  bool has_numeric_infinity_;
  std::vector<const JsonNode*> values_;  // by column; null = no value
  std::set<std::string> replaced_;
};

}  // namespace metadb::ingest
