// The thread of one data source.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "catalog/catalog.h"
#include "ingest/memory_share.h"
#include "ingest/source.h"
#include "ingest/status.h"
#include "ingest/stream.h"

namespace metadb::ingest {

using SourceFactory =
    std::function<std::unique_ptr<Source>(const catalog::DataSource&, const catalog::Snapshot&)>;

// What a worker is told to do.
enum class Order : uint8_t {
  run,
  pause,  // until the source is resumed, also over a restart of the server
  wait,   // with options that are new, until the source is resumed or the server is restarted
};

// Streams from when the source is there until it is dropped, as its orders say. Whatever fails is
// reported on the board, waited out with backoff and started again from the last commit.
// Orders come from any thread and never wait: the worker's thread follows as soon as what it does
// lets it, which takes as long as a broker or PostgreSQL keeps it; it reads nothing new meanwhile.
class Worker {
 public:
  // What is in hand when another order comes is cancelled after this long: it is read again.
  static constexpr std::chrono::milliseconds kOrderPatience{700};

  // Begins as source.is_enabled says. `predecessor`: a worker of a dropped source of this name that
  // is about to end; this one does nothing before it has. `memory_limit_bytes`: of the server, for
  // all sources.
  Worker(catalog::Catalog& catalog, catalog::DataSource source, SourceFactory factory,
         std::shared_ptr<Worker> predecessor = nullptr, int64_t memory_limit_bytes = kMemoryLimit);
  // Finishes the batch in hand, at most Writer::kFinishMax, unless it was told to end before.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // `since_us` is what the status tells.
  void obey(Order order, int64_t since_us = now_us());
  // Goes on, or waits, with these options.
  void renew(catalog::DataSource source, Order order);
  // Tries dead letters again, once the source streams. False if others are tried already. Topics
  // that stand because there are too many go on before.
  bool retry(std::shared_ptr<LetterRetry> retry) {
    retries_.forgive();
    return retries_.put(std::move(retry));
  }
  // Topics that stand because too much of them was set aside go on.
  void forgive_letters() { retries_.forgive(); }
  // Asks the thread to end, and to cancel the batch in hand after `patience`; the destructor waits
  // for it.
  void request_stop(std::chrono::milliseconds patience);

  // Whether nothing is read or written for the source any more; waits for that at most `timeout`.
  bool await_rest(std::chrono::milliseconds timeout);
  [[nodiscard]] bool has_ended() const;

  [[nodiscard]] Order order() const;
  [[nodiscard]] SourceStatus status() const;
  [[nodiscard]] std::map<TopicPartition, PartitionStatus> partitions() const {
    return board_.partitions();
  }

 private:
  void run(const std::stop_token& stop);
  bool await_order(const std::stop_token& stop);
  void await_end();
  void follow(const std::stop_token& stop);
  void stream(const std::stop_token& stop);
  void reload_catalog();
  void wait(const std::stop_token& stop, std::chrono::milliseconds time);
  void note_rest();
  [[nodiscard]] StreamOptions stream_options();
  [[nodiscard]] DecoderOptions decoder_options(const std::stop_token& stop);

  catalog::Catalog& catalog_;
  catalog::DataSource source_;  // of the worker's thread
  SourceFactory factory_;
  StatusBoard board_;
  std::optional<Decoders> decoders_;  // none before the first try
  Lanes lanes_;
  Strands strands_;
  std::unique_ptr<Source> consumer_;
  Assignment assigned_;
  GroupShare share_;
  RetrySlot retries_;
  SnapshotMemory snapshot_memory_;
  BatchSize batch_size_;
  bool has_numeric_infinity_ = true;  // of the backing database, as of the last look
  size_t tables_max_ = SIZE_MAX;      // of a batch, since locks ran out
  std::shared_ptr<Worker> predecessor_;
  const int64_t memory_limit_bytes_;
  std::atomic<std::chrono::milliseconds> patience_{kOrderPatience};

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  Order order_;
  int64_t since_us_;
  std::optional<catalog::DataSource> renewed_;  // what source_ is to become
  std::stop_source stretch_;                    // ends what the thread does for an order
  bool is_resting_ = false;
  bool has_ended_ = false;

  std::jthread thread_;
};

}  // namespace metadb::ingest
