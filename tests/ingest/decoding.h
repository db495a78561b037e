// One table's messages, and what they are decoded to.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "ingest/debezium.h"
#include "tests/ingest/debezium_message.h"

namespace metadb::tests {

inline const std::vector<TestField> kKey = {{"id", "int32", "", ""}};
inline const std::vector<TestField> kRow = {{"id", "int32", "", ""},
                                            {"name", "string", "", ""},
                                            {"blob", "bytes", "", ""},
                                            {"tags", "array", "", ""}};
inline const std::string kAnne = R"({"id":1,"name":"Anne","blob":"AQID","tags":["a"]})";

// Cells for the expected side: int32 length, then the bytes.
inline std::string cell(std::string_view bytes) {
  std::string out = {0, 0, 0, static_cast<char>(bytes.size())};
  return out + std::string(bytes);
}
inline std::string int_cell(char value) {
  return cell(std::string({0, 0, 0, value}));
}
inline const std::string kNull = "\xff\xff\xff\xff";
inline const std::string kAnneCells = int_cell(1) + cell("Anne") + cell("\1\2\3") + cell("[\"a\"]");

inline ingest::Change change_of(ingest::Decoder& decoder, const std::string* key,
                                const std::string& value,
                                std::vector<ingest::Header> headers = {}) {
  ingest::Message its_message = message(key, &value);
  its_message.headers = std::move(headers);
  return std::get<ingest::Change>(decoder.decode(its_message));
}

inline ingest::Change change_of(const std::string* key, const std::string& value,
                                std::vector<ingest::Header> headers = {}) {
  ingest::Decoder decoder;
  return change_of(decoder, key, value, std::move(headers));
}

inline ingest::Ignored ignored(const std::string* key, const std::string* value) {
  return std::get<ingest::Ignored>(ingest::Decoder().decode(message(key, value)));
}

inline std::string reason_of(const std::string* key, const std::string& value) {
  try {
    ingest::Decoder().decode(message(key, &value));
  } catch (const ingest::DecodeError& error) {
    return error.what();
  }
  return "was decoded";
}

inline std::string source_with(const std::string& from, const std::string& to) {
  std::string source(kTestSource);
  const size_t at = source.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return source.replace(at, from.size(), to);
}

inline const std::string kKey1 = key_json(kKey, R"({"id":1})");

inline const std::string kMarker = R"("__debezium_unavailable_value")";
inline const std::string kMarkedRow =
    R"({"id":1,"name":)" + kMarker +
    R"(,"blob":"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==","tags":[)" + kMarker + "]}";

}  // namespace metadb::tests
