// What a message costs to decode: nanoseconds, bytes and events a second, and allocations.
// Arguments: those of Google Benchmark, then files of messages, a line each, `key|value`. NAME.flat
// holds flattened rows; NAME.avro JSON with schemas that is decoded as Avro.
#include <benchmark/benchmark.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <new>
#include <string>
#include <variant>
#include <vector>

#include "ingest/debezium.h"
#include "tests/ingest/avro_messages.h"

namespace {

size_t allocations = 0;  // this program has one thread

}  // namespace

// Not inlined, so that the compiler need not know that these are a pair.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace {

namespace ingest = metadb::ingest;

struct Record {
  std::string key;
  std::string value;
};

// The messages of a file, and what reads them.
struct Topic {
  explicit Topic(const std::filesystem::path& file) {
    const bool is_avro = file.extension() == ".avro";
    auto schemas = std::make_shared<metadb::tests::TestSchemas>();
    if (file.extension() == ".flat") options.shape = ingest::EventShape::flattened;
    options.schemas = schemas;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      const size_t split = line.find('|');
      if (split == std::string::npos) throw std::runtime_error(file.string() + ": no key");
      Record record{line.substr(0, split), line.substr(split + 1)};
      if (is_avro) {
        record = {metadb::tests::registered(*schemas, record.key),
                  metadb::tests::registered(*schemas, record.value)};
      }
      records.push_back(std::move(record));
    }
    if (records.empty()) throw std::runtime_error(file.string() + ": no message");
  }

  ingest::DecoderOptions options;
  std::vector<Record> records;
};

ingest::Message message_of(const Record& record) {
  ingest::Message message;
  message.topic = "bench.public.loans";
  message.key = record.key;
  message.value = record.value;
  return message;
}

void decode(benchmark::State& state, const Topic& topic) {
  ingest::Decoder decoder(topic.options);
  std::vector<ingest::Message> messages;
  for (const Record& record : topic.records) messages.push_back(message_of(record));
  for (const ingest::Message& message : messages) {
    if (!std::holds_alternative<ingest::Change>(decoder.decode(message)))
      state.SkipWithError("a message that is no change");
  }
  size_t at = 0;
  size_t bytes = 0;
  const size_t allocations_before = allocations;
  for (auto _ : state) {
    const ingest::Message& message = messages[at];
    benchmark::DoNotOptimize(decoder.decode(message));
    bytes += message.key->size() + message.value->size();
    if (++at == messages.size()) at = 0;
  }
  state.counters["allocations"] = benchmark::Counter(
      static_cast<double>(allocations - allocations_before), benchmark::Counter::kAvgIterations);
  state.counters["event_bytes"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kAvgIterations);
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::off);
  benchmark::Initialize(&argc, argv);
  std::vector<std::unique_ptr<Topic>> topics;
  for (int i = 1; i < argc; ++i) {
    const std::filesystem::path file(argv[i]);
    topics.push_back(std::make_unique<Topic>(file));
    benchmark::RegisterBenchmark(file.stem().c_str(), decode, std::cref(*topics.back()));
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
