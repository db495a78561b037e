#include "ingest/debezium_unavailable.h"

#include <algorithm>
#include <charconv>

#include "ingest/debezium_base64.h"
#include "ingest/json_text.h"
#include "ingest/name_uuid.h"

namespace metadb::ingest {
namespace {

std::string placeholder_bytes(std::string_view configured) {
  constexpr std::string_view kHex = "hex:";
  if (!configured.starts_with(kHex)) return std::string(configured);
  std::string bytes;
  for (size_t i = kHex.size(); i + 1 < configured.size(); i += 2) {
    unsigned byte = 0;
    const char* digits = configured.data() + i;
    if (std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) {
      return std::string(configured);
    }
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

std::string json_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string byte_list(std::string_view bytes) {
  std::string list = "[";
  for (const char byte : bytes) {
    if (list.size() > 1) list += ',';
    list += std::to_string(static_cast<int>(static_cast<signed char>(byte)));
  }
  return list + "]";
}

}  // namespace

UnavailableMarker::UnavailableMarker(std::string_view placeholder)
    : text_(placeholder_bytes(placeholder)), base64_(base64_encoded(text_)) {
  const std::string quoted = json_string(text_);
  hstore_ = "{" + quoted + ":" + quoted + "}";
  arrays_ = {"[" + quoted + "]", "[\"" + base64_ + "\"]", byte_list(text_),
             "[\"" + name_uuid(text_) + "\"]"};
}

// Arrays of one element, or of as many as the placeholder has bytes; objects of one member.
bool UnavailableMarker::is_marker_json(const JsonNode& value) const {
  const auto is_one_of_ours = [this, &value](std::string_view text) {
    return value.kind == JsonKind::object
               ? text == hstore_
               : std::find(arrays_.begin(), arrays_.end(), text) != arrays_.end();
  };
  if (!value.text.empty()) return is_one_of_ours(value.text);
  const bool may_be = value.size == 2 || value.size == 1 + text_.size();
  return may_be && is_one_of_ours(json_text(value));
}

bool UnavailableMarker::matches(const JsonNode& value, catalog::PgType type) const {
  switch (value.kind) {
    case JsonKind::string:
      return value.text == (type == catalog::PgType::bytea ? base64_ : text_) ||
             value.text == hstore_;
    case JsonKind::bytes:
      return type == catalog::PgType::bytea && value.text == text_;
    case JsonKind::object:
    case JsonKind::array:
      return is_marker_json(value);
    default:
      return false;
  }
}

}  // namespace metadb::ingest
