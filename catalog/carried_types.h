// Types that ingest has no binary form for: their values come as those of another type, which the
// backing database casts. They are extensions', or PostgreSQL's own in a later version than ours
// must be, or with a form of their own (xml, text search).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "catalog/postgres.h"
#include "catalog/types.h"

namespace metadb::catalog {

// One enumerator per row of the table in carried_types.cc.
enum class CarriedType : uint8_t {
  hstore,
  geometry,
  geography,
  vector,
  halfvec,
  sparsevec,
  ltree,
  citext,
  ean13,
  isbn13,
  ismn13,
  issn13,
  isbn,
  ismn,
  issn,
  upc,
  xml,
  tsvector,
  tsquery,
  jsonpath,
  pg_lsn,
  pg_snapshot,
  txid_snapshot,
  xid8,
  int4multirange,
  int8multirange,
  nummultirange,
  datemultirange,
  tsmultirange,
  tstzmultirange,
  line,
  circle,
  box,
  lseg,
  path,
  polygon,
};

struct CarriedTypeRow {
  CarriedType type;
  std::string_view name;       // pg_type.typname
  std::string_view extension;  // whose type it is; empty: PostgreSQL's own
  PgType carrier;  // what its values come as, and stay where the database does not have the type
};

std::span<const CarriedTypeRow> carried_types();
const CarriedTypeRow& row_of(CarriedType type);

// One of them as the type of a column, or arrays of it.
struct CarriedColumn {
  CarriedType type;
  bool is_array = false;
  bool operator==(const CarriedColumn&) const = default;
};

// As format_type() prints it in this database, e.g. public.hstore[]; nullopt if it does not have
// the type, or we may not use it. Asks each time: extensions come and go. What a user has called
// the same is none.
std::optional<std::string> carried_type_name(Connection& connection, const CarriedColumn& column);
// By format_type() name, as far as a name tells; nullopt for all other types.
std::optional<CarriedColumn> carried_type_named(std::string_view format_type_name);
// SQL that turns `expression` of type `from` into the type of that name, as ingest brings its
// values; nullopt if ingest does not bring such values as that type. With a subquery for some:
// not for ALTER TABLE.
std::optional<std::string> carried_cast_sql(PgType from, std::string_view type_name,
                                            const std::string& expression);

}  // namespace metadb::catalog
