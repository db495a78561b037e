#include "catalog/types.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <string>

namespace metadb::catalog {
namespace {

// In the order of PgType. OIDs are those of PostgreSQL's pg_type.dat.
constexpr std::array kTypes = {
    PgTypeRow{PgType::boolean, "boolean", "boolean", 16, true, true},
    PgTypeRow{PgType::int2, "smallint", "smallint", 21, true, true},
    PgTypeRow{PgType::int4, "integer", "integer", 23, true, true},
    PgTypeRow{PgType::int8, "bigint", "bigint", 20, true, true},
    PgTypeRow{PgType::float4, "real", "real", 700, true, true},
    PgTypeRow{PgType::float8, "double precision", "double precision", 701, true, true},
    PgTypeRow{PgType::numeric, "numeric", "numeric", 1700, true, false},
    PgTypeRow{PgType::text, "text", "text", 25, true, false},
    PgTypeRow{PgType::bytea, "bytea", "bytea", 17, true, false},
    PgTypeRow{PgType::date, "date", "date", 1082, true, true},
    PgTypeRow{PgType::time, "time without time zone", "time", 1083, true, true},
    PgTypeRow{PgType::timetz, "time with time zone", "timetz", 1266, true, true},
    PgTypeRow{PgType::timestamp, "timestamp without time zone", "timestamp", 1114, true, true},
    PgTypeRow{PgType::timestamptz, "timestamp with time zone", "timestamptz", 1184, true, true},
    PgTypeRow{PgType::uuid, "uuid", "uuid", 2950, true, true},
    PgTypeRow{PgType::json, "json", "json", 114, false, false},
    PgTypeRow{PgType::jsonb, "jsonb", "jsonb", 3802, true, false},
};

// One lossless step: every value of `from` has an exact twin in `to`. Steps compose. Of several
// wider types the first row wins, so narrower targets stand first. A float reaches numeric
// through its text, which is the shortest that reads back as the same float; integers reach a
// float only where its mantissa holds them all (24 bits, 53 bits).
struct Step {
  PgType from;
  PgType to;
};
constexpr std::array kSteps = {
    Step{PgType::int2, PgType::int4},      Step{PgType::int4, PgType::int8},
    Step{PgType::int2, PgType::float4},    Step{PgType::int4, PgType::float8},
    Step{PgType::float4, PgType::float8},  Step{PgType::int8, PgType::numeric},
    Step{PgType::float8, PgType::numeric}, Step{PgType::date, PgType::timestamp},
};

// Candidates for the common wider type of two, narrowest first.
constexpr std::array kWider = {PgType::int4,   PgType::int8,    PgType::float4,
                               PgType::float8, PgType::numeric, PgType::timestamp};

constexpr bool is_number(PgType type) {
  return type >= PgType::int2 && type <= PgType::numeric;
}

// Whether PostgreSQL itself casts values of the one type to the other (pg_cast; all versions).
constexpr bool has_cast(PgType from, PgType to) {
  using enum PgType;
  if (from == to || from == text || to == text || (is_number(from) && is_number(to))) return true;
  switch (from) {
    case boolean:
      return to == int4;
    case int4:
      return to == boolean;
    case date:
      return to == timestamp || to == timestamptz;
    case time:
      return to == timetz;
    case timetz:
      return to == time;
    case timestamp:
      return to == date || to == time || to == timestamptz;
    case timestamptz:
      return to == date || to == time || to == timetz || to == timestamp;
    case json:
      return to == jsonb;
    case jsonb:
      return to == json || to == boolean || is_number(to);
    default:
      return false;
  }
}

constexpr bool is_json(PgType type) {
  return type == PgType::json || type == PgType::jsonb;
}

constexpr bool fits(PgType from, PgType to) {
  if (from == to) return true;
  for (const Step& step : kSteps) {
    if (step.from == from && fits(step.to, to)) return true;
  }
  return false;
}

}  // namespace

std::span<const PgTypeRow> pg_types() {
  return kTypes;
}

const PgTypeRow& row_of(PgType type) {
  const PgTypeRow& row = kTypes.at(static_cast<size_t>(type));
  assert(row.type == type);
  return row;
}

std::optional<PgType> pg_type_named(std::string_view format_type_name) {
  if (format_type_name == "character varying") return PgType::text;
  const auto* row = std::find_if(kTypes.begin(), kTypes.end(),
                                 [&](const PgTypeRow& r) { return r.name == format_type_name; });
  if (row == kTypes.end()) return std::nullopt;
  return row->type;
}

PgType widened(PgType column, PgType incoming) {
  if (column == incoming) return column;
  // A json column is json because its source or a user said so: it takes JSON in any form and
  // never turns into text because a source declares the same documents as text.
  if (is_json(column) && (is_json(incoming) || incoming == PgType::text)) return column;
  for (const PgType candidate : kWider) {
    if (fits(column, candidate) && fits(incoming, candidate)) return candidate;
  }
  return PgType::text;
}

std::string cast_sql(PgType from, PgType to, std::string_view expression) {
  const std::string inner(expression);
  if (from == to) return inner;
  // PostgreSQL's own cast keeps 15 digits of a float8 and 6 of a float4.
  const bool is_float = from == PgType::float4 || from == PgType::float8;
  const bool is_through_text = (to == PgType::numeric && is_float) || !has_cast(from, to);
  return "(" + inner + ")" + (is_through_text ? "::text" : "") + "::" + std::string(row_of(to).sql);
}

}  // namespace metadb::catalog
