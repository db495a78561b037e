// JSON texts as flat trees. The only file pair of the product that includes simdjson.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace metadb::ingest {

// bytes: JSON has none, and writes base64; other encodings have them as they are.
enum class JsonKind : uint8_t { null, boolean, number, string, array, object, bytes };

// One value. The nodes of a tree lie in document order, so the children of a node follow it; all
// views live until the next parse.
struct JsonNode {
  JsonKind kind = JsonKind::null;
  uint32_t size = 1;      // nodes of this subtree, this one included
  std::string_view name;  // unescaped member name; empty in arrays and at the root
  // A string unescaped; bytes; everything else as it stands in the document. Arrays and objects of
  // another encoding than JSON have none: json_text.h writes it.
  std::string_view text;

  [[nodiscard]] const JsonNode* begin() const { return this + 1; }
  [[nodiscard]] const JsonNode* end() const { return this + size; }
  [[nodiscard]] const JsonNode* next() const { return this + size; }
  // The first member of that name; null if there is none or this is not an object.
  [[nodiscard]] const JsonNode* member(std::string_view name) const;
  [[nodiscard]] bool is_null() const { return kind == JsonKind::null; }
};

// Parses one document at a time into buffers that it reuses. One thread.
class JsonParser {
 public:
  JsonParser();
  ~JsonParser();
  JsonParser(JsonParser&&) noexcept;
  JsonParser& operator=(JsonParser&&) noexcept;

  // The root of the parsed document. Throws DecodeError if `text` is not exactly one JSON object
  // in valid UTF-8, nested less than kDepthMax deep.
  const JsonNode& parse_object(std::string_view text);

  static constexpr size_t kDepthMax = 128;

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

bool is_utf8(std::string_view text);

// P of a message {"schema":S,"payload":P} whose S is, byte for byte, `known_schema`: found without
// looking into either. Empty if the message does not begin so; P is not checked.
std::string_view payload_after_known_schema(std::string_view message,
                                            std::string_view known_schema);

}  // namespace metadb::ingest
