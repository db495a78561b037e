// Messages of JsonConverter in the form that Confluent's and Apicurio's AvroConverter give them.
#pragma once

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <limits>
#include <set>
#include <string>

#include "ingest/debezium_base64.h"
#include "tests/ingest/connect_type.h"

namespace metadb::tests {

// Writes schemas; a name that was defined is referred to.
class AvroSchemaWriter {
 public:
  std::string write(const ConnectType& type) {
    const std::string own = not_null(type);
    return type.is_optional ? R"(["null",)" + own + "]" : own;
  }

 private:
  std::string not_null(const ConnectType& type) {
    if (type.type == "struct") return record(type);
    std::string json = "{";
    if (type.type == "array") {
      json += R"("type":"array","items":)" + write(type.parts[0]);
    } else if (type.type == "map" && type.parts[0].type == "string") {
      json += R"("type":"map","values":)" + write(type.parts[1]);
    } else if (type.type == "map") {
      json +=
          fmt::format(R"("type":"array","items":{{"type":"record","name":"Entry{}",)"
                      R"("connect.internal.type":"MapEntry","fields":[{{"name":"key","type":{}}},)"
                      R"({{"name":"value","type":{}}}]}})",
                      ++count_, write(type.parts[0]), write(type.parts[1]));
    } else {
      json += primitive(type);
    }
    return json + notes(type) + "}";
  }

  static std::string primitive(const ConnectType& type) {
    if (type.type == "int64") return R"("type":"long")";
    if (type.type == "int32") return R"("type":"int")";
    if (type.type.starts_with("int")) {
      return R"("type":"int","connect.type":")" + type.type + "\"";
    }
    return R"("type":")" + type.type + "\"";
  }

  static std::string notes(const ConnectType& type) {
    std::string json;
    if (!type.parameters.empty()) json += R"(,"connect.parameters":)" + type.parameters;
    if (!type.name.empty()) json += R"(,"connect.version":1,"connect.name":")" + type.name + "\"";
    if (type.name.ends_with("data.Decimal")) {
      ingest::JsonParser parser;
      const std::string scale = text_member(
          type.parameters.empty() ? nullptr : &parser.parse_object(type.parameters), "scale");
      json += fmt::format(R"(,"logicalType":"decimal","precision":64,"scale":{})",
                          scale.empty() ? "0" : scale);
    }
    return json;
  }

  std::string record(const ConnectType& type) {
    std::string name = type.name;
    for (char& c : name) {
      if (c == '-') c = '_';
    }
    if (name.empty()) name = fmt::format("ConnectDefault{}", ++count_);
    if (!defined_.insert(name).second) return "\"" + name + "\"";
    std::string json = fmt::format(R"({{"type":"record","name":"{}","fields":[)", name);
    for (const auto& [field, its_type] : type.fields) {
      if (json.back() != '[') json += ',';
      json += fmt::format(R"({{"name":"{}","type":{},"default":null}})", field, write(its_type));
    }
    return json + "]" + notes(type) + "}";
  }

  std::set<std::string> defined_;
  int count_ = 0;
};

inline void append_long(std::string& out, int64_t value) {
  uint64_t bits = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  for (; bits > 0x7f; bits >>= 7) out += static_cast<char>((bits & 0x7f) | 0x80);
  out += static_cast<char>(bits);
}

inline void append_avro_text(std::string& out, std::string_view text) {
  append_long(out, static_cast<int64_t>(text.size()));
  out += text;
}

template <typename Float, typename Bits>
void append_avro_float(std::string& out, const JsonNode& value) {
  Float number = 0;
  if (value.text == "NaN") {
    number = std::numeric_limits<Float>::quiet_NaN();
  } else if (value.text.ends_with("Infinity")) {
    number = std::numeric_limits<Float>::infinity() * (value.text[0] == '-' ? Float{-1} : 1);
  } else {
    std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
  }
  const auto bits = std::bit_cast<Bits>(number);
  for (size_t i = 0; i < sizeof(Bits); ++i) out += static_cast<char>((bits >> (8 * i)) & 0xff);
}

inline void append_avro(std::string& out, const ConnectType& type, const JsonNode& value);

// In blocks of at most two items, every other one with its size.
template <typename Append>
void append_blocks(std::string& out, const JsonNode& value, const Append& append) {
  bool has_size = false;
  for (const JsonNode* item = value.begin(); item != value.end();) {
    std::string block;
    int64_t count = 0;
    for (; count < 2 && item != value.end(); item = item->next(), ++count) append(block, *item);
    append_long(out, has_size ? -count : count);
    if (has_size) append_long(out, static_cast<int64_t>(block.size()));
    out += block;
    has_size = !has_size;
  }
  append_long(out, 0);
}

inline void append_avro_scalar(std::string& out, const ConnectType& type, const JsonNode& value) {
  if (type.type == "boolean") {
    out += value.text == "true" ? '\1' : '\0';
  } else if (type.type == "float") {
    append_avro_float<float, uint32_t>(out, value);
  } else if (type.type == "double") {
    append_avro_float<double, uint64_t>(out, value);
  } else if (type.type == "bytes") {
    std::string bytes;
    ingest::append_base64_decoded(bytes, value.text);
    append_avro_text(out, bytes);
  } else if (type.type == "string") {
    append_avro_text(out, value.text);
  } else {
    int64_t number = 0;
    std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
    append_long(out, number);
  }
}

inline void append_avro(std::string& out, const ConnectType& type, const JsonNode& value) {
  static const JsonNode kNoNode{};
  if (type.is_optional) append_long(out, value.is_null() ? 0 : 1);
  if (value.is_null()) return;
  if (type.type == "struct") {
    for (const auto& [name, its_type] : type.fields) {
      const JsonNode* member = value.member(name);
      append_avro(out, its_type, member == nullptr ? kNoNode : *member);
    }
  } else if (type.type == "array") {
    append_blocks(out, value, [&](std::string& block, const JsonNode& item) {
      append_avro(block, type.parts[0], item);
    });
  } else if (type.type == "map" && value.kind == JsonKind::object) {
    append_blocks(out, value, [&](std::string& block, const JsonNode& item) {
      append_avro_text(block, item.name);
      append_avro(block, type.parts[1], item);
    });
  } else if (type.type == "map") {
    append_blocks(out, value, [&](std::string& block, const JsonNode& pair) {
      append_avro(block, type.parts[0], *pair.begin());
      append_avro(block, type.parts[1], *pair.begin()->next());
    });
  } else {
    append_avro_scalar(out, type, value);
  }
}

}  // namespace metadb::tests
