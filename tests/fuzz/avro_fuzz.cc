// libFuzzer target: Avro. How it works: the input is a writer's schema and a value, split at the
// first line feed. The schema is compiled; whatever it is, the value is read by it. Then key and
// value of a message are decoded by it as well. Only DecodeError may come out.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "ingest/avro_value.h"
#include "ingest/debezium.h"
#include "ingest/json_text.h"

namespace {

using metadb::ingest::AvroSchema;
using metadb::ingest::DecodeError;

// The schema of the input under every id.
class OneSchema : public metadb::ingest::SchemaStore {
 public:
  explicit OneSchema(std::shared_ptr<const AvroSchema> schema) : schema_(std::move(schema)) {}
  std::shared_ptr<const AvroSchema> schema(const metadb::ingest::SchemaId&) override {
    return schema_;
  }

 private:
  std::shared_ptr<const AvroSchema> schema_;
};

void decode(const std::shared_ptr<const AvroSchema>& schema, std::string_view body) {
  metadb::ingest::Decoder decoder({.schemas = std::make_shared<OneSchema>(schema)});
  const std::string framed = std::string("\0\0\0\0\1", 5) + std::string(body);
  metadb::ingest::Message message;
  message.topic = "srv.public.t";
  message.value = framed;
  for (const bool has_key : {false, true}) {
    if (has_key) message.key = framed;
    try {
      decoder.decode(message);
    } catch (const DecodeError&) {
      continue;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t split = input.find('\n');
  if (split == std::string_view::npos) return 0;
  const std::string_view body = input.substr(split + 1);
  try {
    const auto schema = std::make_shared<const AvroSchema>(input.substr(0, split));
    decode(schema, body);
    metadb::ingest::AvroReader reader;
    std::string text;
    append_json(text, reader.read(schema, body));
  } catch (const DecodeError&) {
    return 0;
  }
  return 0;
}
