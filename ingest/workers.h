// All workers of the server, one for each data source that streams.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "ingest/worker.h"

namespace metadb::ingest {

// Owner: main. Any thread may call.
class Workers {
 public:
  Workers(catalog::Catalog& catalog, SourceFactory factory)
      : catalog_(catalog), factory_(std::move(factory)) {}

  // Starts a worker for every enabled source of the catalog.
  void start_all();
  // REQUIRES: none of this name is running.
  void start(const catalog::DataSource& source);
  // Returns when the worker has ended; nothing if there is none.
  void stop(const std::string& name);
  // All at once, each finishing its batch.
  void stop_all();

  // nullopt: no worker of this name.
  [[nodiscard]] std::optional<SourceStatus> status(const std::string& name) const;

 private:
  catalog::Catalog& catalog_;
  SourceFactory factory_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Worker>> workers_;
};

}  // namespace metadb::ingest
