// A topic with all its partitions: what is decoded, stopped and retried together.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/postgres.h"
#include "ingest/debezium.h"
#include "ingest/letter_limit.h"
#include "ingest/outcome.h"
#include "ingest/rules.h"
#include "ingest/status.h"

namespace metadb::ingest {

// Decoders for lanes, each for some of them: its buffers, which are as large as the largest record
// it has seen, are a decoder's and not a topic's. Used by the worker's thread only.
class Decoders {
 public:
  static constexpr long kLanesPerDecoder = 16;  // of the Decoder::kTopicsMax that it remembers

  explicit Decoders(DecoderOptions options = {}) : options_(std::move(options)) {}
  std::shared_ptr<Decoder> take();
  // One that has seen nothing.
  [[nodiscard]] Decoder fresh() const { return Decoder(options_); }

 private:
  DecoderOptions options_;
  std::shared_ptr<Decoder> current_;
};

// Used by the worker's thread only.
class Lane {
 public:
  Lane(std::string topic, std::shared_ptr<Decoder> decoder)
      : topic_(std::move(topic)), decoder_(std::move(decoder)) {}

  Decoded decode(const Message& message) { return decoder_->decode(message); }
  // Whether the source's filters let the table through; asked once per table.
  bool passes(const Rules& rules, const std::shared_ptr<const EventTable>& table);

  // Stops the lane; it is tried again later and later, unless only a resync helps.
  void stop(const LaneStopped& reason);
  // Lets it be read again. False while a command has the table that it was stopped for, or somebody
  // has a lock on it that keeps writers away: it is due again in a second, since a new start for
  // nothing would cost the others what they have read ahead. Once such a lock was seen, its end
  // ends the wait.
  bool resume(catalog::Connection& connection);
  // What was set aside counts no more; if that has stopped the lane, it is due.
  void forgive();
  // The lane's changes were committed: it is sound.
  void succeeded() { failures_ = 0; }

  [[nodiscard]] bool is_stopped() const { return stopped_until_.has_value(); }
  // By what was set aside.
  [[nodiscard]] bool is_stopped_at_limit() const { return is_stopped() && is_limited_; }
  [[nodiscard]] bool is_due() const;
  // Failed and not yet succeeded: its changes go in transactions of their own.
  [[nodiscard]] bool is_on_trial() const { return failures_ > 0; }
  [[nodiscard]] const StoppedLane& report() const { return report_; }
  [[nodiscard]] const std::string& topic() const { return topic_; }

  // Notes that a message was dropped as a duplicate, or was not. Warns once when a lane has only
  // dropped for ten minutes.
  void count_duplicate(const std::string& source_name);
  void count_fresh() { dropping_since_.reset(); }

  LetterLimit letters;  // of its topic

 private:
  using Clock = std::chrono::steady_clock;

  void wait(std::chrono::milliseconds time);
  bool is_kept_waiting(catalog::Connection& connection);

  std::string topic_;
  std::shared_ptr<Decoder> decoder_;
  std::map<std::shared_ptr<const EventTable>, bool> passes_;
  std::optional<Clock::time_point> stopped_until_;  // max(): until a resync
  int failures_ = 0;
  StoppedLane report_;
  std::optional<catalog::TableName> busy_table_;  // while it is stopped
  std::vector<std::string> locked_tables_;        // while it is stopped
  bool has_seen_lock_ = false;
  Clock::time_point next_try_{};  // whatever locks can be seen
  std::optional<Clock::time_point> dropping_since_;
  bool has_warned_ = false;
  bool is_limited_ = false;  // stopped, for what was set aside
};

}  // namespace metadb::ingest
