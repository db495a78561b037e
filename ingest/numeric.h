// Exact decimals in PostgreSQL's binary numeric format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace metadb::ingest {

// Appends the cell of unscaled * 10^-scale. Debezium sends the unscaled integer as big-endian
// two's complement; reading it unsigned turns -1 into 255. `scale` may be negative.
// Throws DecodeError for no bytes, and for what PostgreSQL's numeric cannot hold.
void append_numeric_cell(std::string& out, std::string_view unscaled, int32_t scale);
// Appends the cell of a JSON number, digit for digit. Throws DecodeError if it is none.
void append_numeric_cell(std::string& out, std::string_view json_number);

// The same, or one of PostgreSQL's or Java's words for what is no number: NaN, NAN, Infinity,
// POSITIVE_INFINITY, ... Throws DecodeError 22008 for anything else.
void append_numeric_word_cell(std::string& out, std::string_view text);

}  // namespace metadb::ingest
