// All workers of the server, one for each data source.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ingest/worker.h"

namespace metadb::ingest {

// Owner: main. Any thread may call; what is said to one worker disturbs no other. Orders take
// effect without waiting for brokers: a worker that one of them keeps reads nothing new, and its
// status is what it was told.
class Workers {
 public:
  // Without a factory there is never a worker: for a process that changes the catalog only.
  Workers(catalog::Catalog& catalog, SourceFactory factory,
          int64_t memory_limit_bytes = kMemoryLimit)
      : catalog_(catalog), factory_(std::move(factory)), memory_limit_bytes_(memory_limit_bytes) {}

  // One worker for every source of the catalog; those of paused sources rest.
  void start_all();
  // REQUIRES: none of this name is there. Throws std::system_error if no thread can be made.
  void start(const catalog::DataSource& source);
  // The source goes on with these options, or waits with them. A paused one stays paused.
  void renew(const catalog::DataSource& source, Order order = Order::run);
  // Nothing if there is no worker of this name.
  void pause(const std::string& name, int64_t since_us);
  // Ends a pause or a wait. Throws as start() does, if there was no worker.
  void resume(const catalog::DataSource& source);
  // Forgets the worker. Waits at most kRestMax until nothing is written for it any more; what takes
  // longer ends in the background, and before a worker that is started under the same name begins.
  void stop(const std::string& name);
  // All at once, each finishing its batch.
  void stop_all();

  // Has letters tried again. False if there is no worker, or it does that already.
  bool retry(const std::string& name, std::shared_ptr<LetterRetry> retry);

  // Topics that stand because too much of them was set aside go on.
  void forgive_letters(const std::string& name);

  // Whether nothing is read or written for the source any more; waits at most kRestMax for that.
  bool await_rest(const std::string& name) const;
  static constexpr std::chrono::milliseconds kRestMax{950};

  // nullopt: no worker of this name.
  [[nodiscard]] std::optional<SourceStatus> status(const std::string& name) const;
  // What is known of its partitions since the worker was started; empty without a worker.
  [[nodiscard]] std::map<TopicPartition, PartitionStatus> partitions(const std::string& name) const;

 private:
  [[nodiscard]] std::shared_ptr<Worker> find(const std::string& name) const;
  void forget_ended();

  struct Leaving {
    std::string name;
    std::shared_ptr<Worker> worker;
  };

  catalog::Catalog& catalog_;
  SourceFactory factory_;
  const int64_t memory_limit_bytes_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Worker>> workers_;
  std::vector<Leaving> leaving_;  // told to end
};

}  // namespace metadb::ingest
