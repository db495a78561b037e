#include "ingest/debezium_text.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "ingest/debezium_cell.h"
#include "ingest/debezium_scalar.h"
#include "ingest/json_text.h"

namespace metadb::ingest {
namespace {

constexpr char kJsonbVersion = 1;

}  // namespace

void append_storable(std::string& out, std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
  for (size_t nul = text.find('\0'); nul != std::string_view::npos; nul = text.find('\0')) {
    out += text.substr(0, nul);
    out += kReplacement;
    text.remove_prefix(nul + 1);
  }
  out += text;
}

void append_text_cell(std::string& out, std::string_view text) {
  const size_t begin = begin_cell(out);
  append_storable(out, text);
  end_cell(out, begin);
}

void append_decoded_text_cell(std::string& out, std::string_view text) {
  if (text.find('\0') != std::string_view::npos || !is_utf8(text)) {
    throw DecodeError("bytes that are no text", "22008");
  }
  append_text_cell(out, text);
}

template <typename Float>
void append_float_text(std::string& out, Float value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  char digits[64];
  const auto end =
      std::to_chars(digits, digits + sizeof(digits), value, std::chars_format::scientific).ptr;
  const std::string_view text(digits, static_cast<size_t>(end - digits));
  const size_t mark = text.rfind('e');
  int exponent = 0;
  const size_t sign = text[mark + 1] == '+' ? 1 : 0;
  std::from_chars(text.data() + mark + 1 + sign, end, exponent);
  // As printf's %g chooses.
  if (exponent < -4 || exponent >= std::numeric_limits<Float>::digits10) {
    out += text;
    return;
  }
  char fixed[64];
  const auto last =
      std::to_chars(fixed, fixed + sizeof(fixed), value, std::chars_format::fixed).ptr;
  out.append(fixed, static_cast<size_t>(last - fixed));
}

template void append_float_text<float>(std::string& out, float value);
template void append_float_text<double>(std::string& out, double value);

void convert_text(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "a string");
  append_text_cell(out, value.text);
}

void convert_as_it_stands(const JsonNode& value, const TypeParameters&, std::string& out) {
  const bool is_spelt = !value.text.empty() && value.kind != JsonKind::bytes;
  if (is_spelt) {
    append_text_cell(out, value.text);
  } else {
    append_text_cell(out, json_text(value));
  }
}

void convert_json(const JsonNode& value, const TypeParameters& parameters, std::string& out) {
  convert_text(value, parameters, out);
}

void convert_jsonb(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "a string");
  const size_t begin = begin_cell(out);
  out += kJsonbVersion;
  append_storable(out, value.text);
  end_cell(out, begin);
}

void convert_map(const JsonNode& value, const TypeParameters&, std::string& out) {
  const bool is_entries = value.kind == JsonKind::array;  // of a map whose keys are no strings
  if (!is_entries) expect(value, JsonKind::object, "a map");
  const size_t begin = begin_cell(out);
  out += kJsonbVersion;
  if (value.text.empty()) {
    out += json_text(value);
  } else {
    out += value.text;
  }
  end_cell(out, begin);
}

void convert_text_bytes(const JsonNode& value, const TypeParameters&, std::string& out) {
  std::string text;
  append_bytes(text, value);
  append_decoded_text_cell(out, text);
}

}  // namespace metadb::ingest
