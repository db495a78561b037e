#include "ingest/debezium_losses.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "ingest/debezium_binary.h"

namespace metadb::ingest {
namespace {

constexpr std::array<std::string_view, 5> kDecimals = {"NUMERIC", "DECIMAL", "NUMBER", "MONEY",
                                                       "SMALLMONEY"};

std::string_view text_of(Loss loss) {
  switch (loss) {
    case Loss::null_as_default:
      return "table {}: NULL in {} arrives as the column's default, unless the connector has "
             "value.converter.replace.null.with.default=false (JSON) or "
             "value.converter.ignore.default.for.nullables=true (Confluent's Avro)";
    case Loss::rounded_decimal:
      return "table {}: {} arrives rounded to a double; set decimal.handling.mode=precise in the "
             "connector";
    case Loss::interval_in_micros:
      return "table {}: an interval in {} arrives as microseconds, its months as 30.4375 days "
             "each; "
             "set interval.handling.mode=string in the connector";
    case Loss::bytes_as_text:
      return "table {}: {} arrives as a text of its bytes; set binary.handling.mode=bytes in the "
             "connector, or say with the option binary_handling_mode of the data source what it is";
    case Loss::time_in_millis:
      return "table {}: microseconds in {} are cut off by the connector; set another "
             "time.precision.mode than connect";
    case Loss::nanosecond_range:
      return "table {}: {} cannot hold a time before 1677-09-21 or after 2262-04-11 as the "
             "connector "
             "sends it: up to Debezium 3.5 it arrives as another one; set "
             "time.precision.mode=microseconds in the connector";
    case Loss::zone_dropped:
      return "table {}: times of {} arrive in UTC, without the time zone that they were written "
             "with; set time.precision.mode=structured in the connector (from Debezium 3.7 on)";
    case Loss::leading_zeros:
      return "table {}: {} arrives without its leading zeros, for which the connector has no "
             "setting";
    case Loss::filled_up:
      return "table {}: the type of {} is a domain: a value of one over bit varying is filled up "
             "with zeros";
    case Loss::null_as_unchanged:
      return "table {}: a large value of {} arrives as NULL from updates that leave it as it is, "
             "unless the table in the source has REPLICA IDENTITY FULL";
    case Loss::no_schema:
      return "table {}: its events come without schemas: columns that are new here become text, "
             "numeric or boolean, with dates and times as the connector's numbers, bytea and "
             "decimals in base64; set value.converter.schemas.enable=true and "
             "key.converter.schemas.enable=true in the connector";
    case Loss::passed_over:
      return "table {}: {} are taken for what the transform adds to its rows, and make no columns";
  }
  return "";
}

template <size_t kSize>
bool is_one_of(const std::array<std::string_view, kSize>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

// PostgreSQL's; the connector says 2147483647 of one without a length.
bool is_longer_than_a_row(int64_t bits) {
  constexpr int64_t kRowBits = 2000 * 8;  // beyond this PostgreSQL looks for what to move out
  return bits == 0 || bits > kRowBits;
}

// Of such arrays the placeholder is an array of them.
bool may_hold_placeholder(const FieldSchema& array) {
  const FieldSchema& items = *array.items;
  constexpr std::array<std::string_view, 3> kNamed = {
      "io.debezium.data.Uuid", "io.debezium.data.Json", "io.debezium.time.Date"};
  if (!items.semantic.empty()) return is_one_of(kNamed, items.semantic);
  constexpr std::array<std::string_view, 3> kPlain = {"bytes", "int32", "int64"};
  if (items.type != "string") return is_one_of(kPlain, items.type);
  // Without the source's type they may be addresses, ranges, ...
  constexpr std::array<std::string_view, 8> kTexts = {"_TEXT", "_VARCHAR", "_BPCHAR", "_CHAR",
                                                      "TEXT",  "VARCHAR",  "BPCHAR",  "CHAR"};
  const std::string& source_type =
      items.source_type.empty() ? array.source_type : items.source_type;
  return source_type.empty() || is_one_of(kTexts, source_type);
}

// Values that may be long, and for which the connector's placeholder does not fit the schema.
bool lacks_placeholder(const FieldSchema& field) {
  constexpr std::array<std::string_view, 7> kLong = {
      "io.debezium.data.geometry.Geometry",   "io.debezium.data.geometry.Geography",
      "io.debezium.data.DoubleVector",        "io.debezium.data.FloatVector",
      "io.debezium.data.SparseDoubleVector",  "io.debezium.data.SparseVector",
      "io.debezium.data.VariableScaleDecimal"};
  if (is_one_of(kLong, field.semantic)) return true;
  if (field.semantic == "io.debezium.data.Bits") return is_longer_than_a_row(field.length);
  return field.type == "array" && field.items && !may_hold_placeholder(field);
}

// Which of bit(n) and bit varying it is over, nothing tells. MySQL's BIT(n) is called BIT, too.
bool is_of_domain_over_bits(const FieldSchema& field) {
  return field.semantic == "io.debezium.data.Bits" && !field.source_type.empty() &&
         !is_of_source_type(field, "BIT") && field.source_type != "VARBIT";
}

}  // namespace

std::vector<Loss> losses_of(const FieldSchema& field) {
  std::vector<Loss> out;
  const std::string& semantic = field.semantic;
  if (field.is_optional && field.has_default) out.push_back(Loss::null_as_default);
  const bool is_decimal = std::ranges::any_of(
      kDecimals, [&](std::string_view name) { return is_of_source_type(field, name); });
  if (field.type == "double" && is_decimal) out.push_back(Loss::rounded_decimal);
  if (semantic == "io.debezium.time.MicroDuration") out.push_back(Loss::interval_in_micros);
  if (is_bytes_as_text(field)) out.push_back(Loss::bytes_as_text);
  // In these modes the connector has no placeholder (debezium-format 10).
  if (field.type.starts_with("base64")) out.push_back(Loss::null_as_unchanged);
  if (semantic == "org.apache.kafka.connect.data.Timestamp" ||
      semantic == "org.apache.kafka.connect.data.Time") {
    out.push_back(Loss::time_in_millis);
  }
  if (semantic == "io.debezium.time.NanoTimestamp") out.push_back(Loss::nanosecond_range);
  if (semantic == "io.debezium.time.ZonedTime") out.push_back(Loss::zone_dropped);
  if (semantic == "io.debezium.data.Bits" && field.source_type == "VARBIT")
    out.push_back(Loss::leading_zeros);
  if (is_of_domain_over_bits(field)) out.push_back(Loss::filled_up);
  if (lacks_placeholder(field)) out.push_back(Loss::null_as_unchanged);
  return out;
}

std::string described(Loss loss, std::string_view table, const std::vector<std::string>& columns) {
  return fmt::format(fmt::runtime(text_of(loss)), table, fmt::join(columns, ", "));
}

bool is_warning(Loss loss) {
  constexpr std::array kSaidOnly = {Loss::null_as_default, Loss::leading_zeros, Loss::filled_up,
                                    Loss::passed_over};
  return std::ranges::find(kSaidOnly, loss) == kSaidOnly.end();
}

bool is_of_postgresql(Loss loss) {
  return loss == Loss::null_as_unchanged || loss == Loss::nanosecond_range;
}

}  // namespace metadb::ingest
