// The PostgreSQL types that a column can have: names, OIDs, and which type may widen into which.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace metadb::catalog {

// One enumerator per row of the table in types.cc.
enum class PgType : uint8_t {
  boolean,
  int2,
  int4,
  int8,
  float4,
  float8,
  numeric,
  text,
  bytea,
  date,
  time,
  timetz,
  timestamp,
  timestamptz,
  uuid,
  json,
  jsonb,
  inet,
  cidr,
  macaddr,
  macaddr8,
  interval,
  varbit,
  int4range,
  int8range,
  numrange,
  daterange,
  tsrange,
  tstzrange,
  point,
  line,
  circle,
  box,
  lseg,
  path,
  polygon,
  boolean_array,
  int2_array,
  int4_array,
  int8_array,
  float4_array,
  float8_array,
  numeric_array,
  text_array,
  bytea_array,
  date_array,
  time_array,
  timetz_array,
  timestamp_array,
  timestamptz_array,
  uuid_array,
  json_array,
  jsonb_array,
  inet_array,
  cidr_array,
  macaddr_array,
  macaddr8_array,
  int4range_array,
  int8range_array,
  numrange_array,
  daterange_array,
  tsrange_array,
  tstzrange_array,
};

struct PgTypeRow {
  PgType type;
  std::string_view name;  // as format_type() prints it, e.g. "timestamp with time zone"
  std::string_view sql;   // as we write it in DDL, e.g. "timestamptz"
  uint32_t oid;           // pg_type.oid; fixed for built-in types
  bool has_btree;         // has a default btree operator class
  bool is_bounded;        // every value fits into an index entry
  std::optional<PgType> element = {};  // of an array
};

// A regular expression of PostgreSQL's: a uuid as uuid_out() writes it.
constexpr std::string_view kCanonicalUuid = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

std::span<const PgTypeRow> pg_types();
const PgTypeRow& row_of(PgType type);
// The type of arrays of `element`; nullopt for an array, and where Debezium never sends any.
std::optional<PgType> array_of(PgType element);
// Can be in a hash index: what can be in a btree, but for bit strings.
bool has_hash(PgType type);
// Values are equal exactly if their entries in the index of a key are (key_expression in tables.h).
// Not so jsonb, whose entry is an md5 of the text, of which equal values have several.
bool is_equal_by_index(PgType type);
// By format_type() name without typmod ("character varying" counts as text); nullopt if unknown.
std::optional<PgType> pg_type_named(std::string_view format_type_name);

// The type that a column of type `column` must have to take values of type `incoming` as well:
// `column` itself if it takes them without loss, else the smallest wider type, else text
// (dialect.md, Types). widened(t, t) == t.
PgType widened(PgType column, PgType incoming);
// SQL that turns `expression` of type `from` into `to`, as PostgreSQL casts it; through text where
// it has no such cast, and where its own loses digits of a float. No value is lost if
// to == widened(to, from).
std::string cast_sql(PgType from, PgType to, std::string_view expression);

}  // namespace metadb::catalog
