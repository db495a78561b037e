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

// Of the cell of an integer that begins at `begin`: shows no digits behind the point. Any other
// number stays as it is.
void trim_numeric_cell(std::string& out, size_t begin);
// Appends the cell of a decimal as text, or of one of PostgreSQL's or Java's words for what is no
// number: NaN, NAN, Infinity,
// POSITIVE_INFINITY, ... Throws DecodeError 22008 for anything else.
void append_numeric_word_cell(std::string& out, std::string_view text);

}  // namespace metadb::ingest
