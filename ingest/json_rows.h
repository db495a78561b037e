// What mapped JSON documents become: rows of named values. No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/json_mappings.h"
#include "ingest/json.h"

namespace metadb::ingest {

// What is mapped of the documents in one column: a tree, whose root stands for `$`.
struct JsonMap {
  std::string id;
  std::string field;  // the name in the object above; empty for the root
  std::vector<JsonMap> fields;
  bool operator==(const JsonMap&) const = default;
};

// nullopt if `$` is not mapped. Paths whose parents are not mapped are left out.
// REQUIRES: mappings of one column.
std::optional<JsonMap> json_map(std::span<const catalog::JsonMapping> mappings);

// The name of a column for a field: createdDate becomes created_date, HTMLParser html_parser; a
// leading # or @ is dropped. May be empty, or what another field's is.
std::string snake_case(std::string_view field);

// What the scalars of a field are. A column that two of them meet in is text.
enum class JsonType : uint8_t { boolean, numeric, text, timestamp, timestamptz };

// nullopt: null, an object or an array.
std::optional<JsonType> json_type(const JsonNode& value);

// A date and a time of day with T or a space between them, as ISO 8601 and PostgreSQL know it.
struct JsonTime {
  int64_t us = 0;  // since 1970: UTC, or as it stands if there is no zone
  bool has_zone = false;
};
// nullopt also for what PostgreSQL would take and make another value of: 24:00, leap seconds, a
// fraction finer than a microsecond.
std::optional<JsonTime> iso_time(std::string_view text);

// Appends the scalar as a field of binary COPY. A text is what stands in the document: of a string
// without its quotes, U+0000 as U+FFFD. REQUIRES: json_type(value) is `type`, or `type` is text.
void append_json_cell(std::string& out, const JsonNode& value, JsonType type);

// An array on the way to a row, and which of its elements holds the row, counted from 1.
struct JsonLevel {
  const JsonMap* array = nullptr;
  int32_t depth = 1;  // of an array directly in the mapped one 2, in such a one 3, ...
  int32_t ordinal = 0;
};

// Takes the rows of documents, one after the other: begin, its values, end.
class JsonRowSink {
 public:
  virtual ~JsonRowSink() = default;
  // `table`: the root, or a mapped array.
  virtual void begin(const JsonMap& table, std::span<const JsonLevel> levels) = 0;
  // A member of the object that the row is, or of the mapped object `id` in it (empty: of the row
  // itself). One that comes again replaces the one before, and what is no scalar empties it.
  virtual void member(std::string_view id, std::string_view field, const JsonNode& value) = 0;
  // The row is an element that is no object: a scalar or null.
  virtual void element(const JsonNode& value) = 0;
  virtual void end() = 0;
};

// The document if `text` is JSON, nested no deeper than JsonParser takes; else null. Half a
// surrogate pair is U+FFFD. Lives until the next parse.
const JsonNode* parse_json(JsonParser& parser, std::string_view text);

// A row for the object, one for each element of each mapped array and of the arrays directly in it.
// Of equal names in an object the last counts, as in PostgreSQL. What nothing maps is left out.
void transform_json(const JsonMap& map, const JsonNode& document, JsonRowSink& to);

}  // namespace metadb::ingest
