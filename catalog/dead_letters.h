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

}  // namespace metadb::catalog
