// Rows without envelope, as Debezium's ExtractNewRecordState leaves them (debezium-format 16).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ingest/change.h"
#include "ingest/debezium_schema.h"
#include "ingest/json.h"
#include "ingest/source.h"

namespace metadb::ingest {

// What is left of the envelope. The views point into the row.
struct FlattenedEvent {
  // Throws DecodeError if neither the row nor the record has a time that a row can have.
  FlattenedEvent(const JsonNode& row, const Message& message);

  // nullopt: a logical message. Without __op a row with a key may be an insert as well as an
  // update, one without key is inserted.
  [[nodiscard]] std::optional<Op> op(bool has_key) const;
  [[nodiscard]] SnapshotMark snapshot() const;

  bool is_deleted = false;
  char letter = '\0';  // __op
  std::string_view mark;
  int64_t ts_us = 0;
};
// Of a record without a row. Throws DecodeError as above.
int64_t record_ts_us(const Message& message);

// PREFIX.SCHEMA.TABLE, where the prefix is the server's name; it may be missing, and so may the
// schema, which is public then.
EventTable default_table_of(std::string_view topic);

// A message of a flattened topic that no transform has touched, without schema: heartbeats and the
// like by their members and key, which rows do not have; a row if it is none of those.
MessageKind flattened_kind(const JsonNode& payload, const JsonNode* key);

}  // namespace metadb::ingest
