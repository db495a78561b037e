// libFuzzer target: the decoder. How it works: the input is a key and a value, split at the first
// line feed, given to decoders that live on, so that cached schemas meet broken messages: one that
// expects envelopes, and one that expects flattened rows. Without a line feed it is a value without
// key, and, for the second, a key without value. To both a column without a schema has the type
// that its name says ("date"). Only DecodeError may come out, or that Avro has no registry.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "catalog/types.h"
#include "ingest/debezium.h"

namespace {

metadb::ingest::DecoderOptions options(metadb::ingest::EventShape shape) {
  metadb::ingest::DecoderOptions out;
  out.shape = shape;
  out.known_type = [](const metadb::ingest::EventTable&, std::string_view column) {
    const auto type = metadb::catalog::pg_type_named(column);
    return type ? std::optional(metadb::ingest::KnownColumn{*type}) : std::nullopt;
  };
  return out;
}

void decode(metadb::ingest::Decoder& decoder, const metadb::ingest::Message& message) {
  try {
    decoder.decode(message);
  } catch (const metadb::ingest::DecodeError&) {
    return;
  } catch (const metadb::ingest::SchemaMissing&) {
    return;  // Avro, and there is no registry
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using metadb::ingest::EventShape;
  static metadb::ingest::Decoder enveloped(options(EventShape::envelope));
  static metadb::ingest::Decoder flattened(options(EventShape::flattened));
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t split = input.find('\n');
  metadb::ingest::Message message;
  message.topic = "srv.public.t";
  message.value = split == std::string_view::npos ? input : input.substr(split + 1);
  if (split != std::string_view::npos) {
    message.key = input.substr(0, split);
    message.headers.push_back({"__debezium.oldkey", std::string(input.substr(0, split))});
  }
  decode(enveloped, message);
  decode(flattened, message);
  if (split == std::string_view::npos) {
    message.key = input;
    message.value.reset();
    decode(flattened, message);
  }
  return 0;
}
