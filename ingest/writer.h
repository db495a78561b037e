// The thread that applies batches, one at a time, while the worker decodes the next.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>

#include "ingest/apply.h"

namespace metadb::ingest {

// Holds one batch at most: the one it applies. Owned by a worker, whose thread makes all calls.
class Writer {
 public:
  struct Done {
    std::unique_ptr<Batch> batch;
    std::variant<Applied, std::exception_ptr> result;
  };

  // How long a batch that is to be the last may take; asked when there is one.
  using Patience = std::function<std::chrono::milliseconds()>;

  // Connects; throws as Applier does.
  Writer(
      catalog::Catalog& catalog, TableShaper::Context context,
      Patience patience = [] { return kFinishMax; });
  // Waits for the batch in hand, as long as the patience lasts; then cancels it.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  [[nodiscard]] bool is_idle() const;
  // REQUIRES: is_idle(), and the last result was taken.
  void submit(std::unique_ptr<Batch> batch);
  // The result of the submitted batch, if it is there within `timeout`.
  std::optional<Done> take_result(std::chrono::milliseconds timeout);
  // Nothing of the batch in hand is wanted any more: returns when it has ended, soon after
  // `deadline` even where PostgreSQL answers to nothing. Whether it was committed is not known
  // then; its position rows stay locked until that is decided.
  using Clock = std::chrono::steady_clock;
  void cancel(Clock::time_point deadline = Clock::now() + kCancelMax);
  [[nodiscard]] int backend_pid() const { return backend_pid_; }
  static constexpr std::chrono::milliseconds kCancelMax{3'000};
  static constexpr std::chrono::milliseconds kFinishMax{10'000};
  // So long without a batch, and there is time for other things.
  static constexpr std::chrono::milliseconds kIdle{1'000};

 private:
  void run(const std::stop_token& stop);
  bool apply(std::unique_lock<std::mutex>& lock);
  void tidy_up(bool is_between_batches);

  Applier applier_;
  const int backend_pid_;
  Patience patience_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::unique_ptr<Batch> waiting_;  // submitted, not yet begun
  std::optional<Done> done_;
  bool is_busy_ = false;     // from submit() until take_result()
  bool is_tidying_ = false;  // the thread does what can wait, between batches
  std::jthread thread_;
};

}  // namespace metadb::ingest
