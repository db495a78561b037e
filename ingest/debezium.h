// Debezium messages to changes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "catalog/types.h"
#include "ingest/avro_schema.h"
#include "ingest/change.h"
#include "ingest/debezium_binary.h"
#include "ingest/debezium_error.h"
#include "ingest/source.h"
#include "ingest/wire_format.h"

namespace metadb::ingest {

enum class IgnoredKind : uint8_t {
  tombstone,
  heartbeat,
  transaction,
  notification,
  signal,
  schema_change,
  logical_message,
  unknown,
};
std::string_view name_of(IgnoredKind kind);

// What a connector tells of its snapshots (debezium-format 13.1).
struct Notification {
  std::string aggregate;        // "Initial Snapshot", "Incremental Snapshot"
  std::string type;             // STARTED, TABLE_SCAN_COMPLETED, COMPLETED, ...
  std::string connector;        // topic prefix, which is source.name of its events
  std::string collection;       // that was scanned, [db.]schema.table
  std::string status;           // of the scan
  std::optional<int64_t> rows;  // scanned
};

// A message that is in order and changes no row.
struct Ignored {
  IgnoredKind kind = IgnoredKind::unknown;
  std::string server_name;  // whose stream it belongs to, where it says so; else empty
  int64_t ts_us = 0;        // the time that it tells, 0 if none
  std::string text;         // of a notification its JSON; of an unknown message what it looks like
  std::optional<Notification> notification = std::nullopt;
};

using Decoded = std::variant<Change, Ignored>;

struct DecoderOptions {
  // The connector's unavailable.value.placeholder; a column's own schema parameter goes first.
  std::string unavailable_placeholder = "__debezium_unavailable_value";
  bool has_numeric_infinity = true;  // numeric, in the backing database: since PostgreSQL 14
  WireOptions wire = {};
  EventShape shape = EventShape::envelope;
  BinaryMode binary_mode = BinaryMode::bytes;  // the connector's binary.handling.mode
  // Which table the flattened rows of a topic belong to, nullopt if none; may throw catalog::Error.
  // Empty: default_table_of().
  std::function<std::optional<EventTable>(std::string_view topic)> table_of_topic = {};
  std::shared_ptr<SchemaStore> schemas = nullptr;  // null: there is no registry
  // The type that events gave the column here before; nullopt if there is none, or one that was
  // chosen. Asked for events without schemas. Empty: nothing is known.
  std::function<std::optional<KnownColumn>(const EventTable&, std::string_view column)> known_type =
      {};
};

// The header that tells the old key of the insert half of a key change.
constexpr std::string_view kOldKeyHeader = "__debezium.oldkey";
// Null if the record has none.
const std::string* old_key_of(const Message& message);

// Decodes the messages of one lane, on one thread.
//
// Remembers for each topic the schemas seen last, by their bytes, so that an unchanged schema is
// neither parsed nor hashed again: changes of equal schema share RowSchema and EventTable.
// Bounded: kTopicsMax topics, PlanCache::kVersionsMax schemas of key and value each. Remembers the
// last deletes as well: an insert at the same place in the source's log is the other half of a key
// change, also where the header that says so is missing.
class Decoder {
 public:
  explicit Decoder(DecoderOptions options = {});
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  // Throws DecodeError for a message that must go to the dead letters, SchemaMissing for one that
  // must be read again once its schema can be had, and nothing else. The decoder remains usable.
  Decoded decode(const Message& message);

  static constexpr size_t kTopicsMax = 64;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace metadb::ingest
