// What a connector's settings lose before a value reaches us, as far as a schema tells.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/debezium_types.h"

namespace metadb::ingest {

enum class Loss : uint8_t {
  null_as_default,
  rounded_decimal,
  interval_in_micros,
  bytea_as_text,
  time_in_millis,
  null_as_unchanged,  // in events of PostgreSQL's connector
  no_schema,          // of whole tables
};

// debezium-format 7, 8, 10 and 11.
std::vector<Loss> losses_of(const FieldSchema& field);

// For the log: what is lost in those columns of the table, and the setting to change.
std::string described(Loss loss, std::string_view table, const std::vector<std::string>& columns);
// Whether it is lost for sure; else the settings may be in order, which no message tells.
bool is_certain(Loss loss);

}  // namespace metadb::ingest
