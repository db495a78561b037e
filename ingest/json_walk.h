// A JSON document taken apart into the rows that it is mapped to.
#pragma once

#include <cstdint>
#include <vector>

#include "ingest/json_rows.h"

namespace metadb::ingest {

class JsonWalk;

// Knows arrays whose elements are not in the tree that is walked.
class JsonArraysElsewhere {
 public:
  virtual ~JsonArraysElsewhere() = default;
  // False: they are in the tree. True: the walk has been given all of them.
  virtual bool walk(const JsonMap& table, const JsonNode& array, JsonWalk& walk) = 0;
};

class JsonWalk {
 public:
  // `elsewhere`: null if all is in the tree. Both outlive the walk.
  explicit JsonWalk(JsonRowSink& to, JsonArraysElsewhere* elsewhere = nullptr)
      : to_(to), elsewhere_(elsewhere) {}

  void document(const JsonMap& map, const JsonNode& value);
  // Some elements of the array that the walk is in, those before them having been walked.
  void next_elements(const JsonMap& table, const JsonNode& array);

 private:
  struct Array {
    const JsonMap* map;
    const JsonNode* value;
  };
  void row(const JsonMap& table, const JsonNode& value);
  void members(const JsonMap& map, const JsonNode& object, std::string_view id,
               std::vector<Array>& arrays);
  void elements(const JsonMap& table, const JsonNode& array, int32_t depth);

  JsonRowSink& to_;
  JsonArraysElsewhere* elsewhere_;
  std::vector<JsonLevel> levels_;
};

}  // namespace metadb::ingest
