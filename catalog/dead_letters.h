// Records that could not be applied, kept whole with the reason.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catalog/positions.h"
#include "catalog/postgres.h"

namespace metadb::catalog {

struct DeadLetter {
  std::string source_name;
  std::string topic;
  int32_t part = 0;
  int64_t offset = 0;
  int64_t timestamp_ms = -1;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::string sqlstate;
  std::string error;
  std::optional<std::string> schema_name;  // the target, where it is known
  std::optional<std::string> table_name;
};

// REQUIRES: the transaction that moves the position past the record. Setting the same record
// aside twice keeps the first.
void set_aside(Connection& connection, const DeadLetter& letter);

struct DeadLetterRange {
  std::optional<std::string> source_name = std::nullopt;  // of any source
  int64_t last_id = 0;
};
bool has_dead_letters(Connection& connection, const std::string& source_name);
// The highest id there is; 0 if there are none.
int64_t last_dead_letter(Connection& connection);
// Deletes the oldest of the range, at most kPurgedMax of them; returns how many.
int64_t purge_dead_letters(Connection& connection, const DeadLetterRange& range);
constexpr int kPurgedMax = 1000;

// A letter that waits to be applied after all.
struct StoredLetter {
  int64_t id = 0;
  DeadLetter letter;
  std::optional<int64_t> closed_us;  // source time of the first later event of its key
};
// Where a retry has come to: letters in the order of their topics.
struct LetterPlace {
  std::string topic;
  int32_t part = -1;
  int64_t offset = -1;
  int64_t id = 0;
};
// The next letter of the range behind `place`. REQUIRES: the range has a source.
std::optional<StoredLetter> next_letter(Connection& connection, const DeadLetterRange& range,
                                        const LetterPlace& place);
// Locks the letter; what it is by now, nullopt if it is gone. REQUIRES: a transaction.
std::optional<StoredLetter> lock_letter(Connection& connection, int64_t id);
void delete_letter(Connection& connection, int64_t id);
// Why it could not be applied this time.
void update_letter(Connection& connection, int64_t id, const Error& reason);

// (topic, key) of letters of the source of whose key nothing was applied since; at most kOpenMax.
constexpr size_t kOpenMax = 100'000;
std::vector<std::pair<std::string, std::string>> open_letter_keys(Connection& connection,
                                                                  const std::string& source_name);
// An event that was applied.
struct LaterEvent {
  std::string topic;
  int32_t part = 0;
  int64_t offset = 0;
  std::optional<std::string> key;  // nullopt: all keys, as a truncate of the table below
  int64_t ts_us = 0;
  bool is_letter = false;  // was a letter itself: letters of new partitions are later than it
  std::string schema_name{};
  std::string table_name{};
};
// Closes the letters that it is later than. REQUIRES: the transaction that applies it.
void close_letters(Connection& connection, const std::string& source_name, const LaterEvent& event);

}  // namespace metadb::catalog
