// What an error in a batch means for the stream.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catalog/error.h"
#include "catalog/tables.h"

namespace metadb::ingest {

enum class Disposition : uint8_t {
  data,     // the values are at fault: park the event, go on
  weather,  // passes by itself: retry with backoff
  stop,     // reload the catalog, retry once, then stop the lane with the reason
};

// By SQLSTATE (design, section 6, Errors).
Disposition disposition(const catalog::Error& error);

// Whether a cast may say so of a value that it refuses: the inputs of ltree and tsvector call it an
// error in the syntax, those of PostGIS an internal one.
bool may_be_refusal(const catalog::Error& error);

// One lane can't go on; the others can.
struct LaneStopped : catalog::Error {
  LaneStopped(const catalog::Error& reason, std::string topic_, bool needs_resync_ = false)
      : catalog::Error(reason), topic(std::move(topic_)), needs_resync(needs_resync_) {}

  std::string topic;
  bool needs_resync;  // retrying does not help; only `sync` does
  // The reason, where the topic stands for it after a new start as well, whatever is found then.
  std::string lasting_reason{};
  // A command has this table, and will be done with it.
  std::optional<catalog::TableName> busy_table{};
  // Whose locks somebody held for too long: the main tables (quoted) of the topic.
  std::vector<std::string> locked_tables{};
  // Too many records were set aside: the topic stands until then, or until that is forgiven.
  std::optional<std::chrono::steady_clock::time_point> limited_until{};
};

// A command has one of the tables, or waits for it.
struct TableBusy : catalog::Error {
  TableBusy(const catalog::Error& reason, catalog::TableName name_, size_t table_)
      : catalog::Error(reason), name(std::move(name_)), table(table_) {}

  catalog::TableName name;
  size_t table;  // index
};

// A command has changed a table since the catalog was read: read it again and prepare the batch
// again. Of the weather classes.
struct TableChanged : catalog::Error {
  using catalog::Error::Error;
};

// The lock table of the server is full: a batch of fewer tables needs fewer locks. Of the weather
// classes.
struct TooManyTables : catalog::Error {
  TooManyTables(const catalog::Error& reason, size_t tables_)
      : catalog::Error(reason), tables(tables_) {}

  size_t tables;  // in the batch
};

}  // namespace metadb::ingest
