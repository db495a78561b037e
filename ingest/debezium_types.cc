#include "ingest/debezium_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "ingest/debezium_base64.h"
#include "ingest/debezium_binary.h"
#include "ingest/debezium_cell.h"
#include "ingest/debezium_decimal.h"
#include "ingest/debezium_geometric.h"
#include "ingest/debezium_interval.h"
#include "ingest/debezium_network.h"
#include "ingest/debezium_printed.h"
#include "ingest/debezium_range.h"
#include "ingest/debezium_scalar.h"
#include "ingest/debezium_structured.h"
#include "ingest/debezium_text.h"
#include "ingest/debezium_time.h"
#include "ingest/debezium_vector.h"
#include "ingest/schemaless_types.h"

namespace metadb::ingest {
namespace {

using catalog::CarriedType;
using catalog::PgType;

// PostgreSQL's longest bit string; Debezium says 2147483647 for one without a length.
constexpr int64_t kBitLengthMax = 83886080;

// T: the declared type, whose range holds; Stored: that of the column.
template <typename T, typename Stored = T>
void convert_integer(const JsonNode& value, const TypeParameters&, std::string& out) {
  const int64_t wide = integer(value);
  if (wide < std::numeric_limits<T>::min() || wide > std::numeric_limits<T>::max()) {
    throw DecodeError("integer out of range", "22003");
  }
  append_int_cell(out, static_cast<Stored>(wide));
}

void convert_float(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_int_cell(out, std::bit_cast<uint32_t>(floating<float>(value)));
}

void convert_double(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_int_cell(out, std::bit_cast<uint64_t>(floating<double>(value)));
}

void convert_boolean(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::boolean, "a boolean");
  append_int_cell<int8_t>(out, value.text == "true" ? 1 : 0);
}

void convert_bytes(const JsonNode& value, const TypeParameters&, std::string& out) {
  const size_t begin = begin_cell(out);
  append_bytes(out, value);
  end_cell(out, begin);
}

// Little-endian bytes without their high zeros, to bits with the highest first: as many as the type
// has, or, where that varies, from the highest one bit on (the source's leading zeros of
// a bit varying are lost in Debezium).
void convert_bits(const JsonNode& value, const TypeParameters& parameters, std::string& out) {
  std::string bytes;
  append_bytes(bytes, value);
  while (!bytes.empty() && bytes.back() == '\0') bytes.pop_back();
  size_t used = 0;
  if (!bytes.empty()) {
    const auto high = static_cast<unsigned>(static_cast<unsigned char>(bytes.back()));
    used = (bytes.size() - 1) * 8 + static_cast<size_t>(std::bit_width(high));
  }
  size_t width = used;
  if (parameters.length != 0) {
    width = static_cast<size_t>(parameters.length);
    if (used > width) throw DecodeError("more bits than the type has", "22026");
  }
  const size_t begin = begin_cell(out);
  append_big_endian(out, static_cast<int32_t>(width));
  for (size_t first = 0; first < width; first += 8) {
    unsigned packed = 0;
    for (size_t i = first; i < first + 8; ++i) {
      packed <<= 1U;
      if (i >= width || width - 1 - i >= used) continue;
      const size_t bit = width - 1 - i;
      packed |=
          (static_cast<unsigned>(static_cast<unsigned char>(bytes[bit / 8])) >> (bit % 8)) & 1U;
    }
    out += static_cast<char>(packed);
  }
  end_cell(out, begin);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void convert_uuid(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "a uuid");
  const auto fail = [&] { throw DecodeError("not a uuid: " + excerpt(value.text)); };
  if (value.text.size() != 36) fail();
  const size_t begin = begin_cell(out);
  for (size_t i = 0; i < value.text.size();) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (value.text[i++] != '-') fail();
      continue;
    }
    const int high = hex_digit(value.text[i]);
    const int low = hex_digit(value.text[i + 1]);
    if (high < 0 || low < 0) fail();
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  end_cell(out, begin);
}

void convert_date(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_int_cell(out, pg_date(integer(value)));
}

void convert_time_millis(const JsonNode& value, const TypeParameters&, std::string& out) {
  const int64_t millis = integer(value);
  // Far outside a day either way, so that the product cannot overflow.
  constexpr int64_t kFar = int64_t{1} << 40;
  append_int_cell(out, pg_time(std::clamp(millis, -kFar, kFar) * 1000));
}

void convert_time_micros(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_int_cell(out, pg_time(integer(value)));
}

void convert_time_nanos(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_int_cell(out, pg_time_from_nanos(integer(value)));
}

void convert_timestamp_millis(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_int_cell(out, pg_timestamp_from_millis(integer(value)));
}

void convert_timestamp_micros(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_int_cell(out, pg_timestamp(integer(value)));
}

void convert_timestamp_nanos(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_int_cell(out, pg_timestamp_from_nanos(integer(value)));
}

void convert_iso_date(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "a date");
  append_int_cell(out, parse_date(value.text));
}

void convert_iso_time(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "a time");
  append_int_cell(out, parse_time(value.text));
}

void convert_iso_timestamp(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "a timestamp");
  append_int_cell(out, parse_timestamp(value.text));
}

void convert_zoned_time(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "a time with time zone");
  const ZonedTime time = parse_zoned_time(value.text);
  const size_t begin = begin_cell(out);
  append_big_endian(out, time.micros);
  append_big_endian(out, time.west);
  end_cell(out, begin);
}

void convert_zoned_timestamp(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "a timestamp with time zone");
  append_int_cell(out, parse_zoned_timestamp(value.text));
}

template <void (*kAppend)(std::string&, const JsonNode&)>
void convert_structured(const JsonNode& value, const TypeParameters&, std::string& out) {
  kAppend(out, value);
}

void convert_interval(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "an interval");
  append_interval_cell(out, parse_interval(value.text));
}

// Months and days are lost before: the connector takes them for so many microseconds.
void convert_micro_duration(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_interval_cell(out, {.micros = integer(value)});
}

}  // namespace

// An element's cell is the column's (array.c, array_recv).
void convert_array(const JsonNode& value, const TypeParameters& parameters, std::string& out) {
  expect(value, JsonKind::array, "an array");
  const ColumnType& element = *parameters.element;
  int32_t count = 0;
  bool has_null = false;
  for (const JsonNode* item = value.begin(); item != value.end(); item = item->next()) {
    ++count;
    has_null = has_null || item->is_null();
  }
  const size_t begin = begin_cell(out);
  append_big_endian<int32_t>(out, count == 0 ? 0 : 1);
  append_big_endian<int32_t>(out, has_null ? 1 : 0);
  append_big_endian(out, catalog::row_of(element.pg_type).oid);
  if (count > 0) {
    append_big_endian(out, count);
    append_big_endian<int32_t>(out, 1);
  }
  for (const JsonNode* item = value.begin(); item != value.end(); item = item->next()) {
    if (item->is_null()) {
      append_null_cell(out);
    } else {
      element.convert(*item, element.parameters, out);
    }
  }
  end_cell(out, begin);
}

namespace {

constexpr TypeRow text_row(std::string_view semantic, std::string_view source_type,
                           CarriedType stands_for) {
  return {"string", semantic, source_type, PgType::text, convert_text, stands_for};
}

// Of a type that the connector does not know (include.unknown.datatypes): the bytes of its text.
constexpr TypeRow unknown_row(std::string_view source_type, CarriedType stands_for) {
  return {"bytes", "", source_type, PgType::text, convert_text_bytes, stands_for};
}

// debezium-format 6 to 9. What has no row of its own semantic falls to its Connect type: an
// unknown int64 is an int8, an unknown string is text. What has no form of its own is the text of
// its JSON.
constexpr std::array kTable = {
    TypeRow{"bytes", "org.apache.kafka.connect.data.Decimal", "", PgType::numeric, convert_decimal},
    TypeRow{"struct", "io.debezium.data.VariableScaleDecimal", "", PgType::numeric,
            convert_variable_scale_decimal},
    TypeRow{"bytes", "io.debezium.data.Bits", "", PgType::varbit, convert_bits},
    TypeRow{"string", "io.debezium.data.Json", "JSONB", PgType::jsonb, convert_jsonb},
    TypeRow{"string", "io.debezium.data.Json", "HSTORE", PgType::jsonb, convert_jsonb,
            CarriedType::hstore},
    TypeRow{"map", "", "", PgType::jsonb, convert_map, CarriedType::hstore},
    TypeRow{"string", "io.debezium.data.Json", "", PgType::json, convert_json},
    TypeRow{"string", "io.debezium.data.Uuid", "", PgType::uuid, convert_uuid},
    TypeRow{"int32", "io.debezium.time.Date", "", PgType::date, convert_date},
    TypeRow{"int32", "org.apache.kafka.connect.data.Date", "", PgType::date, convert_date},
    TypeRow{"string", "io.debezium.time.IsoDate", "", PgType::date, convert_iso_date},
    TypeRow{"int32", "io.debezium.time.Time", "", PgType::time, convert_time_millis},
    TypeRow{"int32", "org.apache.kafka.connect.data.Time", "", PgType::time, convert_time_millis},
    TypeRow{"int64", "io.debezium.time.MicroTime", "", PgType::time, convert_time_micros},
    TypeRow{"int64", "io.debezium.time.NanoTime", "", PgType::time, convert_time_nanos},
    TypeRow{"string", "io.debezium.time.IsoTime", "", PgType::time, convert_iso_time},
    TypeRow{"string", "io.debezium.time.ZonedTime", "", PgType::timetz, convert_zoned_time},
    TypeRow{"int64", "io.debezium.time.Timestamp", "", PgType::timestamp, convert_timestamp_millis},
    TypeRow{"int64", "org.apache.kafka.connect.data.Timestamp", "", PgType::timestamp,
            convert_timestamp_millis},
    TypeRow{"int64", "io.debezium.time.MicroTimestamp", "", PgType::timestamp,
            convert_timestamp_micros},
    TypeRow{"int64", "io.debezium.time.NanoTimestamp", "", PgType::timestamp,
            convert_timestamp_nanos},
    TypeRow{"string", "io.debezium.time.IsoTimestamp", "", PgType::timestamp,
            convert_iso_timestamp},
    TypeRow{"string", "io.debezium.time.ZonedTimestamp", "", PgType::timestamptz,
            convert_zoned_timestamp},
    TypeRow{"string", "io.debezium.time.Interval", "", PgType::interval, convert_interval},
    TypeRow{"int64", "io.debezium.time.MicroDuration", "", PgType::interval,
            convert_micro_duration},
    TypeRow{"struct", "io.debezium.time.StructuredDate", "", PgType::date,
            convert_structured<append_structured_date>},
    TypeRow{"struct", "io.debezium.time.StructuredTime", "", PgType::time,
            convert_structured<append_structured_time>},
    TypeRow{"struct", "io.debezium.time.StructuredTimestamp", "", PgType::timestamp,
            convert_structured<append_structured_timestamp>},
    TypeRow{"struct", "io.debezium.time.StructuredZonedTime", "", PgType::timetz,
            convert_structured<append_structured_zoned_time>},
    TypeRow{"struct", "io.debezium.time.StructuredZonedTimestamp", "", PgType::timestamptz,
            convert_structured<append_structured_zoned_timestamp>},
    TypeRow{"struct", "io.debezium.time.StructuredDuration", "", PgType::interval,
            convert_structured<append_structured_duration>},
    TypeRow{"struct", "io.debezium.data.geometry.Point", "", PgType::point, convert_point},
    TypeRow{"struct", "io.debezium.data.geometry.Line", "", PgType::line, convert_line},
    TypeRow{"struct", "io.debezium.data.geometry.Circle", "", PgType::circle, convert_circle},
    TypeRow{"struct", "io.debezium.data.geometry.Geometry", "BOX", PgType::box, convert_box},
    TypeRow{"struct", "io.debezium.data.geometry.Geometry", "LSEG", PgType::lseg, convert_lseg},
    TypeRow{"struct", "io.debezium.data.geometry.Geometry", "PATH", PgType::path, convert_path},
    TypeRow{"struct", "io.debezium.data.geometry.Geometry", "POLYGON", PgType::polygon,
            convert_polygon},
    TypeRow{"struct", "io.debezium.data.geometry.Geometry", "GEOGRAPHY", PgType::bytea,
            convert_geometry, CarriedType::geography},
    TypeRow{"struct", "io.debezium.data.geometry.Geometry", "", PgType::bytea, convert_geometry,
            CarriedType::geometry},
    TypeRow{"struct", "io.debezium.data.geometry.Geography", "", PgType::bytea, convert_geometry,
            CarriedType::geography},
    TypeRow{"array", "io.debezium.data.DoubleVector", "", PgType::text, convert_vector,
            CarriedType::vector},
    // MySQL's vectors come as such, too.
    TypeRow{"array", "io.debezium.data.FloatVector", "HALFVEC", PgType::text, convert_vector,
            CarriedType::halfvec},
    TypeRow{"array", "io.debezium.data.FloatVector", "", PgType::text, convert_vector,
            CarriedType::vector},
    TypeRow{"struct", "io.debezium.data.SparseDoubleVector", "", PgType::text,
            convert_sparse_vector, CarriedType::sparsevec},
    TypeRow{"struct", "io.debezium.data.SparseVector", "", PgType::text, convert_sparse_vector,
            CarriedType::sparsevec},
    text_row("io.debezium.data.Ltree", "", CarriedType::ltree),
    text_row("io.debezium.data.Xml", "", CarriedType::xml),
    text_row("io.debezium.data.Tsvector", "", CarriedType::tsvector),
    text_row("", "CITEXT", CarriedType::citext),
    text_row("", "EAN13", CarriedType::ean13),
    text_row("", "ISBN13", CarriedType::isbn13),
    text_row("", "ISMN13", CarriedType::ismn13),
    text_row("", "ISSN13", CarriedType::issn13),
    text_row("", "ISBN", CarriedType::isbn),
    text_row("", "ISMN", CarriedType::ismn),
    text_row("", "ISSN", CarriedType::issn),
    text_row("", "UPC", CarriedType::upc),
    unknown_row("TSVECTOR", CarriedType::tsvector),
    unknown_row("TSQUERY", CarriedType::tsquery),
    unknown_row("JSONPATH", CarriedType::jsonpath),
    unknown_row("PG_LSN", CarriedType::pg_lsn),
    unknown_row("PG_SNAPSHOT", CarriedType::pg_snapshot),
    unknown_row("TXID_SNAPSHOT", CarriedType::txid_snapshot),
    unknown_row("XID8", CarriedType::xid8),
    unknown_row("INT4MULTIRANGE", CarriedType::int4multirange),
    unknown_row("INT8MULTIRANGE", CarriedType::int8multirange),
    unknown_row("NUMMULTIRANGE", CarriedType::nummultirange),
    unknown_row("DATEMULTIRANGE", CarriedType::datemultirange),
    unknown_row("TSMULTIRANGE", CarriedType::tsmultirange),
    unknown_row("TSTZMULTIRANGE", CarriedType::tstzmultirange),
    unknown_row("EAN13", CarriedType::ean13),
    unknown_row("ISBN13", CarriedType::isbn13),
    unknown_row("ISMN13", CarriedType::ismn13),
    unknown_row("ISSN13", CarriedType::issn13),
    unknown_row("ISBN", CarriedType::isbn),
    unknown_row("ISMN", CarriedType::ismn),
    unknown_row("ISSN", CarriedType::issn),
    unknown_row("UPC", CarriedType::upc),
    unknown_row("VECTOR", CarriedType::vector),
    unknown_row("HALFVEC", CarriedType::halfvec),
    unknown_row("SPARSEVEC", CarriedType::sparsevec),
    unknown_row("LINE", CarriedType::line),
    unknown_row("CIRCLE", CarriedType::circle),
    unknown_row("BOX", CarriedType::box),
    unknown_row("LSEG", CarriedType::lseg),
    unknown_row("PATH", CarriedType::path),
    unknown_row("POLYGON", CarriedType::polygon),
    TypeRow{"string", "", "INET", PgType::inet, convert_inet},
    TypeRow{"string", "", "CIDR", PgType::cidr, convert_cidr},
    TypeRow{"string", "", "MACADDR", PgType::macaddr, convert_macaddr},
    TypeRow{"string", "", "MACADDR8", PgType::macaddr8, convert_macaddr8},
    TypeRow{"string", "", "INT4RANGE", PgType::int4range, convert_int4range},
    TypeRow{"string", "", "INT8RANGE", PgType::int8range, convert_int8range},
    TypeRow{"string", "", "NUMRANGE", PgType::numrange, convert_numrange},
    TypeRow{"string", "", "DATERANGE", PgType::daterange, convert_daterange},
    TypeRow{"string", "", "TSRANGE", PgType::tsrange, convert_tsrange},
    TypeRow{"string", "", "TSTZRANGE", PgType::tstzrange, convert_tstzrange},
    TypeRow{"string", "", "NUMERIC", PgType::numeric, convert_numeric_text},
    TypeRow{"string", "", "DECIMAL", PgType::numeric, convert_numeric_text},
    TypeRow{"string", "", "MONEY", PgType::numeric, convert_numeric_text},
    TypeRow{"string", "", "SMALLMONEY", PgType::numeric, convert_plain_decimal},
    TypeRow{"string", "", "NUMBER", PgType::numeric, convert_plain_decimal},
    TypeRow{"string", "", "FLOAT", PgType::numeric, convert_plain_decimal},  // Oracle's alone
    TypeRow{"boolean", "", "", PgType::boolean, convert_boolean},
    TypeRow{"int8", "", "", PgType::int2, convert_integer<int8_t, int16_t>},
    TypeRow{"int16", "", "", PgType::int2, convert_integer<int16_t>},
    TypeRow{"int32", "", "", PgType::int4, convert_integer<int32_t>},
    TypeRow{"int64", "", "", PgType::int8, convert_integer<int64_t>},
    TypeRow{"float", "", "", PgType::float4, convert_float},
    TypeRow{"double", "", "", PgType::float8, convert_double},
    TypeRow{"string", "", "", PgType::text, convert_text},
    TypeRow{"bytes", "", "", PgType::bytea, convert_bytes},
    TypeRow{"base64", "", "", PgType::bytea, convert_bytes},  // with_binary_mode()
    TypeRow{"base64-url-safe", "", "", PgType::bytea, convert_base64_url_safe},
    TypeRow{"hex", "", "", PgType::bytea, convert_hex},
    TypeRow{"", "", "", PgType::text, convert_as_it_stands},
};

}  // namespace

std::span<const TypeRow> decode_table() {
  return kTable;
}

bool TypeParameters::operator==(const TypeParameters& other) const {
  const bool is_same_element =
      element == other.element || (element && other.element && *element == *other.element);
  return scale == other.scale && length == other.length && schemaless == other.schemaless &&
         is_same_element;
}

bool is_of_source_type(const FieldSchema& field, std::string_view name) {
  if (!field.source_type.starts_with(name)) return false;
  const std::string_view rest = std::string_view(field.source_type).substr(name.size());
  return rest.empty() || rest.starts_with(' ') || rest.starts_with('(');
}

std::optional<FieldSchema> elements_of(const FieldSchema& field) {
  if (field.type != "array" || !field.semantic.empty() || !field.items) return std::nullopt;
  FieldSchema items = *field.items;
  // PostgreSQL calls the type of arrays of int4 _int4.
  if (items.source_type.empty() && field.source_type.starts_with('_')) {
    items.source_type = field.source_type.substr(1);
  }
  return items;
}

namespace {

// A string that stands for a type of its own has no semantic name.
const TypeRow& row_of_field(const FieldSchema& field) {
  const auto fits = [](std::string_view wanted, const std::string& given) {
    return wanted.empty() || wanted == given;
  };
  return *std::find_if(kTable.begin(), kTable.end(), [&](const TypeRow& r) {
    const bool is_bare = !r.semantic.empty() || r.source_type.empty() || field.semantic.empty();
    return is_bare && fits(r.type, field.type) && fits(r.semantic, field.semantic) &&
           (r.source_type.empty() || is_of_source_type(field, r.source_type));
  });
}

// nullopt: one that is kept as the text of its JSON.
std::optional<ColumnType> array_type(const FieldSchema& field) {
  const auto items = elements_of(field);
  if (!items) return std::nullopt;
  const ColumnType element = column_type(*items);
  const auto type = catalog::array_of(element.pg_type);
  if (!type || element.convert == convert_as_it_stands) return std::nullopt;
  TypeParameters parameters;
  parameters.element = std::make_shared<const ColumnType>(element);
  return ColumnType{*type, convert_array, std::move(parameters), element.stands_for};
}

}  // namespace

ColumnType column_type(const FieldSchema& field) {
  if (const auto array = array_type(field)) return *array;
  if (const auto text = text_of_unknown_type(field)) return *text;
  const TypeRow& row = row_of_field(field);
  TypeParameters parameters;
  parameters.scale = field.scale;
  parameters.length = field.length;
  // Whether a domain is over bit(n) or over bit varying, nothing tells: as bit(n) all values of the
  // former are right, and of the latter those of n bits, also with leading zeros.
  const bool is_varying = field.source_type == "VARBIT" || field.length > kBitLengthMax;
  if (is_varying || field.length < 0) parameters.length = 0;
  return {row.pg_type, row.convert, std::move(parameters), row.stands_for};
}

namespace {

struct WiderRow {
  Converter convert;
  Converter to_text;
};

constexpr std::array kWider = {
    WiderRow{convert_time_millis, convert_time_to_text<1'000>},
    WiderRow{convert_time_micros, convert_time_to_text<1'000'000>},
    WiderRow{convert_time_nanos, convert_time_to_text<1'000'000'000>},
    WiderRow{convert_timestamp_nanos, convert_timestamp_nanos_to_text},
    WiderRow{convert_iso_time, convert_iso_time_to_text},
    WiderRow{convert_iso_timestamp, convert_iso_timestamp_to_text},
    WiderRow{convert_zoned_timestamp, convert_zoned_timestamp_to_text},
    WiderRow{convert_structured<append_structured_time>,
             convert_printed<convert_structured<append_structured_time>, PgType::time,
                             convert_as_it_stands>},
    WiderRow{convert_structured<append_structured_timestamp>,
             convert_printed<convert_structured<append_structured_timestamp>, PgType::timestamp,
                             convert_as_it_stands>},
    WiderRow{convert_structured<append_structured_zoned_time>,
             convert_printed<convert_structured<append_structured_zoned_time>, PgType::timetz,
                             convert_as_it_stands>},
    WiderRow{convert_structured<append_structured_zoned_timestamp>,
             convert_printed<convert_structured<append_structured_zoned_timestamp>,
                             PgType::timestamptz, convert_as_it_stands>},
    WiderRow{convert_structured<append_structured_duration>,
             convert_printed<convert_structured<append_structured_duration>, PgType::interval,
                             convert_as_it_stands>},
    WiderRow{convert_interval, convert_printed<convert_interval, PgType::interval, convert_text>},
    WiderRow{convert_inet, convert_text},
    WiderRow{convert_cidr, convert_text},
    WiderRow{convert_macaddr, convert_text},
    WiderRow{convert_macaddr8, convert_text},
    WiderRow{convert_int4range, convert_text},
    WiderRow{convert_int8range, convert_text},
    WiderRow{convert_numrange, convert_printed<convert_numrange, PgType::numrange, convert_text>},
    WiderRow{convert_daterange,
             convert_printed<convert_daterange, PgType::daterange, convert_text>},
    WiderRow{convert_tsrange, convert_printed<convert_tsrange, PgType::tsrange, convert_text>},
    WiderRow{convert_tstzrange,
             convert_printed<convert_tstzrange, PgType::tstzrange, convert_text>},
    WiderRow{convert_numeric_text,
             convert_printed<convert_numeric_text, PgType::numeric, convert_text>},
    WiderRow{convert_plain_decimal, convert_text},
    WiderRow{convert_point, convert_printed<convert_point, PgType::point, convert_as_it_stands>},
    WiderRow{convert_box, convert_geometry_text},
    WiderRow{convert_lseg, convert_geometry_text},
    WiderRow{convert_path, convert_geometry_text},
    WiderRow{convert_geometry,
             convert_printed<convert_geometry, PgType::bytea, convert_geometry_text>},
    WiderRow{convert_geometry_text, convert_as_it_stands},
    WiderRow{convert_vector, convert_printed<convert_vector, PgType::text, convert_as_it_stands>},
    WiderRow{convert_sparse_vector,
             convert_printed<convert_sparse_vector, PgType::text, convert_as_it_stands>},
    WiderRow{convert_array, convert_array_to_text},
};

}  // namespace

std::optional<ColumnType> wider_type(const ColumnType& type) {
  if (const auto wider = wider_schemaless_type(type)) return wider;
  // Other databases have types of the same names.
  constexpr std::array<std::array<Converter, 2>, 3> kTextsOfBytes = {
      {{convert_text_bytes, convert_bytes},
       {convert_text_base64_url_safe, convert_base64_url_safe},
       {convert_text_hex, convert_hex}}};
  for (const auto& [text, bytes] : kTextsOfBytes) {
    if (type.convert == text) return ColumnType{PgType::bytea, bytes, type.parameters};
  }
  // MySQL's polygons, which may have holes and an SRID.
  if (type.convert == convert_polygon)
    return ColumnType{PgType::bytea, convert_geometry, type.parameters, CarriedType::geometry};
  const auto* row = std::find_if(kWider.begin(), kWider.end(),
                                 [&](const WiderRow& r) { return r.convert == type.convert; });
  if (row == kWider.end()) return std::nullopt;
  return ColumnType{PgType::text, row->to_text, type.parameters};
}

bool is_widened_from(const ColumnType& narrow, const ColumnType& type) {
  std::optional<ColumnType> step = narrow;
  while (step && *step != type) step = wider_type(*step);
  return step.has_value();
}

}  // namespace metadb::ingest
