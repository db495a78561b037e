// The envelope around the rows: op, source, and the messages that carry none.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "ingest/change.h"
#include "ingest/debezium.h"
#include "ingest/debezium_schema.h"
#include "ingest/json.h"

namespace metadb::ingest {

// Throws DecodeError if PostgreSQL's years 1 to 9999 do not hold the time; `name`: whose it is.
void check_row_time(int64_t ts_us, std::string_view name);
// The mark of that name; `other` for one that is not known. Empty: streaming.
SnapshotMark snapshot_mark_of(std::string_view name, SnapshotMark other);

// c, u, d, r, t or m. Throws DecodeError for anything else.
char op_letter(const JsonNode& payload);
// REQUIRES: not m.
Op op_of(char letter);

// The member if it is a struct, null if it is null or absent. Throws DecodeError otherwise.
const JsonNode* struct_member(const JsonNode& payload, std::string_view name);

// What we use of an envelope's `source`. The views point into the payload.
struct SourceBlock {
  // Throws DecodeError if there is no such struct, or a member of it is of another kind.
  explicit SourceBlock(const JsonNode& payload);

  // The source's time, else the connector's. Throws DecodeError if neither is there or PostgreSQL's
  // years 1 to 9999 do not hold it.
  [[nodiscard]] int64_t required_ts_us() const;
  [[nodiscard]] SnapshotMark snapshot_mark(Op op) const;
  // Change::snapshot_id of a row that the snapshot read. PostgreSQL's connector writes the
  // transaction that it reads in, and where the log was then: both are the same for all its rows.
  [[nodiscard]] int64_t snapshot_id() const;
  [[nodiscard]] bool is_of(const EventTable& table) const;
  // Throws DecodeError if the table has no name.
  [[nodiscard]] EventTable event_table() const;

  std::string_view server_name;
  std::string_view db;
  std::string_view schema;  // db where the connector has no schemas
  std::string_view table;
  std::string_view snapshot;     // empty = null, false or absent
  std::string_view transaction;  // as it is written; empty = null or absent
  std::string_view lsn;
  std::optional<Sequence> sequence;
  bool is_commit_sequence = false;
  int64_t ts_us = 0;  // 0 = none

 private:
  void take(const JsonNode& member);
  void take_outer_time(const JsonNode& payload);
  bool has_schema_ = false;
  bool is_sql_server_ = false;
  std::string_view commit_lsn_;  // of SQL Server
};

// A message of any kind but changes. REQUIRES: kind is neither change, flattened nor cloud_event.
Ignored ignored_message(MessageKind kind, std::string_view schema_name, const JsonNode& payload);

}  // namespace metadb::ingest
