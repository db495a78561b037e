// Writers' schemas from a schema registry, by their ids.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "catalog/sources.h"
#include "ingest/avro_schema.h"
#include "ingest/json.h"
#include "ingest/schema_registry.h"

namespace metadb::ingest {

// Knows the paths of Confluent's registry (which others imitate) and of Apicurio's own. What an id
// names never changes: it is asked for once, and kept as long as it is among the kSchemasMax used
// last. After a failure of the registry itself no question is asked for a while, longer each time.
class RegisteredSchemas : public SchemaStore {
 public:
  // How long the registry is left alone after a first failure, and at most.
  struct Silence {
    std::chrono::milliseconds first{1'000};
    std::chrono::milliseconds longest{30'000};
  };
  RegisteredSchemas(std::unique_ptr<SchemaRegistry> registry, Silence silence);

  std::shared_ptr<const AvroSchema> schema(const SchemaId& id) override;

  static constexpr size_t kSchemasMax = 1000;
  static constexpr size_t kReferencesMax = 1000;

 private:
  using Clock = std::chrono::steady_clock;
  struct Known {
    SchemaId id;
    std::shared_ptr<const AvroSchema> schema;
  };
  // A schema as the registry has it: its text, and what that refers to.
  struct Registered {
    std::string text;
    std::vector<std::string> references;  // paths
  };

  std::shared_ptr<const AvroSchema> asked(const SchemaId& id);
  std::string answer_to(const std::string& path, const std::string& what);
  Registered registered(const std::string& path, const std::string& what);
  Registered registered_in_apicurio(const std::string& path, const std::string& what);
  void collect(const std::vector<std::string>& paths, size_t depth);
  [[nodiscard]] std::string path_of(const SchemaId& id) const;

  std::unique_ptr<SchemaRegistry> registry_;
  JsonParser parser_;
  std::list<Known> known_;  // used last, first
  std::map<SchemaId, std::list<Known>::iterator> by_id_;
  std::optional<catalog::Error> failure_;  // the last request's
  Clock::time_point silent_until_{};
  Silence silence_;
  std::chrono::milliseconds next_silence_;
  // Of the schema that is being asked for.
  std::set<std::string> seen_;
  std::vector<std::string> referenced_;
};

// As the options of the data source say. Throws Error 22023 if they contradict each other, 58P01 if
// the CA's file can't be read.
WireOptions wire_options(const catalog::DataSource& source);
// Asks the registry for something that every one has, and says what is wrong; nullopt if nothing
// is, or if the data source names none. Blocks for some seconds at most.
std::optional<std::string> probe_registry(const catalog::DataSource& source, std::stop_token stop);
// Null if the data source names no registry.
std::shared_ptr<SchemaStore> schema_store(const catalog::DataSource& source, std::stop_token stop);

}  // namespace metadb::ingest
