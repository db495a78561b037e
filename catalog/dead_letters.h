// Records that could not be applied, kept whole with the reason.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/positions.h"
#include "catalog/postgres.h"

namespace metadb::catalog {

// A record of a topic.
struct LetterAt {
  int32_t part = 0;
  int64_t offset = 0;
};

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
  // The old key of the insert half of a key change, as a record's key, or its header, has it.
  std::optional<std::string> old_key = std::nullopt;
  // The letter that it waits behind: it leaves values out that this one may hold.
  std::optional<LetterAt> follows = std::nullopt;
};

// REQUIRES: the transaction that moves the position past the record. Setting the same record
// aside twice keeps the first.
void set_aside(Connection& connection, const DeadLetter& letter);

struct DeadLetterRange {
  std::optional<std::string> source_name = std::nullopt;  // of any source
  int64_t last_id = 0;
  bool is_of_followers = false;  // of no others
};
bool has_dead_letters(Connection& connection, const std::string& source_name);
// The highest id there is; 0 if there are none.
int64_t last_dead_letter(Connection& connection);
// Sources that have followers; of one source whether it has some.
std::vector<std::string> sources_with_followers(
    Connection& connection, const std::optional<std::string>& source_name = std::nullopt);
// Deletes the oldest of the range, at most kPurgedMax of them; returns how many. Followers stay,
// but for those of sources that are gone.
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
// The same, where it is for the letter at `ahead`, behind which it waits from now on.
void update_follower(Connection& connection, int64_t id, const LetterAt& ahead,
                     const Error& reason);

// (topic, key) of letters of the source of whose key nothing was applied since; at most kOpenMax.
constexpr size_t kOpenMax = 100'000;
std::vector<std::pair<std::string, std::string>> open_letter_keys(Connection& connection,
                                                                  const std::string& source_name);
// Those of which the source has letters.
std::vector<std::string> topics_of_letters(Connection& connection, const std::string& source_name);

// An event that leaves values out.
struct Leaving {
  std::string_view topic;
  LetterAt at;
  std::string_view key;
  // Of the insert half of a key change: what it leaves out stood under this key until then.
  std::optional<std::string_view> old_key = std::nullopt;
  int64_t ts_us = 0;
};
// The letter that may hold what an event leaves out: the newest one of its key that no other event
// has closed, or what that follows itself; and how many follow already under the event's key.
struct Ahead {
  LetterAt letter;
  LetterAt newest;  // that letter, or the last that follows it
  int64_t followers = 0;
};
std::optional<Ahead> letter_ahead_of(Connection& connection, const std::string& source_name,
                                     const Leaving& event);
// The letter that a letter must wait for, if it may not be applied yet.
std::optional<LetterAt> letter_ahead_of(Connection& connection, const StoredLetter& stored,
                                        bool leaves_values_out);

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
// Closes the letters that it is later than, and the followers among them; a letter that was applied
// is what closes those before it, also where a later event has closed them already. REQUIRES: the
// transaction that applies it.
void close_letters(Connection& connection, const std::string& source_name, const LaterEvent& event);

}  // namespace metadb::catalog
