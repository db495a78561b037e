// The thread of one data source.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "catalog/catalog.h"
#include "ingest/source.h"
#include "ingest/status.h"
#include "ingest/stream.h"

namespace metadb::ingest {

using SourceFactory =
    std::function<std::unique_ptr<Source>(const catalog::DataSource&, const catalog::Snapshot&)>;

// Streams until it is destroyed. Whatever fails is reported on the board, waited out with backoff
// and started again from the last commit.
class Worker {
 public:
  Worker(catalog::Catalog& catalog, catalog::DataSource source, SourceFactory factory);
  // Finishes the batch in hand, at most Writer::kFinishMax.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Asks the thread to end; the destructor waits for it.
  void request_stop() { thread_.request_stop(); }
  [[nodiscard]] SourceStatus status() const { return board_.read(); }
  [[nodiscard]] const catalog::DataSource& source() const { return source_; }

 private:
  void run(const std::stop_token& stop);
  void stream(const std::stop_token& stop);
  void reload_catalog();
  void wait(const std::stop_token& stop, std::chrono::milliseconds time);
  [[nodiscard]] StreamOptions stream_options() const;

  catalog::Catalog& catalog_;
  catalog::DataSource source_;
  SourceFactory factory_;
  StatusBoard board_;
  std::optional<Decoders> decoders_;  // none before the first try
  Lanes lanes_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::unique_ptr<Source> consumer_;
  Assignment assigned_;
  GroupShare share_;
  std::jthread thread_;
};

}  // namespace metadb::ingest
