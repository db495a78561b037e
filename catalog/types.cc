#include "catalog/types.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <string>

namespace metadb::catalog {
namespace {

constexpr PgTypeRow array(PgType type, std::string_view name, std::string_view sql, uint32_t oid,
                          PgType element) {
  return {type, name, sql, oid, element != PgType::json, false, element};
}

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
    PgTypeRow{PgType::inet, "inet", "inet", 869, true, true},
    PgTypeRow{PgType::cidr, "cidr", "cidr", 650, true, true},
    PgTypeRow{PgType::macaddr, "macaddr", "macaddr", 829, true, true},
    PgTypeRow{PgType::macaddr8, "macaddr8", "macaddr8", 774, true, true},
    PgTypeRow{PgType::interval, "interval", "interval", 1186, true, true},
    PgTypeRow{PgType::varbit, "bit varying", "varbit", 1562, true, false},
    PgTypeRow{PgType::int4range, "int4range", "int4range", 3904, true, true},
    PgTypeRow{PgType::int8range, "int8range", "int8range", 3926, true, true},
    PgTypeRow{PgType::numrange, "numrange", "numrange", 3906, true, false},
    PgTypeRow{PgType::daterange, "daterange", "daterange", 3912, true, true},
    PgTypeRow{PgType::tsrange, "tsrange", "tsrange", 3908, true, true},
    PgTypeRow{PgType::tstzrange, "tstzrange", "tstzrange", 3910, true, true},
    PgTypeRow{PgType::point, "point", "point", 600, false, true},
    PgTypeRow{PgType::line, "line", "line", 628, false, true},
    PgTypeRow{PgType::circle, "circle", "circle", 718, false, true},
    PgTypeRow{PgType::box, "box", "box", 603, false, true},
    PgTypeRow{PgType::lseg, "lseg", "lseg", 601, false, true},
    PgTypeRow{PgType::path, "path", "path", 602, false, false},
    PgTypeRow{PgType::polygon, "polygon", "polygon", 604, false, false},
    array(PgType::boolean_array, "boolean[]", "boolean[]", 1000, PgType::boolean),
    array(PgType::int2_array, "smallint[]", "smallint[]", 1005, PgType::int2),
    array(PgType::int4_array, "integer[]", "integer[]", 1007, PgType::int4),
    array(PgType::int8_array, "bigint[]", "bigint[]", 1016, PgType::int8),
    array(PgType::float4_array, "real[]", "real[]", 1021, PgType::float4),
    array(PgType::float8_array, "double precision[]", "double precision[]", 1022, PgType::float8),
    array(PgType::numeric_array, "numeric[]", "numeric[]", 1231, PgType::numeric),
    array(PgType::text_array, "text[]", "text[]", 1009, PgType::text),
    array(PgType::bytea_array, "bytea[]", "bytea[]", 1001, PgType::bytea),
    array(PgType::date_array, "date[]", "date[]", 1182, PgType::date),
    array(PgType::time_array, "time without time zone[]", "time[]", 1183, PgType::time),
    array(PgType::timetz_array, "time with time zone[]", "timetz[]", 1270, PgType::timetz),
    array(PgType::timestamp_array, "timestamp without time zone[]", "timestamp[]", 1115,
          PgType::timestamp),
    array(PgType::timestamptz_array, "timestamp with time zone[]", "timestamptz[]", 1185,
          PgType::timestamptz),
    array(PgType::uuid_array, "uuid[]", "uuid[]", 2951, PgType::uuid),
    array(PgType::json_array, "json[]", "json[]", 199, PgType::json),
    array(PgType::jsonb_array, "jsonb[]", "jsonb[]", 3807, PgType::jsonb),
    array(PgType::inet_array, "inet[]", "inet[]", 1041, PgType::inet),
    array(PgType::cidr_array, "cidr[]", "cidr[]", 651, PgType::cidr),
    array(PgType::macaddr_array, "macaddr[]", "macaddr[]", 1040, PgType::macaddr),
    array(PgType::macaddr8_array, "macaddr8[]", "macaddr8[]", 775, PgType::macaddr8),
    array(PgType::int4range_array, "int4range[]", "int4range[]", 3905, PgType::int4range),
    array(PgType::int8range_array, "int8range[]", "int8range[]", 3927, PgType::int8range),
    array(PgType::numrange_array, "numrange[]", "numrange[]", 3907, PgType::numrange),
    array(PgType::daterange_array, "daterange[]", "daterange[]", 3913, PgType::daterange),
    array(PgType::tsrange_array, "tsrange[]", "tsrange[]", 3909, PgType::tsrange),
    array(PgType::tstzrange_array, "tstzrange[]", "tstzrange[]", 3911, PgType::tstzrange),
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
    Step{PgType::cidr, PgType::inet},
};

// Candidates for the common wider type of two, narrowest first.
constexpr std::array kWider = {PgType::int4,    PgType::int8,      PgType::float4, PgType::float8,
                               PgType::numeric, PgType::timestamp, PgType::inet};

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
      return to == timetz || to == interval;
    case interval:
      return to == time;
    case inet:
      return to == cidr;
    case cidr:
      return to == inet;
    case macaddr:
      return to == macaddr8;
    case macaddr8:
      return to == macaddr;
    case point:
      return to == box;
    case lseg:
      return to == point;
    case path:
      return to == polygon;
    case circle:
      return to == point || to == box || to == polygon;
    case box:
      return to == point || to == lseg || to == circle || to == polygon;
    case polygon:
      return to == point || to == path || to == circle || to == box;
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

std::optional<PgType> array_of(PgType element) {
  const auto* row = std::find_if(kTypes.begin(), kTypes.end(),
                                 [&](const PgTypeRow& r) { return r.element == element; });
  if (row == kTypes.end()) return std::nullopt;
  return row->type;
}

bool has_hash(PgType type) {
  return row_of(type).has_btree && type != PgType::varbit;
}

bool is_equal_by_index(PgType type) {
  return row_of(type).has_btree && type != PgType::jsonb;
}

PgType widened(PgType column, PgType incoming) {
  if (column == incoming) return column;
  // A json column is json because its source or a user said so: it takes JSON in any form and
  // does not turn into text because a source declares the same documents as text. The text of a
  // jsonb is a json; of a json jsonb keeps neither spelling nor members that are named twice.
  if (is_json(column) && (is_json(incoming) || incoming == PgType::text)) return PgType::json;
  const auto element = row_of(column).element;
  const auto incoming_element = row_of(incoming).element;
  if (element && incoming_element) {
    return array_of(widened(*element, *incoming_element)).value_or(PgType::text);
  }
  for (const PgType candidate : kWider) {
    if (fits(column, candidate) && fits(incoming, candidate)) return candidate;
  }
  return PgType::text;
}

std::string cast_sql(PgType from, PgType to, std::string_view expression) {
  const std::string inner(expression);
  if (from == to) return inner;
  // Of an address the cast to text writes the length of the prefix always, the type's own output
  // only where there is one; concat() is that output, and makes '' of NULL.
  if (from == PgType::inet && to == PgType::text) {
    return "CASE WHEN (" + inner + ") IS NOT NULL THEN concat(" + inner + ") END";
  }
  // PostgreSQL's own cast keeps 15 digits of a float8 and 6 of a float4.
  const bool is_float = from == PgType::float4 || from == PgType::float8;
  const bool is_through_text = (to == PgType::numeric && is_float) || !has_cast(from, to);
  return "(" + inner + ")" + (is_through_text ? "::text" : "") + "::" + std::string(row_of(to).sql);
}

}  // namespace metadb::catalog
