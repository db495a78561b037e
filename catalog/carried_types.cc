#include "catalog/carried_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

namespace metadb::catalog {
namespace {

// In the order of CarriedType.
constexpr std::array kTypes = {
    CarriedTypeRow{CarriedType::hstore, "hstore", "hstore", PgType::jsonb},
    CarriedTypeRow{CarriedType::geometry, "geometry", "postgis", PgType::bytea},
    CarriedTypeRow{CarriedType::geography, "geography", "postgis", PgType::bytea},
    CarriedTypeRow{CarriedType::vector, "vector", "vector", PgType::text},
    CarriedTypeRow{CarriedType::halfvec, "halfvec", "vector", PgType::text},
    CarriedTypeRow{CarriedType::sparsevec, "sparsevec", "vector", PgType::text},
    CarriedTypeRow{CarriedType::ltree, "ltree", "ltree", PgType::text},
    CarriedTypeRow{CarriedType::citext, "citext", "citext", PgType::text},
    CarriedTypeRow{CarriedType::ean13, "ean13", "isn", PgType::text},
    CarriedTypeRow{CarriedType::isbn13, "isbn13", "isn", PgType::text},
    CarriedTypeRow{CarriedType::ismn13, "ismn13", "isn", PgType::text},
    CarriedTypeRow{CarriedType::issn13, "issn13", "isn", PgType::text},
    CarriedTypeRow{CarriedType::isbn, "isbn", "isn", PgType::text},
    CarriedTypeRow{CarriedType::ismn, "ismn", "isn", PgType::text},
    CarriedTypeRow{CarriedType::issn, "issn", "isn", PgType::text},
    CarriedTypeRow{CarriedType::upc, "upc", "isn", PgType::text},
    CarriedTypeRow{CarriedType::xml, "xml", "", PgType::text},
    CarriedTypeRow{CarriedType::tsvector, "tsvector", "", PgType::text},
    CarriedTypeRow{CarriedType::tsquery, "tsquery", "", PgType::text},
    CarriedTypeRow{CarriedType::jsonpath, "jsonpath", "", PgType::text},
    CarriedTypeRow{CarriedType::pg_lsn, "pg_lsn", "", PgType::text},
    CarriedTypeRow{CarriedType::pg_snapshot, "pg_snapshot", "", PgType::text},
    CarriedTypeRow{CarriedType::txid_snapshot, "txid_snapshot", "", PgType::text},
    CarriedTypeRow{CarriedType::xid8, "xid8", "", PgType::text},
    CarriedTypeRow{CarriedType::int4multirange, "int4multirange", "", PgType::text},
    CarriedTypeRow{CarriedType::int8multirange, "int8multirange", "", PgType::text},
    CarriedTypeRow{CarriedType::nummultirange, "nummultirange", "", PgType::text},
    CarriedTypeRow{CarriedType::datemultirange, "datemultirange", "", PgType::text},
    CarriedTypeRow{CarriedType::tsmultirange, "tsmultirange", "", PgType::text},
    CarriedTypeRow{CarriedType::tstzmultirange, "tstzmultirange", "", PgType::text},
    CarriedTypeRow{CarriedType::line, "line", "", PgType::text},
    CarriedTypeRow{CarriedType::circle, "circle", "", PgType::text},
    CarriedTypeRow{CarriedType::box, "box", "", PgType::text},
    CarriedTypeRow{CarriedType::lseg, "lseg", "", PgType::text},
    CarriedTypeRow{CarriedType::path, "path", "", PgType::text},
    CarriedTypeRow{CarriedType::polygon, "polygon", "", PgType::text},
};

constexpr std::string_view kArray = "[]";

struct NamedType {
  std::string_view schema;  // quoted where need be, with its point; empty: pg_catalog
  std::string_view name;
  bool is_array = false;
};

// None of the names that are looked for needs quotes.
NamedType parts_of(std::string_view format_type_name) {
  NamedType out;
  out.is_array = format_type_name.ends_with(kArray);
  if (out.is_array) format_type_name.remove_suffix(kArray.size());
  const size_t point = format_type_name.rfind('.');
  const size_t begin = point == std::string_view::npos ? 0 : point + 1;
  out.schema = format_type_name.substr(0, begin);
  out.name = format_type_name.substr(begin);
  return out;
}

// `schema`: as in NamedType.
std::string value_sql(CarriedType type, std::string_view schema, const std::string& value) {
  const std::string_view name = row_of(type).name;
  switch (type) {
    case CarriedType::hstore:
      return fmt::format(
          "CASE WHEN {0} IS NOT NULL THEN (SELECT {1}{2}(coalesce(array_agg(key), '{{}}'), "
          "coalesce(array_agg(value), '{{}}')) FROM jsonb_each_text({0})) END",
          value, schema, name);
    case CarriedType::geometry:
    case CarriedType::geography:
      return fmt::format("encode({}, 'hex')::{}{}", value, schema, name);
    default:
      return fmt::format("({})::{}{}", value, schema, name);
  }
}

}  // namespace

std::span<const CarriedTypeRow> carried_types() {
  return kTypes;
}

const CarriedTypeRow& row_of(CarriedType type) {
  const CarriedTypeRow& row = kTypes.at(static_cast<size_t>(type));
  assert(row.type == type);
  return row;
}

std::optional<std::string> carried_type_name(Connection& connection, const CarriedColumn& column) {
  const CarriedTypeRow& type = row_of(column.type);
  const Result found = connection.exec(
      "SELECT format_type(CASE WHEN $3 THEN t.typarray ELSE t.oid END, NULL) FROM pg_type t LEFT "
      "JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.refclassid = "
      "'pg_extension'::regclass AND d.deptype = 'e' LEFT JOIN pg_extension e ON e.oid = d.refobjid "
      "WHERE t.typname = $1 AND CASE WHEN $2 = '' THEN t.typnamespace = 'pg_catalog'::regnamespace "
      "ELSE e.extname = $2 END AND has_schema_privilege(t.typnamespace, 'USAGE') AND "
      "has_type_privilege(t.oid, 'USAGE')",
      {std::string(type.name), std::string(type.extension), column.is_array ? "t" : "f"});
  if (found.rows() == 0) return std::nullopt;
  return std::string(found.text(0, 0));
}

std::optional<CarriedColumn> carried_type_named(std::string_view format_type_name) {
  const NamedType named = parts_of(format_type_name);
  const auto* row = std::ranges::find(kTypes, named.name, &CarriedTypeRow::name);
  if (row == kTypes.end() || row->extension.empty() != named.schema.empty()) return std::nullopt;
  return CarriedColumn{row->type, named.is_array};
}

std::optional<std::string> carried_cast_sql(PgType from, std::string_view type_name,
                                            const std::string& expression) {
  const auto column = carried_type_named(type_name);
  if (!column) return std::nullopt;
  const PgType carrier = row_of(column->type).carrier;
  if (from != (column->is_array ? array_of(carrier) : carrier)) return std::nullopt;
  const std::string_view schema = parts_of(type_name).schema;
  if (!column->is_array) return value_sql(column->type, schema, expression);
  return fmt::format(
      "CASE WHEN {0} IS NOT NULL THEN ARRAY(SELECT {1} FROM unnest({0}) WITH ORDINALITY u(v, n) "
      "ORDER BY n) END",
      expression, value_sql(column->type, schema, "v"));
}

}  // namespace metadb::catalog
