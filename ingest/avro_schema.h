// Avro schemas of writers, and the Kafka Connect schemas that they stand for.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/error.h"
#include "ingest/wire_format.h"

namespace metadb::ingest {

enum class AvroKind : uint8_t {
  null,
  boolean,
  int32,
  int64,
  float32,
  float64,
  bytes,
  string,
  record,
  enumeration,
  array,
  map,
  alternatives,  // a union
  fixed,
};

struct AvroType;

struct AvroMember {
  std::string name;
  const AvroType* type = nullptr;
  // Of a field what the source's column has, as JSON; empty: none. That of a field that may be null
  // is null where there is none.
  std::string default_value = {};
};

struct AvroType {
  AvroKind kind = AvroKind::null;
  bool is_entries = false;  // an array that stands for a map whose keys are no strings
  size_t size = 0;          // of a fixed
  // Fields of a record; branches of a union, by the names of their types; the one element of an
  // array or a map.
  std::vector<AvroMember> members;
  std::vector<std::string> symbols;

  // In words of Kafka Connect, as its converter to Avro has left them in the schema.
  std::string connect_type;
  std::string semantic;
  std::string parameters;  // a JSON object, or empty
};

// One writer's schema, with all that it refers to. Immutable. Records may be recursive; their
// Connect schema may not.
class AvroSchema {
 public:
  // `referenced`: schemas whose names `text` may use, each after those that it uses itself.
  // Throws DecodeError for what is no schema.
  explicit AvroSchema(std::string_view text, const std::vector<std::string>& referenced = {});
  AvroSchema(const AvroSchema&) = delete;
  AvroSchema& operator=(const AvroSchema&) = delete;

  [[nodiscard]] const AvroType& root() const { return *root_; }
  // What JsonConverter would write as the "schema" of a message. Names stay as Avro has them.
  [[nodiscard]] const std::string& connect_schema() const { return connect_schema_; }

  static constexpr size_t kConnectBytesMax = size_t{16} << 20;

 private:
  std::deque<AvroType> types_;
  const AvroType* root_ = nullptr;
  std::string connect_schema_;
};

// A writer's schema can't be had now: nothing is wrong with the record, which is to be read again.
struct SchemaMissing : catalog::Error {
  explicit SchemaMissing(const catalog::Error& reason) : catalog::Error(reason) {}
};

// Where writers' schemas come from. Used by one thread.
class SchemaStore {
 public:
  virtual ~SchemaStore() = default;
  // Never null. Throws SchemaMissing. May wait for some seconds.
  virtual std::shared_ptr<const AvroSchema> schema(const SchemaId& id) = 0;
};

}  // namespace metadb::ingest
