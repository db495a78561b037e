#include "ingest/debezium_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "ingest/debezium_base64.h"
#include "ingest/debezium_cell.h"
#include "ingest/debezium_time.h"
#include "ingest/numeric.h"

namespace metadb::ingest {
namespace {

using catalog::PgType;

// PostgreSQL's longest bit string; Debezium says 2147483647 for one without a length.
constexpr int64_t kBitLengthMax = 83886080;

void expect(const JsonNode& value, JsonKind kind, const char* expected) {
  if (value.kind == kind) return;
  throw DecodeError(std::string("expected ") + expected + ", got " + excerpt(value.text));
}

int64_t integer(const JsonNode& value) {
  expect(value, JsonKind::number, "an integer");
  int64_t result = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, result);
  if (error == std::errc::result_out_of_range) throw DecodeError("integer out of range", "22003");
  if (error != std::errc() || stop != end) {
    throw DecodeError("expected an integer, got " + excerpt(value.text));
  }
  return result;
}

// T: the declared type, whose range holds; Stored: that of the column.
template <typename T, typename Stored = T>
void convert_integer(const JsonNode& value, const TypeParameters&, std::string& out) {
  const int64_t wide = integer(value);
  if (wide < std::numeric_limits<T>::min() || wide > std::numeric_limits<T>::max()) {
    throw DecodeError("integer out of range", "22003");
  }
  append_int_cell(out, static_cast<Stored>(wide));
}

// The token is read as the type itself: by way of a double a float would be rounded twice.
template <typename Float>
Float floating(const JsonNode& value) {
  if (value.kind == JsonKind::string) {
    if (value.text == "NaN") return std::numeric_limits<Float>::quiet_NaN();
    if (value.text == "Infinity") return std::numeric_limits<Float>::infinity();
    if (value.text == "-Infinity") return -std::numeric_limits<Float>::infinity();
  }
  expect(value, JsonKind::number, "a number");
  Float result = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, result);
  if (error != std::errc() || stop != end) throw DecodeError("float out of range", "22003");
  return result;
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

// Other databases than PostgreSQL store U+0000 in texts.
void append_storable(std::string& out, std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
  for (size_t nul = text.find('\0'); nul != std::string_view::npos; nul = text.find('\0')) {
    out += text.substr(0, nul);
    out += kReplacement;
    text.remove_prefix(nul + 1);
  }
  out += text;
}

void append_text(std::string& out, std::string_view text) {
  const size_t begin = begin_cell(out);
  append_storable(out, text);
  end_cell(out, begin);
}

void convert_text(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "a string");
  append_text(out, value.text);
}

// What has no converter of its own: the JSON of the value as the message spells it.
void convert_as_it_stands(const JsonNode& value, const TypeParameters&, std::string& out) {
  append_text(out, value.text);
}

void convert_json(const JsonNode& value, const TypeParameters& parameters, std::string& out) {
  convert_text(value, parameters, out);
}

void convert_jsonb(const JsonNode& value, const TypeParameters&, std::string& out) {
  constexpr char kJsonbVersion = 1;
  expect(value, JsonKind::string, "a string");
  const size_t begin = begin_cell(out);
  out += kJsonbVersion;
  append_storable(out, value.text);
  end_cell(out, begin);
}

void convert_bytes(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "base64");
  const size_t begin = begin_cell(out);
  append_base64_decoded(out, value.text);
  end_cell(out, begin);
}

void append_decimal(const JsonNode& value, int32_t scale, std::string& out) {
  if (value.kind == JsonKind::number) {  // decimal.format=NUMERIC
    append_numeric_cell(out, value.text);
    return;
  }
  expect(value, JsonKind::string, "a decimal");
  std::string unscaled;
  append_base64_decoded(unscaled, value.text);
  append_numeric_cell(out, unscaled, scale);
}

void convert_decimal(const JsonNode& value, const TypeParameters& parameters, std::string& out) {
  append_decimal(value, parameters.scale, out);
}

void convert_variable_scale_decimal(const JsonNode& value, const TypeParameters&,
                                    std::string& out) {
  expect(value, JsonKind::object, "a VariableScaleDecimal");
  const JsonNode* scale = value.member("scale");
  const JsonNode* unscaled = value.member("value");
  if (scale == nullptr || unscaled == nullptr) {
    throw DecodeError("VariableScaleDecimal without scale or value");
  }
  const int64_t digits = integer(*scale);
  if (digits != static_cast<int32_t>(digits)) throw DecodeError("scale out of range", "22003");
  append_decimal(*unscaled, static_cast<int32_t>(digits), out);
}

// Little-endian bytes without their high zeros, as digits with the highest bit first: as many as
// the type has, or, where that varies, from the highest one bit on (the source's leading zeros of
// a bit varying are lost in Debezium).
void convert_bits(const JsonNode& value, const TypeParameters& parameters, std::string& out) {
  expect(value, JsonKind::string, "base64");
  std::string bytes;
  append_base64_decoded(bytes, value.text);
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
  out.append(width - used, '0');
  for (size_t bit = used; bit-- > 0;) {
    const auto byte = static_cast<unsigned>(static_cast<unsigned char>(bytes[bit / 8]));
    out += ((byte >> (bit % 8)) & 1U) != 0 ? '1' : '0';
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
  const int64_t nanos = integer(value);
  append_int_cell(out, pg_time(nanos < 0 ? -1 : nanos / 1000));
}

// As PostgreSQL prints a time, and what lies outside a day as MySQL does: -838:59:59. Fractions
// beyond microseconds are cut.
template <int64_t kPerSecond>
void convert_time_to_text(const JsonNode& value, const TypeParameters&, std::string& out) {
  constexpr auto kUnits = static_cast<uint64_t>(kPerSecond);
  constexpr uint64_t kMicros = 1'000'000;
  const int64_t time = integer(value);
  const uint64_t length = time < 0 ? -static_cast<uint64_t>(time) : static_cast<uint64_t>(time);
  const uint64_t seconds = length / kUnits;
  const uint64_t part = length % kUnits;
  const uint64_t micros = kUnits > kMicros ? part / (kUnits / kMicros) : part * (kMicros / kUnits);
  std::string text = fmt::format("{}{:02}:{:02}:{:02}", time < 0 ? "-" : "", seconds / 3600,
                                 seconds / 60 % 60, seconds % 60);
  if (micros != 0) {
    text += fmt::format(".{:06}", micros);
    text.erase(text.find_last_not_of('0') + 1);
  }
  append_text(out, text);
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

// debezium-format 6 to 9. What has no row of its own semantic falls to its Connect type: an
// unknown int64 is an int8, an unknown string is text. What has no scalar form (arrays, maps,
// geometry) is the text of its JSON.
constexpr std::array kTable = {
    TypeRow{"bytes", "org.apache.kafka.connect.data.Decimal", "", PgType::numeric, convert_decimal},
    TypeRow{"struct", "io.debezium.data.VariableScaleDecimal", "", PgType::numeric,
            convert_variable_scale_decimal},
    TypeRow{"bytes", "io.debezium.data.Bits", "", PgType::text, convert_bits},
    TypeRow{"string", "io.debezium.data.Json", "JSONB", PgType::jsonb, convert_jsonb},
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
    TypeRow{"boolean", "", "", PgType::boolean, convert_boolean},
    TypeRow{"int8", "", "", PgType::int2, convert_integer<int8_t, int16_t>},
    TypeRow{"int16", "", "", PgType::int2, convert_integer<int16_t>},
    TypeRow{"int32", "", "", PgType::int4, convert_integer<int32_t>},
    TypeRow{"int64", "", "", PgType::int8, convert_integer<int64_t>},
    TypeRow{"float", "", "", PgType::float4, convert_float},
    TypeRow{"double", "", "", PgType::float8, convert_double},
    TypeRow{"string", "", "", PgType::text, convert_text},
    TypeRow{"bytes", "", "", PgType::bytea, convert_bytes},
    TypeRow{"", "", "", PgType::text, convert_as_it_stands},
};

std::string string_member(const JsonNode& node, std::string_view name) {
  const JsonNode* member = node.member(name);
  if (member == nullptr || member->kind != JsonKind::string) return {};
  return std::string(member->text);
}

int64_t integer_member(const JsonNode& node, std::string_view name) {
  const std::string text = string_member(node, name);
  if (text.empty()) return 0;
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value != static_cast<int32_t>(value)) {
    throw DecodeError("schema parameter \"" + std::string(name) +
                      "\" is not a number: " + excerpt(text));
  }
  return value;
}

}  // namespace

FieldSchema field_schema(const JsonNode& node) {
  FieldSchema field;
  if (node.kind != JsonKind::object) throw DecodeError("schema of a field is not an object");
  field.name = string_member(node, "field");
  field.type = string_member(node, "type");
  if (field.type.empty())
    throw DecodeError("schema of field \"" + excerpt(field.name) + "\" has no type");
  field.semantic = string_member(node, "name");
  const JsonNode* parameters = node.member("parameters");
  if (parameters == nullptr) return field;
  if (field.semantic == "org.apache.kafka.connect.data.Decimal") {
    field.scale = static_cast<int32_t>(integer_member(*parameters, "scale"));
  } else if (field.semantic == "io.debezium.data.Bits") {
    field.length = integer_member(*parameters, "length");
  }
  field.source_type = string_member(*parameters, "__debezium.source.column.type");
  field.unavailable_placeholder =
      string_member(*parameters, "__debezium.unavailable.value.placeholder");
  return field;
}

std::span<const TypeRow> decode_table() {
  return kTable;
}

ColumnType column_type(const FieldSchema& field) {
  const auto fits = [](std::string_view wanted, const std::string& given) {
    return wanted.empty() || wanted == given;
  };
  const auto* row = std::find_if(kTable.begin(), kTable.end(), [&](const TypeRow& r) {
    return fits(r.type, field.type) && fits(r.semantic, field.semantic) &&
           fits(r.source_type, field.source_type);
  });
  ColumnType type{row->pg_type, row->convert, {field.scale, field.length}};
  const bool is_varying = field.source_type == "VARBIT" || field.length > kBitLengthMax;
  if (is_varying || field.length < 0) type.parameters.length = 0;
  return type;
}

std::optional<ColumnType> wider_type(const ColumnType& type) {
  Converter convert = nullptr;
  if (type.convert == convert_time_millis) convert = convert_time_to_text<1'000>;
  if (type.convert == convert_time_micros) convert = convert_time_to_text<1'000'000>;
  if (type.convert == convert_time_nanos) convert = convert_time_to_text<1'000'000'000>;
  if (convert == nullptr) return std::nullopt;
  return ColumnType{PgType::text, convert, type.parameters};
}

}  // namespace metadb::ingest
