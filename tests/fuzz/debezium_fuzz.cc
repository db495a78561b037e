// libFuzzer target: the decoder. How it works: the input is a key and a value, split at the first
// line feed, given to a decoder that lives on, so that cached schemas meet broken messages; without
// a line feed it is a value without key. Only DecodeError may come out, or that Avro has no
// registry.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ingest/debezium.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static metadb::ingest::Decoder decoder;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t split = input.find('\n');
  metadb::ingest::Message message;
  message.topic = "srv.public.t";
  message.value = split == std::string_view::npos ? input : input.substr(split + 1);
  if (split != std::string_view::npos) {
    message.key = input.substr(0, split);
    message.headers.push_back({"__debezium.oldkey", std::string(input.substr(0, split))});
  }
  try {
    decoder.decode(message);
  } catch (const metadb::ingest::DecodeError&) {
    return 0;
  } catch (const metadb::ingest::SchemaMissing&) {
    return 0;  // Avro, and there is no registry
  }
  return 0;
}
