// Records that could not be applied, kept whole with the reason.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

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

}  // namespace metadb::catalog
