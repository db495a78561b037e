// Texts of columns whose values have become too wide for their type: what still fits it reads as
// PostgreSQL prints it, whatever the event writes.
#pragma once

#include <string>

#include "ingest/debezium_types.h"

namespace metadb::ingest {

// Appends the text of the value that `narrow` makes one of that type. False if it does not take the
// value, or nothing prints the type; nothing is appended then.
bool append_printed(Converter narrow, catalog::PgType type, const JsonNode& value,
                    const TypeParameters& parameters, std::string& out);

// `kOther` says what all others become.
template <Converter kNarrow, catalog::PgType kType, Converter kOther>
void convert_printed(const JsonNode& value, const TypeParameters& parameters, std::string& out) {
  if (!append_printed(kNarrow, kType, value, parameters, out)) kOther(value, parameters, out);
}
// Of a time in so many units a second; what lies outside a day as MySQL prints it: -838:59:59.
template <int64_t kPerSecond>
void convert_time_to_text(const JsonNode& value, const TypeParameters& parameters,
                          std::string& out);
extern template void convert_time_to_text<1'000>(const JsonNode&, const TypeParameters&,
                                                 std::string&);
extern template void convert_time_to_text<1'000'000>(const JsonNode&, const TypeParameters&,
                                                     std::string&);
extern template void convert_time_to_text<1'000'000'000>(const JsonNode&, const TypeParameters&,
                                                         std::string&);
void convert_timestamp_nanos_to_text(const JsonNode& value, const TypeParameters& parameters,
                                     std::string& out);
void convert_iso_time_to_text(const JsonNode& value, const TypeParameters& parameters,
                              std::string& out);
void convert_iso_timestamp_to_text(const JsonNode& value, const TypeParameters& parameters,
                                   std::string& out);
void convert_zoned_timestamp_to_text(const JsonNode& value, const TypeParameters& parameters,
                                     std::string& out);
// An array that fits its type as PostgreSQL prints it, any other as its JSON.
void convert_array_to_text(const JsonNode& value, const TypeParameters& parameters,
                           std::string& out);

}  // namespace metadb::ingest
