#include "ingest/json.h"

#include <simdjson.h>

#include <cstring>
#include <utility>

#include "ingest/debezium_error.h"

namespace metadb::ingest {
namespace {

namespace ondemand = simdjson::ondemand;

// A buffer that one long message needed is given back after it.
constexpr size_t kKeptBytes = size_t{4} << 20;
constexpr size_t kKeptNodes = 65536;

[[noreturn]] void throw_invalid(std::string_view what) {
  throw DecodeError("not valid JSON: " + std::string(what), "22032");
}

void check(simdjson::error_code error) {
  if (error == simdjson::SUCCESS) return;
  if (error == simdjson::UTF8_ERROR) throw DecodeError("not valid UTF-8", "22021");
  throw_invalid(simdjson::error_message(error));
}

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::string_view trimmed_right(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// RFC 8259 section 6.
bool is_number(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t start = at;
    while (at < text.size() && is_digit(text[at])) at++;
    return at > start;
  };
  if (at < text.size() && text[at] == '-') at++;
  const size_t first = at;
  if (!digits() || (text[first] == '0' && at > first + 1)) return false;
  if (at < text.size() && text[at] == '.') {
    at++;
    if (!digits()) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    at++;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) at++;
    if (!digits()) return false;
  }
  return at == text.size();
}

}  // namespace

const JsonNode* JsonNode::member(std::string_view wanted) const {
  if (kind != JsonKind::object) return nullptr;
  for (const JsonNode* child = begin(); child != end(); child = child->next()) {
    if (child->name == wanted) return child;
  }
  return nullptr;
}

struct JsonParser::Buffers {
  ondemand::parser parser;
  ondemand::document document;
  std::vector<char> padded;
  size_t length = 0;
  std::vector<JsonNode> nodes;
  bool has_unicode_escapes = false;

  void load(std::string_view text);
  std::string_view checked(std::string_view unescaped) const;
  std::string_view text_from(const char* start);
  void append(ondemand::value value, std::string_view name, size_t depth);
  void append_members(ondemand::object object, size_t depth);
  void append_scalar(JsonNode& node, ondemand::value& value, ondemand::json_type type) const;
};

void JsonParser::Buffers::load(std::string_view text) {
  if (padded.size() > kKeptBytes && text.size() < kKeptBytes / 2) {
    padded = std::vector<char>();
    parser = ondemand::parser();
  }
  if (nodes.capacity() > kKeptNodes) nodes = std::vector<JsonNode>();
  nodes.clear();
  if (padded.size() < text.size() + simdjson::SIMDJSON_PADDING) {
    padded.resize(text.size() + text.size() / 2 + simdjson::SIMDJSON_PADDING);
  }
  std::memcpy(padded.data(), text.data(), text.size());
  std::memset(padded.data() + text.size(), ' ', simdjson::SIMDJSON_PADDING);
  length = text.size();
  has_unicode_escapes = text.find("\\u") != std::string_view::npos;
}

// simdjson lets \u escapes of lone surrogates through.
std::string_view JsonParser::Buffers::checked(std::string_view unescaped) const {
  if (has_unicode_escapes && !simdjson::validate_utf8(unescaped.data(), unescaped.size())) {
    throw DecodeError("not valid UTF-8: escape of a lone surrogate", "22021");
  }
  return unescaped;
}

// The document from `start` to the token at which the parser stands, trailing space removed.
std::string_view JsonParser::Buffers::text_from(const char* start) {
  const char* here = nullptr;
  const simdjson::error_code error = document.current_location().get(here);
  if (error == simdjson::OUT_OF_BOUNDS) {
    here = padded.data() + length;
  } else {
    check(error);
  }
  return trimmed_right({start, static_cast<size_t>(here - start)});
}

void JsonParser::Buffers::append_members(ondemand::object object, size_t depth) {
  for (auto item : object) {
    ondemand::field field;
    check(std::move(item).get(field));
    std::string_view name;
    check(field.unescaped_key().get(name));
    append(field.value(), checked(name), depth);
  }
}

void JsonParser::Buffers::append(ondemand::value value, std::string_view name, size_t depth) {
  if (depth >= kDepthMax) throw_invalid("nested too deeply");
  ondemand::json_type type{};
  check(value.type().get(type));
  const size_t index = nodes.size();
  nodes.push_back({.kind = JsonKind::null, .size = 1, .name = name, .text = {}});
  if (type != ondemand::json_type::object && type != ondemand::json_type::array) {
    append_scalar(nodes[index], value, type);
    return;
  }
  const char* start = value.raw_json_token().data();
  if (type == ondemand::json_type::object) {
    nodes[index].kind = JsonKind::object;
    ondemand::object object;
    check(value.get_object().get(object));
    append_members(object, depth + 1);
  } else {
    nodes[index].kind = JsonKind::array;
    ondemand::array array;
    check(value.get_array().get(array));
    for (auto item : array) {
      ondemand::value element;
      check(std::move(item).get(element));
      append(element, {}, depth + 1);
    }
  }
  nodes[index].size = static_cast<uint32_t>(nodes.size() - index);
  nodes[index].text = text_from(start);
}

void JsonParser::Buffers::append_scalar(JsonNode& node, ondemand::value& value,
                                        ondemand::json_type type) const {
  if (type == ondemand::json_type::string) {
    node.kind = JsonKind::string;
    check(value.get_string().get(node.text));
    checked(node.text);
    return;
  }
  node.text = trimmed_right(value.raw_json_token());
  if (type == ondemand::json_type::number) {
    node.kind = JsonKind::number;
    if (!is_number(node.text)) throw_invalid("malformed number");
  } else if (type == ondemand::json_type::boolean) {
    node.kind = JsonKind::boolean;
    check(value.get_bool().error());
  } else {
    node.kind = JsonKind::null;
    if (node.text != "null") throw_invalid("malformed null");
  }
}

JsonParser::JsonParser() : buffers_(std::make_unique<Buffers>()) {}
JsonParser::~JsonParser() = default;
JsonParser::JsonParser(JsonParser&&) noexcept = default;
JsonParser& JsonParser::operator=(JsonParser&&) noexcept = default;

const JsonNode& JsonParser::parse_object(std::string_view text) {
  Buffers& buffers = *buffers_;
  buffers.load(text);
  check(buffers.parser.iterate(buffers.padded.data(), text.size(), buffers.padded.size())
            .get(buffers.document));
  ondemand::object object;
  check(buffers.document.get_object().get(object));
  buffers.nodes.push_back({.kind = JsonKind::object, .size = 1, .name = {}, .text = {}});
  buffers.append_members(object, 1);
  const char* rest = nullptr;
  if (buffers.document.current_location().get(rest) != simdjson::OUT_OF_BOUNDS) {
    throw_invalid("text after the closing brace");
  }
  JsonNode& root = buffers.nodes.front();
  root.size = static_cast<uint32_t>(buffers.nodes.size());
  root.text = trimmed_right({buffers.padded.data(), text.size()});
  return root;
}

bool is_utf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

std::string_view payload_after_known_schema(std::string_view message,
                                            std::string_view known_schema) {
  constexpr std::string_view kSchema = R"({"schema":)";
  constexpr std::string_view kPayload = R"(,"payload":)";
  if (message.size() <= kSchema.size() + known_schema.size() + kPayload.size() + 1) return {};
  if (!message.starts_with(kSchema) || message.back() != '}') return {};
  message.remove_prefix(kSchema.size());
  if (!message.starts_with(known_schema)) return {};
  message.remove_prefix(known_schema.size());
  if (!message.starts_with(kPayload)) return {};
  message.remove_prefix(kPayload.size());
  message.remove_suffix(1);
  return message;
}

}  // namespace metadb::ingest
