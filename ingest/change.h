// One decoded change event.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/carried_types.h"
#include "catalog/types.h"

namespace metadb::ingest {

// Whether a row stands in Debezium's envelope, or alone (ExtractNewRecordState).
enum class EventShape : uint8_t { envelope, flattened };

enum class Op : uint8_t { create, update, remove, read, truncate };

// source.snapshot (debezium-format 3): null, false and absence are `streaming`.
enum class SnapshotMark : uint8_t {
  streaming,
  in_snapshot,
  first,
  first_in_data_collection,
  last_in_data_collection,
  last,
  incremental,
};

struct EventColumn {
  std::string name;      // as the source calls it
  catalog::PgType type;  // what its values are encoded as
  // The source's type, which the column gets where the backing database has it: its values cast to
  // it. Of an array, its elements'.
  std::optional<catalog::CarriedType> stands_for = {};
  int64_t bit_length = 0;  // of a varbit: all its values have so many bits; 0: they vary
  bool operator==(const EventColumn&) const = default;
};

// What a column of a table is already, for events without schemas.
struct KnownColumn {
  catalog::PgType type = catalog::PgType::text;  // what its values are to be encoded as
  std::optional<catalog::CarriedType> stands_for = std::nullopt;
};

// The columns of a row as the event declares them. Shared by all changes that carry the same
// schema bytes, so two changes of equal shape usually have the same pointer.
struct RowSchema {
  std::vector<EventColumn> columns;  // in source order
  std::vector<uint16_t> key;  // indexes into columns, in key order; empty = table without key
  bool operator==(const RowSchema&) const = default;
};

// Which table of which database the event came from. Cached: same table, same pointer.
struct EventTable {
  std::string server_name;  // source.name
  std::string db;           // source.db
  std::string schema;       // source.schema; source.db where the connector has no schemas
  std::string table;
  bool operator==(const EventTable&) const = default;
};

// (commit LSN, event LSN) of source.sequence.
struct Sequence {
  uint64_t commit_lsn = 0;
  uint64_t lsn = 0;
  auto operator<=>(const Sequence&) const = default;
};

// The cells of one row, one per column of its RowSchema, as PostgreSQL's COPY BINARY writes
// fields: int32 big-endian length (-1 = NULL), then the value in the type's binary format.
// Cells that are unavailable (debezium-format 10) are NULL here and listed in `unavailable`.
struct Row {
  std::string fields;
  std::vector<uint16_t> unavailable;  // column indexes, ascending
};

struct Change {
  Op op = Op::create;
  SnapshotMark snapshot = SnapshotMark::streaming;
  int64_t ts_us = 0;  // source commit time, microseconds since 1970 UTC (source.ts_us, else ts_ms)
  std::optional<Sequence> sequence;  // only if both halves were present
  // Of a row of a snapshot, unless that is incremental: one number for all rows of one snapshot,
  // another when it is begun anew; 0 where the connector does not tell.
  int64_t snapshot_id = 0;
  // All rows of a transaction have that sequence, and each database of a server its own (SQL
  // Server); else it is the place of one row in the server's log.
  bool is_commit_sequence = false;
  std::shared_ptr<const EventTable> table;
  std::shared_ptr<const RowSchema> schema;  // null for a truncate
  Row row;  // after; for a delete the key columns (others NULL); empty for a truncate
  // The complete old row of an update or delete whose key is missing or has a NULL in it: the table
  // has REPLICA IDENTITY FULL then. Same schema.
  std::optional<Row> before;
  // Old key (cells in schema->key order, COPY fields) of the insert half of a primary key change.
  std::optional<std::string> fill_key;
  // The same as the delete half's record has it, or, where that was not seen, as the header has it.
  std::optional<std::string> old_key;
};

}  // namespace metadb::ingest
