#include "ingest/debezium_losses.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace metadb::ingest {
namespace {

constexpr std::array<std::string_view, 3> kDecimals = {"NUMERIC", "DECIMAL", "MONEY"};

std::string_view text_of(Loss loss) {
  switch (loss) {
    case Loss::null_as_default:
      return "table {}: NULL in {} arrives as the column's default, unless the connector has "
             "value.converter.replace.null.with.default=false";
    case Loss::rounded_decimal:
      return "table {}: {} arrives rounded to a double; set decimal.handling.mode=precise in the "
             "connector";
    case Loss::interval_in_micros:
      return "table {}: an interval in {} arrives as microseconds, its months as 30.4375 days "
             "each; "
             "set interval.handling.mode=string in the connector";
    case Loss::bytea_as_text:
      return "table {}: {} is bytea in the source and arrives as a text; set "
             "binary.handling.mode=bytes in the connector, or say with the option "
             "binary_handling_mode of the data source what it is";
    case Loss::time_in_millis:
      return "table {}: microseconds in {} are cut off by the connector; set another "
             "time.precision.mode than connect";
    case Loss::null_as_unchanged:
      return "table {}: a large value of {} arrives as NULL from updates that leave it as it is, "
             "unless the table in the source has REPLICA IDENTITY FULL";
    case Loss::no_schema:
      return "table {}: its events come without schemas: columns that are new here become text, "
             "numeric or boolean, with dates and times as the connector's numbers, bytea and "
             "decimals in base64; set value.converter.schemas.enable=true and "
             "key.converter.schemas.enable=true in the connector";
  }
  return "";
}

// Values that may be long, and for which the connector's placeholder does not fit the schema.
bool lacks_placeholder(const FieldSchema& field) {
  constexpr std::array<std::string_view, 5> kLong = {
      "io.debezium.data.geometry.Geometry", "io.debezium.data.geometry.Geography",
      "io.debezium.data.DoubleVector", "io.debezium.data.FloatVector",
      "io.debezium.data.SparseDoubleVector"};
  if (std::ranges::find(kLong, field.semantic) != kLong.end()) return true;
  if (field.type != "array" || !field.items) return false;
  const FieldSchema& items = *field.items;
  constexpr std::array<std::string_view, 3> kNamed = {
      "io.debezium.data.Uuid", "io.debezium.data.Json", "io.debezium.time.Date"};
  if (!items.semantic.empty()) return std::ranges::find(kNamed, items.semantic) == kNamed.end();
  constexpr std::array<std::string_view, 4> kPlain = {"string", "bytes", "int32", "int64"};
  return std::ranges::find(kPlain, items.type) == kPlain.end();
}

}  // namespace

std::vector<Loss> losses_of(const FieldSchema& field) {
  std::vector<Loss> out;
  const std::string& semantic = field.semantic;
  if (field.is_optional && field.has_default) out.push_back(Loss::null_as_default);
  const bool is_decimal = std::ranges::find(kDecimals, field.source_type) != kDecimals.end();
  if (field.type == "double" && is_decimal) out.push_back(Loss::rounded_decimal);
  if (semantic == "io.debezium.time.MicroDuration") out.push_back(Loss::interval_in_micros);
  if (field.type == "string" && field.source_type == "BYTEA") out.push_back(Loss::bytea_as_text);
  // In these modes the connector has no placeholder (debezium-format 10).
  if (field.type.starts_with("base64")) out.push_back(Loss::null_as_unchanged);
  if (semantic == "org.apache.kafka.connect.data.Timestamp" ||
      semantic == "org.apache.kafka.connect.data.Time") {
    out.push_back(Loss::time_in_millis);
  }
  if (lacks_placeholder(field)) out.push_back(Loss::null_as_unchanged);
  return out;
}

std::string described(Loss loss, std::string_view table, const std::vector<std::string>& columns) {
  return fmt::format(fmt::runtime(text_of(loss)), table, fmt::join(columns, ", "));
}

bool is_certain(Loss loss) {
  return loss != Loss::null_as_default && loss != Loss::null_as_unchanged;
}

}  // namespace metadb::ingest
