// Drives an ingest::Source as a worker does, and keeps what it said.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ingest/source.h"

namespace metadb::tests {

using namespace std::chrono_literals;

// Throws the Error that is the answer.
inline ingest::Watermarks marks_of(ingest::Source& source, const ingest::TopicPartition& at,
                                   std::chrono::milliseconds timeout) {
  const ingest::WatermarksAnswer answer = source.watermarks({at}, timeout).at(0);
  if (const auto* error = std::get_if<catalog::Error>(&answer)) throw catalog::Error(*error);
  return std::get<ingest::Watermarks>(answer);
}

// Everything a source reported so far, the records as "TOPIC/PARTITION@OFFSET=VALUE".
struct Seen {
  std::vector<std::string> records;
  std::vector<ingest::Message> messages;
  std::vector<ingest::TopicPartition> assigned;  // by the last Assigned
  std::vector<ingest::EndOfPartition> ends;
  std::vector<std::string> troubles;
  std::vector<ingest::SourceFailure> failures;
  int aways = 0;
  int backs = 0;
  int assignments = 0;
  int revocations = 0;
};

class Reader {
 public:
  explicit Reader(ingest::Source& source) : source_(source) {}

  Seen seen;
  // Where to start what is assigned; the beginning unless told.
  std::function<int64_t(const ingest::TopicPartition&)> start = [](const auto&) {
    return ingest::kOffsetBeginning;
  };

  // Polls until `done` holds; false if it does not within `patience`.
  bool until(const std::function<bool(const Seen&)>& done,
             std::chrono::milliseconds patience = 20s) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!done(seen)) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      take(source_.poll(50ms));
    }
    return true;
  }

  // Polls all of `time`, whatever happens.
  void listen(std::chrono::milliseconds time) {
    until([](const Seen&) { return false; }, time);
  }

 private:
  void take(ingest::SourceEvent event) {
    if (auto* message = std::get_if<ingest::Message>(&event)) {
      seen.records.push_back(
          std::string(message->topic) + "/" + std::to_string(message->partition) + "@" +
          std::to_string(message->offset) + "=" + std::string(message->value.value_or("NULL")));
      seen.messages.push_back(std::move(*message));
    } else if (auto* given = std::get_if<ingest::Assigned>(&event)) {
      ++seen.assignments;
      seen.assigned = given->partitions;
      std::vector<ingest::PartitionOffset> offsets;
      for (const auto& at : given->partitions) offsets.push_back({at, start(at)});
      source_.assign(offsets);
    } else if (std::holds_alternative<ingest::Revoked>(event)) {
      ++seen.revocations;
    } else if (auto* end = std::get_if<ingest::EndOfPartition>(&event)) {
      seen.ends.push_back(std::move(*end));
    } else if (auto* trouble = std::get_if<ingest::SourceTrouble>(&event)) {
      seen.troubles.push_back(std::move(trouble->message));
    } else if (std::holds_alternative<ingest::SourceAway>(event)) {
      ++seen.aways;
    } else if (std::holds_alternative<ingest::SourceBack>(event)) {
      ++seen.backs;
    } else if (auto* failure = std::get_if<ingest::SourceFailure>(&event)) {
      seen.failures.push_back(std::move(*failure));
    }
  }

  ingest::Source& source_;
};

}  // namespace metadb::tests
