// Letters of one source that are tried again: an order of a command, done by the source's worker.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "catalog/dead_letters.h"

namespace metadb::ingest {

// Shared by the command, which waits, and the worker's thread, which does it. Of followers alone:
// those whose letter is gone are applied, or deleted if they cannot be.
class LetterRetry {
 public:
  static constexpr size_t kReasonsMax = 10;

  struct Outcome {
    int64_t applied = 0;
    int64_t left = 0;
    int64_t given_up = 0;              // cannot be applied, and deleted
    std::vector<std::string> reasons;  // of the first that were left
  };

  explicit LetterRetry(catalog::DeadLetterRange range) : range_(std::move(range)) {}

  // The worker's.
  [[nodiscard]] const catalog::DeadLetterRange& range() const { return range_; }
  [[nodiscard]] const catalog::LetterPlace& place() const { return place_; }
  void applied(const catalog::StoredLetter& letter);
  void left(const catalog::StoredLetter& letter, const std::string& reason);
  void gave_up(const catalog::StoredLetter& letter);
  void finish();
  // The worker ends before it is done.
  void abandon();

  // The command's. Nothing more is done once it is given up.
  bool await(std::chrono::milliseconds timeout);
  void give_up();
  [[nodiscard]] bool is_over() const;
  [[nodiscard]] bool is_abandoned() const;
  [[nodiscard]] Outcome outcome() const;

 private:
  void pass(const catalog::StoredLetter& letter);

  const catalog::DeadLetterRange range_;
  catalog::LetterPlace place_;  // of the worker's thread

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  Outcome outcome_;
  bool is_over_ = false;
  bool is_abandoned_ = false;
};

// Where a command leaves its order for the stream that runs, or for the next one.
class RetrySlot {
 public:
  // False if there is one that is not over.
  bool put(std::shared_ptr<LetterRetry> retry);
  // nullptr: nothing to do.
  std::shared_ptr<LetterRetry> current();
  // Whoever waits for it waits no longer.
  void abandon();

  // Topics that stand for what was set aside may go on.
  void forgive();
  // Whether they may, since this was asked last.
  bool take_forgiveness();
  [[nodiscard]] bool has_forgiveness();

 private:
  std::mutex mutex_;
  std::shared_ptr<LetterRetry> retry_;
  bool is_forgiven_ = false;
};

}  // namespace metadb::ingest
