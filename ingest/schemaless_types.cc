#include "ingest/schemaless_types.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>
#include <vector>

#include "ingest/debezium_error.h"
#include "ingest/debezium_scalar.h"
#include "ingest/numeric.h"

namespace metadb::ingest {
namespace {

using catalog::PgType;

// A value of that kind in a column of that type has the encoding of a decode table's row.
struct Reading {
  PgType type;
  JsonKind kind;
  std::string_view connect_type;
  std::string_view semantic = {};
  std::string_view source_type = {};
};

// Numbers of times and timestamps are left out, as is base64 of decimals and bits: their unit,
// scale and length are in schemas only.
constexpr std::array kReadings = {
    Reading{PgType::boolean, JsonKind::boolean, "boolean"},
    Reading{PgType::int2, JsonKind::number, "int16"},
    Reading{PgType::int4, JsonKind::number, "int32"},
    Reading{PgType::int8, JsonKind::number, "int64"},
    Reading{PgType::float4, JsonKind::number, "float"},
    Reading{PgType::float4, JsonKind::string, "float"},
    Reading{PgType::float8, JsonKind::number, "double"},
    Reading{PgType::float8, JsonKind::string, "double"},
    Reading{PgType::numeric, JsonKind::number, "bytes", "org.apache.kafka.connect.data.Decimal"},
    Reading{PgType::numeric, JsonKind::object, "struct", "io.debezium.data.VariableScaleDecimal"},
    Reading{PgType::numeric, JsonKind::string, "string", "", "NUMERIC"},
    Reading{PgType::bytea, JsonKind::string, "bytes"},
    Reading{PgType::bytea, JsonKind::object, "struct", "io.debezium.data.geometry.Geometry"},
    Reading{PgType::date, JsonKind::number, "int32", "io.debezium.time.Date"},
    Reading{PgType::date, JsonKind::string, "string", "io.debezium.time.IsoDate"},
    Reading{PgType::date, JsonKind::object, "struct", "io.debezium.time.StructuredDate"},
    Reading{PgType::time, JsonKind::string, "string", "io.debezium.time.IsoTime"},
    Reading{PgType::time, JsonKind::object, "struct", "io.debezium.time.StructuredTime"},
    Reading{PgType::timetz, JsonKind::string, "string", "io.debezium.time.ZonedTime"},
    Reading{PgType::timetz, JsonKind::object, "struct", "io.debezium.time.StructuredZonedTime"},
    Reading{PgType::timestamp, JsonKind::string, "string", "io.debezium.time.IsoTimestamp"},
    Reading{PgType::timestamp, JsonKind::object, "struct", "io.debezium.time.StructuredTimestamp"},
    Reading{PgType::timestamptz, JsonKind::string, "string", "io.debezium.time.ZonedTimestamp"},
    Reading{PgType::timestamptz, JsonKind::object, "struct",
            "io.debezium.time.StructuredZonedTimestamp"},
    Reading{PgType::interval, JsonKind::string, "string", "io.debezium.time.Interval"},
    Reading{PgType::interval, JsonKind::number, "int64", "io.debezium.time.MicroDuration"},
    Reading{PgType::interval, JsonKind::object, "struct", "io.debezium.time.StructuredDuration"},
    Reading{PgType::uuid, JsonKind::string, "string", "io.debezium.data.Uuid"},
    Reading{PgType::json, JsonKind::string, "string", "io.debezium.data.Json"},
    Reading{PgType::jsonb, JsonKind::string, "string", "io.debezium.data.Json", "JSONB"},
    Reading{PgType::jsonb, JsonKind::object, "map"},
    Reading{PgType::inet, JsonKind::string, "string", "", "INET"},
    Reading{PgType::cidr, JsonKind::string, "string", "", "CIDR"},
    Reading{PgType::macaddr, JsonKind::string, "string", "", "MACADDR"},
    Reading{PgType::macaddr8, JsonKind::string, "string", "", "MACADDR8"},
    Reading{PgType::int4range, JsonKind::string, "string", "", "INT4RANGE"},
    Reading{PgType::int8range, JsonKind::string, "string", "", "INT8RANGE"},
    Reading{PgType::numrange, JsonKind::string, "string", "", "NUMRANGE"},
    Reading{PgType::daterange, JsonKind::string, "string", "", "DATERANGE"},
    Reading{PgType::tsrange, JsonKind::string, "string", "", "TSRANGE"},
    Reading{PgType::tstzrange, JsonKind::string, "string", "", "TSTZRANGE"},
    Reading{PgType::point, JsonKind::object, "struct", "io.debezium.data.geometry.Point"},
    Reading{PgType::line, JsonKind::object, "struct", "io.debezium.data.geometry.Line"},
    Reading{PgType::circle, JsonKind::object, "struct", "io.debezium.data.geometry.Circle"},
    Reading{PgType::box, JsonKind::object, "struct", "io.debezium.data.geometry.Geometry", "BOX"},
    Reading{PgType::lseg, JsonKind::object, "struct", "io.debezium.data.geometry.Geometry", "LSEG"},
    Reading{PgType::path, JsonKind::object, "struct", "io.debezium.data.geometry.Geometry", "PATH"},
    Reading{PgType::polygon, JsonKind::object, "struct", "io.debezium.data.geometry.Geometry",
            "POLYGON"},
};

constexpr size_t kKinds = 7;

// By type and kind; without a converter where there is no reading.
using Converters = std::vector<std::array<Converter, kKinds>>;

Converters converters_of_readings() {
  Converters out(catalog::pg_types().size(), std::array<Converter, kKinds>{});
  for (const Reading& reading : kReadings) {
    const ColumnType type = column_type({.type = std::string(reading.connect_type),
                                         .semantic = std::string(reading.semantic),
                                         .source_type = std::string(reading.source_type)});
    out[static_cast<size_t>(reading.type)][static_cast<size_t>(reading.kind)] = type.convert;
  }
  return out;
}

Converter converter_of(PgType type, JsonKind kind) {
  static const Converters kConverters = converters_of_readings();
  if (catalog::row_of(type).element && kind == JsonKind::array) return convert_array;
  return kConverters[static_cast<size_t>(type)][static_cast<size_t>(kind)];
}

// The significant digits of a number as it stands.
std::string digits_of(std::string_view number) {
  std::string digits;
  for (const char c : number.substr(0, number.find_first_of("eE"))) {
    if (c >= '0' && c <= '9' && (c != '0' || !digits.empty())) digits += c;
  }
  digits.erase(digits.find_last_not_of('0') + 1);
  return digits;
}

// Whether the number still has its digits once it is such a float.
template <typename Float>
bool is_kept_by(const JsonNode& number) {
  constexpr size_t kDigitsMax = std::numeric_limits<Float>::max_digits10;
  const std::string digits = digits_of(number.text);
  if (digits.size() > kDigitsMax) return false;
  if (digits.size() <= std::numeric_limits<Float>::digits10) return true;
  char text[kDigitsMax + 16];
  const auto end = std::to_chars(text, text + sizeof(text), floating<Float>(number),
                                 std::chars_format::scientific, static_cast<int>(digits.size()) - 1)
                       .ptr;
  return digits_of(std::string_view(text, static_cast<size_t>(end - text))) == digits;
}

bool is_in_jsonb(const JsonNode& value) {
  if (value.name.find('\0') != std::string_view::npos) return false;
  if (value.kind == JsonKind::string) return value.text.find('\0') == std::string_view::npos;
  if (value.kind == JsonKind::number) {
    std::string scratch;
    append_numeric_cell(scratch, value.text);
  }
  return true;
}

// Whether PostgreSQL takes the text for a jsonb: any JSON but U+0000 and numbers beyond numeric.
// Throws DecodeError for what is no JSON.
bool is_jsonb(std::string_view text) {
  JsonParser parser;
  const JsonNode& root = parser.parse_object("{\"v\":" + std::string(text) + "}");
  const bool is_one = root.size == 1 + root.begin()->size;
  return is_one && std::all_of(&root, &root + root.size, is_in_jsonb);
}

// What the type would take and lose something of, what would be guessed, or what PostgreSQL would
// refuse. May throw DecodeError for that.
bool is_doubtful(const JsonNode& value, PgType type) {
  const std::string_view text = value.text;
  switch (type) {
    case PgType::float4:
      return value.kind == JsonKind::number && !is_kept_by<float>(value);
    case PgType::float8:
      return value.kind == JsonKind::number && !is_kept_by<double>(value);
    case PgType::numeric:  // the same characters may be a decimal, or the base64 of one
      return value.kind == JsonKind::string && text != "NaN" && text != "Infinity" &&
             text != "-Infinity";
    case PgType::uuid:
      return std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
    case PgType::jsonb:
      return !is_jsonb(text);
    default:
      return false;
  }
}

void convert_schemaless(const JsonNode& value, const TypeParameters& parameters, std::string& out) {
  const PgType type = *parameters.schemaless;
  const Converter convert = converter_of(type, value.kind);
  const size_t begin = out.size();
  try {
    if (convert == nullptr || is_doubtful(value, type)) {
      throw DecodeError("without a schema this is no " + std::string(catalog::row_of(type).name) +
                        " for sure");
    }
    convert(value, parameters, out);
  } catch (const DecodeError& error) {
    out.resize(begin);
    throw DecodeError(error.what(), "22008");
  }
}

// Strings without their quotes, everything else as the message spells it.
ColumnType text_as_it_stands() {
  ColumnType type = column_type({.type = "struct"});
  type.parameters.schemaless = PgType::text;
  return type;
}

constexpr bool is_other_number(PgType type) {
  return type >= PgType::int2 && type < PgType::numeric;
}

}  // namespace

ColumnType schemaless_type(const KnownColumn& column) {
  const PgType type = column.type;
  // A json column takes any JSON, of structs and arrays the message's own spelling: as a text,
  // since PostgreSQL alone can say what is none.
  if (type == PgType::text || type == PgType::json) {
    ColumnType out = text_as_it_stands();
    out.stands_for = column.stands_for;
    return out;
  }
  ColumnType out{type, convert_schemaless, {}, column.stands_for};
  out.parameters.schemaless = type;
  if (const auto element = catalog::row_of(type).element)
    out.parameters.element = std::make_shared<const ColumnType>(schemaless_type({*element}));
  return out;
}

ColumnType schemaless_type_of(const JsonNode& value) {
  if (value.kind == JsonKind::boolean) return schemaless_type({PgType::boolean});
  if (value.kind == JsonKind::number) return schemaless_type({PgType::numeric});
  return schemaless_type({PgType::text});
}

std::optional<ColumnType> wider_schemaless_type(const ColumnType& type) {
  if (!type.parameters.schemaless || type.convert != convert_schemaless) return std::nullopt;
  return schemaless_type({is_other_number(type.pg_type) ? PgType::numeric : PgType::text});
}

}  // namespace metadb::ingest
