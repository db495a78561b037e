// Values in Avro's binary encoding, as the trees that their JSON would give.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "ingest/avro_schema.h"
#include "ingest/json.h"

namespace metadb::ingest {

// Short texts that stay where they are; the room is used again after clear().
class TextArena {
 public:
  static constexpr size_t kTextMax = 64;

  // Room for kTextMax characters; keep() says how many of them are used.
  char* room();
  std::string_view keep(size_t length);
  void clear();

 private:
  static constexpr size_t kChunkBytes = 16384;
  static constexpr size_t kChunksKept = 64;

  std::vector<std::unique_ptr<char[]>> chunks_;
  size_t chunk_ = 0;
  size_t used_ = 0;
};

// Reads one value at a time into buffers that it reuses. One thread.
class AvroReader {
 public:
  // The root. As JsonConverter would have it: int64 are numbers, NaN is a string; bytes stay bytes.
  // The views point into `bytes`, the schema and this reader; they live until the next call.
  // Throws DecodeError if `bytes` are not exactly one value of the schema.
  const JsonNode& read(std::shared_ptr<const AvroSchema> schema, std::string_view bytes);

 private:
  // An array or an object while its children are appended.
  struct Open {
    size_t index;
  };

  [[nodiscard]] std::string_view take(uint64_t length, const char* what);
  int64_t take_long();
  int32_t take_int();
  std::string_view take_text();
  JsonNode& append(JsonKind kind, std::string_view name, std::string_view text);
  Open open(JsonKind kind, std::string_view name);
  void close(Open open);
  void append_value(const AvroType& type, std::string_view name, size_t depth);
  void append_boolean(std::string_view name);
  void append_number(std::string_view name, int64_t value);
  template <typename Float, typename Bits>
  void append_floating(std::string_view name);
  void append_symbol(const AvroType& type, std::string_view name);
  void append_record(const AvroType& type, std::string_view name, size_t depth);
  void append_alternative(const AvroType& type, std::string_view name, size_t depth);
  void append_array(const AvroType& type, std::string_view name, size_t depth);
  void append_entry(const AvroType& entry, size_t depth);
  void append_map(const AvroType& type, std::string_view name, size_t depth);
  uint64_t take_block();

  std::shared_ptr<const AvroSchema> schema_;
  std::string_view rest_;
  size_t nodes_max_ = 0;
  std::vector<JsonNode> nodes_;
  TextArena arena_;
};

}  // namespace metadb::ingest
