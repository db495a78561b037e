#include "ingest/debezium_printed.h"

#include <fmt/format.h>

#include <optional>

#include "ingest/debezium_error.h"
#include "ingest/debezium_scalar.h"
#include "ingest/debezium_text.h"
#include "ingest/debezium_time.h"
#include "ingest/postgres_text.h"

namespace metadb::ingest {
namespace {

// Of a cell, behind its length.
std::string_view value_of(std::string_view cell) {
  return cell.substr(sizeof(int32_t));
}

// nullopt: nothing prints its type.
std::optional<std::string> element_text(const ColumnType& element, const JsonNode& item) {
  std::string cell;
  if (const auto wider = wider_type(element); wider && wider->pg_type == catalog::PgType::text) {
    wider->convert(item, wider->parameters, cell);
    return std::string(value_of(cell));
  }
  element.convert(item, element.parameters, cell);
  return postgres_text(element.pg_type, value_of(cell));
}

std::optional<std::string> array_text(const JsonNode& value, const TypeParameters& parameters) {
  std::string scratch;
  try {
    convert_array(value, parameters, scratch);
  } catch (const DecodeError&) {
    return std::nullopt;
  }
  ArrayText out;
  for (const JsonNode* item = value.begin(); item != value.end(); item = item->next()) {
    if (item->is_null()) {
      out.add(std::nullopt);
      continue;
    }
    const auto text = element_text(*parameters.element, *item);
    if (!text) return std::nullopt;
    out.add(text);
  }
  return out.text();
}

}  // namespace

bool append_printed(Converter narrow, catalog::PgType type, const JsonNode& value,
                    const TypeParameters& parameters, std::string& out) {
  std::string cell;
  try {
    narrow(value, parameters, cell);
  } catch (const DecodeError&) {
    return false;
  }
  const auto text = postgres_text(type, value_of(cell));
  if (text) append_text_cell(out, *text);
  return text.has_value();
}

template <int64_t kPerSecond>
void convert_time_to_text(const JsonNode& value, const TypeParameters&, std::string& out) {
  constexpr auto kUnits = static_cast<uint64_t>(kPerSecond);
  const int64_t time = integer(value);
  const uint64_t length = time < 0 ? -static_cast<uint64_t>(time) : static_cast<uint64_t>(time);
  const uint64_t seconds = length / kUnits;
  const uint64_t part = length % kUnits;
  const uint64_t nanos = part * (1'000'000'000 / kUnits);
  std::string text = fmt::format("{}{:02}:{:02}:{:02}", time < 0 ? "-" : "", seconds / 3600,
                                 seconds / 60 % 60, seconds % 60);
  if (nanos != 0) {
    text += fmt::format(".{:09}", nanos);
    text.erase(text.find_last_not_of('0') + 1);
  }
  append_text_cell(out, text);
}

template void convert_time_to_text<1'000>(const JsonNode&, const TypeParameters&, std::string&);
template void convert_time_to_text<1'000'000>(const JsonNode&, const TypeParameters&, std::string&);
template void convert_time_to_text<1'000'000'000>(const JsonNode&, const TypeParameters&,
                                                  std::string&);

void convert_timestamp_nanos_to_text(const JsonNode& value, const TypeParameters&,
                                     std::string& out) {
  append_text_cell(out, timestamp_text_from_nanos(integer(value)));
}

void convert_iso_time_to_text(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "a time");
  append_text_cell(out, time_text(value.text));
}

void convert_iso_timestamp_to_text(const JsonNode& value, const TypeParameters&, std::string& out) {
  expect(value, JsonKind::string, "a timestamp");
  append_text_cell(out, timestamp_text(value.text));
}

void convert_zoned_timestamp_to_text(const JsonNode& value, const TypeParameters&,
                                     std::string& out) {
  expect(value, JsonKind::string, "a timestamp with time zone");
  append_text_cell(out, zoned_timestamp_text(value.text));
}

void convert_array_to_text(const JsonNode& value, const TypeParameters& parameters,
                           std::string& out) {
  if (const auto text = array_text(value, parameters)) {
    append_text_cell(out, *text);
  } else {
    convert_as_it_stands(value, parameters, out);
  }
}

}  // namespace metadb::ingest
