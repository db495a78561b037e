#include "ingest/json_lines.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "catalog/error.h"

namespace metadb::ingest {
namespace {

using Element = simdjson::dom::element;

std::optional<std::string> text_or_null(Element element) {
  if (element.is_null()) return std::nullopt;
  return std::string(element.get_string().value());
}

std::optional<Element> field(Element object, std::string_view name) {
  Element found;
  const auto error = object.at_key(name).get(found);
  if (error == simdjson::NO_SUCH_FIELD) return std::nullopt;
  if (error != simdjson::SUCCESS) throw simdjson::simdjson_error(error);
  return found;
}

Element needed(Element object, std::string_view name) {
  const auto found = field(object, name);
  if (!found) throw std::invalid_argument(fmt::format("\"{}\" is missing", name));
  return *found;
}

std::vector<Header> headers_of(Element list) {
  std::vector<Header> headers;
  const simdjson::dom::array pairs = list.get_array().value();
  for (const Element pair : pairs) {
    const simdjson::dom::array parts = pair.get_array().value();
    if (parts.size() != 2) throw std::invalid_argument("a header is not a pair");
    headers.push_back(
        {std::string(parts.at(0).value().get_string().value()), text_or_null(parts.at(1).value())});
  }
  return headers;
}

RecordedMessage record_of(Element object) {
  RecordedMessage record;
  record.topic = std::string(needed(object, "topic").get_string().value());
  const int64_t partition = needed(object, "partition").get_int64().value();
  record.offset = needed(object, "offset").get_int64().value();
  if (partition < 0 || partition > std::numeric_limits<int32_t>::max() || record.offset < 0) {
    throw std::invalid_argument("\"partition\" or \"offset\" is out of range");
  }
  record.partition = static_cast<int32_t>(partition);
  if (const auto time = field(object, "timestamp")) record.timestamp_ms = time->get_int64().value();
  if (const auto key = field(object, "key")) record.key = text_or_null(*key);
  if (const auto value = field(object, "value")) record.value = text_or_null(*value);
  if (const auto headers = field(object, "headers")) record.headers = headers_of(*headers);
  return record;
}

}  // namespace

std::vector<RecordedMessage> parse_recording(std::string_view text, const std::string& name) {
  std::vector<RecordedMessage> records;
  simdjson::dom::parser parser;
  int number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto refuse = [&](const char* why) {
      return catalog::Error("22P02", fmt::format("{}, line {}: {}", name, number, why));
    };
    try {
      records.push_back(record_of(parser.parse(line.data(), line.size()).value()));
    } catch (const simdjson::simdjson_error& error) {
      throw refuse(error.what());
    } catch (const std::invalid_argument& error) {
      throw refuse(error.what());
    }
  }
  return records;
}

std::vector<RecordedMessage> read_recording(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  const bool is_empty = file && file.peek() == std::ifstream::traits_type::eof() && !file.bad();
  if (!is_empty && !(file && text << file.rdbuf())) {
    throw catalog::Error("58P01", fmt::format("can't read \"{}\": {}", path, std::strerror(errno)));
  }
  return parse_recording(text.view(), path);
}

}  // namespace metadb::ingest
