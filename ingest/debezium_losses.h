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
  bytes_as_text,
  time_in_millis,
  nanosecond_range,  // in events of PostgreSQL's connector
  zone_dropped,
  leading_zeros,
  filled_up,
  null_as_unchanged,  // in events of PostgreSQL's connector
  no_schema,          // of whole tables
  passed_over,        // fields of a flattened row, as far as their names tell
};

// debezium-format 7, 8, 10 and 11.
std::vector<Loss> losses_of(const FieldSchema& field);

// For the log: what is lost in those columns of the table, and the setting to change.
std::string described(Loss loss, std::string_view table, const std::vector<std::string>& columns);
// Whether the log warns of it. Else it only says so: the settings may be in order, or there is
// none.
bool is_warning(Loss loss);
// Whether only PostgreSQL's connector loses it.
bool is_of_postgresql(Loss loss);

}  // namespace metadb::ingest
