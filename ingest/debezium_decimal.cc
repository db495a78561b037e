#include "ingest/debezium_decimal.h"

#include "ingest/debezium_base64.h"
#include "ingest/debezium_error.h"
#include "ingest/debezium_scalar.h"
#include "ingest/numeric.h"
#include "ingest/postgres_text.h"

namespace metadb::ingest {
namespace {

void append_sent_decimal(const JsonNode& value, int32_t scale, std::string& out) {
  if (value.kind == JsonKind::number) {  // decimal.format=NUMERIC
    append_numeric_cell(out, value.text);
    return;
  }
  if (value.kind == JsonKind::bytes) {
    append_numeric_cell(out, value.text, scale);
    return;
  }
  expect(value, JsonKind::string, "a decimal");
  std::string unscaled;
  append_base64_decoded(unscaled, value.text);
  append_numeric_cell(out, unscaled, scale);
}

// PostgreSQL's JDBC driver takes the 11 bits of a negative scale for a positive one: the values of
// numeric(5,-2) come with 2046 zeros behind the point, which their type does not have.
bool is_misread_scale(int32_t scale) {
  constexpr int32_t kDeclaredScaleMax = 1000;  // NUMERIC_MAX_SCALE
  constexpr int32_t kMisreadScaleEnd = 2048;
  return scale > kDeclaredScaleMax && scale < kMisreadScaleEnd;
}

}  // namespace

void convert_decimal(const JsonNode& value, const TypeParameters& parameters, std::string& out) {
  const size_t begin = out.size();
  append_sent_decimal(value, parameters.scale, out);
  if (is_misread_scale(parameters.scale)) trim_numeric_cell(out, begin);
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
  append_sent_decimal(*unscaled, static_cast<int32_t>(digits), out);
}

void convert_numeric_text(const JsonNode& value, const TypeParameters& parameters,
                          std::string& out) {
  expect(value, JsonKind::string, "a decimal");
  const size_t begin = out.size();
  append_numeric_word_cell(out, value.text);
  if (is_misread_scale(parameters.scale)) trim_numeric_cell(out, begin);
}

void convert_plain_decimal(const JsonNode& value, const TypeParameters& parameters,
                           std::string& out) {
  const size_t begin = out.size();
  convert_numeric_text(value, parameters, out);
  const auto cell = std::string_view(out).substr(begin + sizeof(int32_t));
  const bool is_number =
      !value.text.empty() && value.text.back() >= '0' && value.text.back() <= '9';
  if (is_number && postgres_text(catalog::PgType::numeric, cell) == value.text) return;
  throw DecodeError("not a decimal: " + excerpt(value.text), "22008");
}

}  // namespace metadb::ingest
