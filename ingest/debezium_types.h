// The decode table: which PostgreSQL type a Kafka Connect type becomes, and how its JSON is read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "catalog/carried_types.h"
#include "catalog/types.h"
#include "ingest/json.h"

namespace metadb::ingest {

struct ColumnType;

// What a schema says about one field. Kafka Connect's own members and Debezium's parameters.
struct FieldSchema {
  std::string name = {};
  std::string type = {};  // boolean, int8, ..., float, double, string, bytes, array, map, struct
  std::string semantic = {};  // schema name, e.g. io.debezium.time.Date; empty if it has none
  int32_t scale =
      0;  // parameter of org.apache.kafka.connect.data.Decimal, else __debezium.source.column.scale
  int64_t length = 0;            // parameter of io.debezium.data.Bits; 0 = unlimited
  std::string source_type = {};  // __debezium.source.column.type, if the connector propagates it
  std::string unavailable_placeholder = {};  // __debezium.unavailable.value.placeholder, if given
  std::shared_ptr<const FieldSchema> items = {};  // of an array
  bool is_optional = false;
  bool has_default = false;
};

// Reads one schema node. Throws DecodeError if it is none.
FieldSchema field_schema(const JsonNode& node);
// Whether the source's type is propagated and has that name, whatever else is said of it: DECIMAL
// of DECIMAL UNSIGNED, and of DECIMAL(10,2).
bool is_of_source_type(const FieldSchema& field, std::string_view name);
// Of an array, with their source type. nullopt for all others, also for arrays with a name, which
// are none of PostgreSQL's (pgvector).
std::optional<FieldSchema> elements_of(const FieldSchema& field);

// What a converter knows beside the value.
struct TypeParameters {
  int32_t scale = 0;
  int64_t length = 0;
  std::shared_ptr<const ColumnType> element;  // of an array
  // Of a column whose values come without a schema: what they are to become.
  std::optional<catalog::PgType> schemaless = std::nullopt;
  bool operator==(const TypeParameters& other) const;
};

// Appends the COPY cell of a value that is not null. Throws DecodeError with what is wrong with
// the value; the caller adds the column.
using Converter = void (*)(const JsonNode& value, const TypeParameters& parameters,
                           std::string& out);

// One row per (Connect type, semantic name); arrays have the type of their elements' row. A field
// takes the first row that fits it; an empty semantic or source type fits all, an empty Connect
// type every type.
struct TypeRow {
  std::string_view type;
  std::string_view semantic;
  std::string_view source_type;
  catalog::PgType pg_type;
  Converter convert;
  std::optional<catalog::CarriedType> stands_for = {};  // what the source's type is
};

std::span<const TypeRow> decode_table();
// Of arrays of one dimension, by parameters.element: Debezium has no others.
void convert_array(const JsonNode& value, const TypeParameters& parameters, std::string& out);

struct ColumnType {
  catalog::PgType pg_type;
  Converter convert;
  TypeParameters parameters;
  // The type that the column has where the backing database has it; of an array, its elements'.
  std::optional<catalog::CarriedType> stands_for = {};
  bool operator==(const ColumnType&) const = default;
};

ColumnType column_type(const FieldSchema& field);
// The type that a column gets when a value (22008) does not fit its own: text. What MySQL calls a
// time may be negative or longer than a day; SQL Server has tenths of microseconds. nullopt: there
// is none. Prints what fits both types as PostgreSQL does.
std::optional<ColumnType> wider_type(const ColumnType& type);
// Whether `type` is `narrow`, or has become of it by wider_type(): it reads the same JSON.
bool is_widened_from(const ColumnType& narrow, const ColumnType& type);

}  // namespace metadb::ingest
