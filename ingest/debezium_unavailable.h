// Recognises the marker that Debezium sends for an unchanged TOASTed value.
#pragma once

#include <string>
#include <vector>

#include "catalog/types.h"
#include "ingest/json.h"

namespace metadb::ingest {

// All forms of one unavailable.value.placeholder (debezium-format 10). Only an update, or the
// insert half of a key change, carries markers: elsewhere an equal text is a value.
class UnavailableMarker {
 public:
  static constexpr std::string_view kDefault = "__debezium_unavailable_value";

  // `placeholder` as the connector is configured: a text, or hex: and the bytes' digits.
  explicit UnavailableMarker(std::string_view placeholder = kDefault);
  [[nodiscard]] bool matches(const JsonNode& value, catalog::PgType type) const;

 private:
  [[nodiscard]] bool is_marker_json(const JsonNode& value) const;

  std::string text_;
  std::string base64_;
  std::string hstore_;               // json mode: JSON text; map mode: the same as an object
  std::vector<std::string> arrays_;  // as the JSON of the message spells them
};

}  // namespace metadb::ingest
