#include "ingest/debezium.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "ingest/copy_format.h"
#include "ingest/debezium_envelope.h"
#include "ingest/debezium_row.h"
#include "ingest/debezium_schema.h"
#include "ingest/debezium_side.h"
#include "ingest/flattened_rows.h"
#include "ingest/json.h"

namespace metadb::ingest {
namespace {

constexpr size_t kTablesPerTopicMax = 64;
constexpr size_t kReportedMax = 1000;
// Deletes of other partitions, and those read ahead before a topic is read again, come in between.
constexpr size_t kDeletedMax = 256;

// JsonConverter without schemas writes the word for a null that has a schema: such as the deletes
// that ExtractNewRecordState turns into tombstones.
bool is_absent(const std::optional<std::string_view>& side) {
  return !side || side->empty() || *side == "null";
}

const JsonNode* unless_null(const JsonNode* node) {
  return node == nullptr || node->is_null() ? nullptr : node;
}

// Whether nothing in the record's key tells its row from all others, or a NULL in it keeps it from
// doing so. Only REPLICA IDENTITY FULL lets the source publish updates and deletes of such rows.
bool is_found_by_image(const Opened<KeyPlan>& key, const StructPlan& row) {
  if (key.plan == nullptr) return true;
  bool has_column = false;
  for (const ColumnPlan& field : key.plan->fields.columns) {
    if (!row.index.contains(field.name)) continue;
    has_column = true;
    if (unless_null(key.payload->member(field.name)) == nullptr) return true;
  }
  return !has_column;
}

// Of the old row, where it is the key that counts, the other values may be made up
// (debezium-format 5).
void learn(ValuePlan& plan, const Opened<KeyPlan>& key, const JsonNode& payload, Op op) {
  if (key.plan != nullptr) plan.learn(*key.payload, true);
  if (const JsonNode* after = struct_member(payload, "after")) plan.learn(*after, false);
  const JsonNode* before = struct_member(payload, "before");
  const bool is_old_row = op == Op::update || op == Op::remove;
  if (before != nullptr && is_old_row && is_found_by_image(key, plan.row()))
    plan.learn(*before, false);
}

// A delete with its place in the source's log: the other half of a key change has the same.
struct Deleted {
  Sequence at;
  std::shared_ptr<const EventTable> table;
  std::shared_ptr<const RowSchema> schema;
  std::string fields;              // the key columns, others NULL
  std::optional<std::string> key;  // of its record
};

bool has_place(const Change& change) {
  return change.sequence && !change.is_commit_sequence;
}

// The key's cells, in the order of the schema's key.
std::string key_of(const Deleted& deleted) {
  std::vector<std::string_view> cells;
  const std::string_view fields = deleted.fields;
  for (size_t at = 0; at < fields.size(); at += cells.back().size()) {
    const auto length = static_cast<size_t>(std::max(0, read_int32(fields.data() + at)));
    cells.push_back(fields.substr(at, sizeof(int32_t) + length));
  }
  std::string out;
  for (const uint16_t column : deleted.schema->key) out += cells[column];
  return out;
}

// How rows of the table are read that come without schemas.
struct SchemalessTable {
  EventTable table;
  std::shared_ptr<ValuePlan> plan;
};

struct Topic {
  std::string name;
  SidePlans<ValuePlan> values;
  SidePlans<KeyPlan> keys;
  std::vector<std::shared_ptr<const EventTable>> tables;  // most recent first
  std::vector<SchemalessTable> schemaless;                // most recent first
  std::shared_ptr<ValuePlan> flattened;                   // of the last row, if it had a schema
  std::shared_ptr<KeyPlan> deleted_key;                   // of the last delete without such a row
  std::shared_ptr<ValuePlan> deleted_row;                 // made of that
  std::deque<Deleted> deleted;                            // most recent first
};

// Looks an element up and moves it to the front; null if there is none.
template <typename Vector, typename Matches>
typename Vector::value_type* find_recent(Vector& elements, const Matches& matches) {
  const auto found = std::find_if(elements.begin(), elements.end(), matches);
  if (found == elements.end()) return nullptr;
  std::rotate(elements.begin(), found, found + 1);
  return &elements.front();
}

template <typename Vector>
auto& insert_recent(Vector& elements, typename Vector::value_type element, size_t limit) {
  if (elements.size() >= limit) elements.pop_back();
  elements.insert(elements.begin(), std::move(element));
  return elements.front();
}

// A transform may have taken the envelope away. Columns `status` and `id`, or `type` and `data`, do
// not make a row a transaction boundary or a signal.
bool may_be_row(MessageKind kind, const JsonNode& payload) {
  if (kind == MessageKind::unknown || kind == MessageKind::signal) return true;
  if (kind != MessageKind::transaction) return false;
  const JsonNode* status = payload.member("status");
  return status == nullptr || (status->text != "BEGIN" && status->text != "END");
}

}  // namespace

std::string_view name_of(IgnoredKind kind) {
  switch (kind) {
    case IgnoredKind::tombstone:
      return "tombstone";
    case IgnoredKind::heartbeat:
      return "heartbeat";
    case IgnoredKind::transaction:
      return "transaction";
    case IgnoredKind::notification:
      return "notification";
    case IgnoredKind::signal:
      return "signal";
    case IgnoredKind::schema_change:
      return "schema change";
    case IgnoredKind::logical_message:
      return "logical message";
    case IgnoredKind::unknown:
      return "unknown";
  }
  return "unknown";
}

class Decoder::State {
 public:
  explicit State(const DecoderOptions& options)
      : marker_(std::make_shared<const UnavailableMarker>(options.unavailable_placeholder)),
        value_reader_(Side::value, options.wire, options.schemas),
        key_reader_(Side::key, options.wire, options.schemas),
        header_reader_(Side::key, options.wire, options.schemas),
        reader_(options.has_numeric_infinity),
        known_type_(options.known_type),
        shape_(options.shape),
        binary_mode_(options.binary_mode),
        named_table_(options.table_of_topic) {
    if (!named_table_) named_table_ = default_table_of;
  }

  Decoded decode(const Message& message);

 private:
  Topic& topic(std::string_view name);
  Ignored ignored(const Message& message, MessageKind kind, const ValuePlan* plan,
                  const JsonNode& payload);
  Decoded flattened(const Message& message, Topic& topic, const std::shared_ptr<ValuePlan>& plan,
                    const JsonNode& row);
  Decoded tombstone(const Message& message, Topic& topic);
  void add_flattened(const Message& message, Topic& topic, ValuePlan& plan, const JsonNode& row,
                     Change& change);
  ValuePlan& plan_of_deleted(Topic& topic, const Opened<KeyPlan>& key, const EventTable& table);
  std::shared_ptr<const EventTable> table_of_topic(Topic& topic);
  void report_losses(ValuePlan& plan, const Change& change);
  Opened<KeyPlan> open_key(const Message& message, Topic& topic);
  static std::shared_ptr<KeyPlan> plan_of_members(Topic& topic, const JsonNode& key);
  Decoded change(const Message& message, Topic& topic, ValuePlan* plan, const JsonNode& payload);
  ValuePlan& schemaless_plan(Topic& topic, const EventTable& table);
  template <typename Add>
  static void add_widening(ValuePlan& plan, Change& change, const Add& add);
  void add_rows(const Message& message, Topic& topic, ValuePlan& plan, const JsonNode& payload,
                Change& change);
  void add_deleted(const ValuePlan& plan, const Opened<KeyPlan>& key, const JsonNode* before,
                   Change& change);
  static void remember_deleted(const Message& message, Topic& topic, const Change& change);
  static const Deleted* deleted_beside(const Topic& topic, const Change& change);
  std::optional<std::string> fill_key(const std::string& header, const ValuePlan& plan,
                                      const RowSchema& schema);
  static std::shared_ptr<const EventTable> table(Topic& topic, const SourceBlock& source);
  const JsonNode* struct_key(const Message& message);
  bool has_struct_key(const Message& message);
  std::string heartbeat_server(const Message& message);
  void report_replaced(const EventTable& table);
  void report(Loss loss, const std::string& text);

  std::shared_ptr<const UnavailableMarker> marker_;
  std::vector<std::unique_ptr<Topic>> topics_;  // most recent first
  SideReader value_reader_;
  SideReader key_reader_;
  SideReader header_reader_;
  RowReader reader_;
  std::function<std::optional<KnownColumn>(const EventTable&, std::string_view)> known_type_;
  EventShape shape_;
  BinaryMode binary_mode_;
  std::function<std::optional<EventTable>(std::string_view)> named_table_;
  std::set<std::string> reported_;  // columns whose texts held U+0000; losses, as they were told
};

// Does `add`, which reads the change's rows, once more for each column that it finds too narrow:
// each turn widens one column, and none to the same type twice.
template <typename Add>
void Decoder::State::add_widening(ValuePlan& plan, Change& change, const Add& add) {
  const Change empty = change;
  for (bool is_complete = false; !is_complete;) {
    try {
      add();
      is_complete = true;
    } catch (const TypeTooNarrow& error) {
      plan.widen(error.column);
      change = empty;
    }
  }
}

Topic& Decoder::State::topic(std::string_view name) {
  auto* known = find_recent(topics_, [&](const auto& topic) { return topic->name == name; });
  if (known != nullptr) return **known;
  auto fresh = std::make_unique<Topic>();
  fresh->name = std::string(name);
  return *insert_recent(topics_, std::move(fresh), kTopicsMax);
}

Decoded Decoder::State::decode(const Message& message) {
  if (is_absent(message.value)) return tombstone(message, topic(message.topic));
  const Unframed framed = value_reader_.frame_of(*message.value, message.headers);
  Topic& its_topic = topic(message.topic);
  const auto [plan, payload] =
      value_reader_.open(framed, its_topic.values, [&](const JsonNode& schema) {
        return std::make_shared<ValuePlan>(schema, marker_, SchemaOptions{shape_, binary_mode_});
      });
  if (payload == nullptr) return tombstone(message, its_topic);
  const bool is_object = payload->kind == JsonKind::object;
  if (!is_object) return Ignored{IgnoredKind::unknown, {}, 0, "a value that is not a struct"};
  if (shape_ == EventShape::flattened) return flattened(message, its_topic, plan, *payload);
  const MessageKind kind = plan != nullptr ? plan->kind() : kind_of_members(*payload);
  if (kind == MessageKind::cloud_event) throw DecodeError("CloudEvents are not supported yet");
  if (kind == MessageKind::change) return change(message, its_topic, plan.get(), *payload);
  if (kind == MessageKind::flattened || (may_be_row(kind, *payload) && has_struct_key(message))) {
    throw DecodeError(
        "neither an envelope of Debezium nor another message of it; if it is a flattened row, set "
        "the option events of the data source to flattened");
  }
  return ignored(message, kind, plan.get(), *payload);
}

Ignored Decoder::State::ignored(const Message& message, MessageKind kind, const ValuePlan* plan,
                                const JsonNode& payload) {
  Ignored ignored = ignored_message(kind, plan == nullptr ? "" : plan->schema_name(), payload);
  if (kind == MessageKind::heartbeat) ignored.server_name = heartbeat_server(message);
  return ignored;
}

// Of Debezium's own messages, which no transform has touched, only those pass that are no rows.
Decoded Decoder::State::flattened(const Message& message, Topic& its_topic,
                                  const std::shared_ptr<ValuePlan>& its_plan, const JsonNode& row) {
  const MessageKind kind =
      its_plan != nullptr ? its_plan->kind() : flattened_kind(row, struct_key(message));
  if (kind == MessageKind::change) {
    throw DecodeError(
        "an envelope, where the option events of the data source says that rows are flattened");
  }
  if (kind != MessageKind::flattened) return ignored(message, kind, its_plan.get(), row);
  const FlattenedEvent event(row, message);
  const bool has_key = !is_absent(message.key);
  const auto op = event.op(has_key);
  if (!op) return Ignored{IgnoredKind::logical_message, {}, event.ts_us, {}};
  Change change;
  change.op = *op;
  change.snapshot = event.snapshot();
  change.ts_us = event.ts_us;
  change.table = table_of_topic(its_topic);
  ValuePlan& plan = its_plan != nullptr ? *its_plan : schemaless_plan(its_topic, *change.table);
  its_topic.flattened = its_plan;
  add_widening(plan, change, [&] { add_flattened(message, its_topic, plan, row, change); });
  report_losses(plan, change);
  return change;
}

// Of a deleted row only the key is sure (debezium-format 16).
void Decoder::State::add_flattened(const Message& message, Topic& its_topic, ValuePlan& plan,
                                   const JsonNode& row, Change& change) {
  const Opened<KeyPlan> key = open_key(message, its_topic);
  const bool is_deleted = change.op == Op::remove;
  if (plan.row().is_schemaless) {
    if (key.plan != nullptr) plan.learn(*key.payload, true);
    if (!is_deleted) plan.learn(row, false);
  }
  change.schema = plan.row_schema(key.plan);
  if (is_deleted) {
    add_deleted(plan, key, &row, change);
    return;
  }
  const std::string* old_key = old_key_of(message);
  if (old_key != nullptr) change.op = Op::create;  // the other half of a key change
  change.row = reader_.row(plan.row(), row, change.op == Op::update || old_key != nullptr);
  if (old_key == nullptr) return;
  change.fill_key = fill_key(*old_key, plan, *change.schema);
  change.old_key = *old_key;
}

// A tombstone is how a flattened delete arrives. In an envelope's topic it follows the delete, and
// comes again with it when a connector repeats itself: there it says nothing.
Decoded Decoder::State::tombstone(const Message& message, Topic& its_topic) {
  const Ignored nothing{IgnoredKind::tombstone, {}, 0, {}};
  if (shape_ == EventShape::envelope) return nothing;
  const Opened<KeyPlan> key = open_key(message, its_topic);
  if (key.plan == nullptr) return nothing;
  Change change;
  change.op = Op::remove;
  change.ts_us = record_ts_us(message);
  change.table = table_of_topic(its_topic);
  ValuePlan& plan = plan_of_deleted(its_topic, key, *change.table);
  add_widening(plan, change, [&] {
    change.schema = plan.row_schema(key.plan);
    add_deleted(plan, key, nullptr, change);
  });
  return change;
}

// That of the rows before it, if it has the key's columns.
ValuePlan& Decoder::State::plan_of_deleted(Topic& its_topic, const Opened<KeyPlan>& key,
                                           const EventTable& table) {
  const auto has_column = [&](const ColumnPlan& field) {
    const auto& row = its_topic.flattened->row();
    const auto column = row.index.find(field.name);
    return column != row.index.end() &&
           (key.plan->fields.is_schemaless ||
            is_widened_from(field.type, row.columns[column->second].type));
  };
  if (its_topic.flattened != nullptr && std::ranges::all_of(key.plan->fields.columns, has_column)) {
    return *its_topic.flattened;
  }
  if (key.plan->fields.is_schemaless) {
    ValuePlan& plan = schemaless_plan(its_topic, table);
    plan.learn(*key.payload, true);
    return plan;
  }
  if (its_topic.deleted_key != key.plan) {
    its_topic.deleted_key = key.plan;
    its_topic.deleted_row = std::make_shared<ValuePlan>(*key.plan);
  }
  return *its_topic.deleted_row;
}

std::shared_ptr<const EventTable> Decoder::State::table_of_topic(Topic& its_topic) {
  std::optional<EventTable> found;
  try {
    found = named_table_(its_topic.name);
  } catch (const catalog::Error& error) {
    throw DecodeError(error.what(), error.sqlstate);
  }
  if (!found) throw DecodeError("the option table_from_topic does not match the topic");
  auto* known = find_recent(its_topic.tables, [&](const auto& table) { return *table == *found; });
  if (known != nullptr) return *known;
  return insert_recent(its_topic.tables, std::make_shared<const EventTable>(std::move(*found)),
                       kTablesPerTopicMax);
}

// The key's struct, with or without schema; null if it is none. Valid until the next call.
const JsonNode* Decoder::State::struct_key(const Message& message) {
  if (is_absent(message.key)) return nullptr;
  try {
    const JsonNode& key = key_reader_.payload(key_reader_.frame_of(*message.key, message.headers));
    return key.kind == JsonKind::object ? &key : nullptr;
  } catch (const DecodeError&) {
    return nullptr;  // what is asked of it is said of no other message
  }
}

bool Decoder::State::has_struct_key(const Message& message) {
  const JsonNode* key = struct_key(message);
  return key != nullptr && key->begin() != key->end();
}

// {"serverName":"srv"}. A heartbeat counts without it as well.
std::string Decoder::State::heartbeat_server(const Message& message) {
  const JsonNode* key = struct_key(message);
  const JsonNode* server = key != nullptr ? key->member("serverName") : nullptr;
  return server != nullptr && server->kind == JsonKind::string ? std::string(server->text) : "";
}

Opened<KeyPlan> Decoder::State::open_key(const Message& message, Topic& its_topic) {
  if (is_absent(message.key)) return {};
  const Unframed framed = key_reader_.frame_of(*message.key, message.headers);
  Opened<KeyPlan> key;
  try {
    key = key_reader_.open(framed, its_topic.keys, [&](const JsonNode& schema) {
      return std::make_shared<KeyPlan>(schema, binary_mode_);
    });
  } catch (const DecodeError& error) {
    throw DecodeError(std::string("key: ") + error.what(), error.sqlstate);
  }
  if (key.payload == nullptr) return {};
  if (key.payload->kind != JsonKind::object) throw DecodeError("key: payload is not a struct");
  if (key.plan == nullptr) key.plan = plan_of_members(its_topic, *key.payload);
  return key;
}

// Equal names, equal plan.
std::shared_ptr<KeyPlan> Decoder::State::plan_of_members(Topic& its_topic, const JsonNode& key) {
  std::string names;
  for (const JsonNode* field = key.begin(); field != key.end(); field = field->next())
    names.append(std::to_string(field->name.size())).append(" ").append(field->name);
  const auto* entry =
      its_topic.keys.schemaless.find([&](const auto& e) { return e.schema == names; });
  if (entry == nullptr)
    entry = its_topic.keys.schemaless.insert(std::move(names), KeyPlan::of_members(key));
  return entry->plan;
}

ValuePlan& Decoder::State::schemaless_plan(Topic& its_topic, const EventTable& table) {
  auto* known =
      find_recent(its_topic.schemaless, [&](const auto& entry) { return entry.table == table; });
  if (known != nullptr) return *known->plan;
  ValuePlan::KnownType known_type = [this, table](std::string_view column) {
    return known_type_ ? known_type_(table, column) : std::nullopt;
  };
  auto plan = std::make_shared<ValuePlan>(std::move(known_type), marker_, shape_);
  return *insert_recent(its_topic.schemaless, {table, std::move(plan)}, kTablesPerTopicMax).plan;
}

std::shared_ptr<const EventTable> Decoder::State::table(Topic& its_topic,
                                                        const SourceBlock& source) {
  auto* known =
      find_recent(its_topic.tables, [&](const auto& table) { return source.is_of(*table); });
  if (known != nullptr) return *known;
  return insert_recent(its_topic.tables, std::make_shared<const EventTable>(source.event_table()),
                       kTablesPerTopicMax);
}

Decoded Decoder::State::change(const Message& message, Topic& its_topic, ValuePlan* its_plan,
                               const JsonNode& payload) {
  const char op = op_letter(payload);
  const SourceBlock source(payload);
  if (op == 'm') {
    return Ignored{IgnoredKind::logical_message, std::string(source.server_name), source.ts_us, {}};
  }
  Change change;
  change.op = op_of(op);
  change.snapshot = source.snapshot_mark(change.op);
  change.ts_us = source.required_ts_us();
  change.sequence = source.sequence;
  if (change.op == Op::read && change.snapshot != SnapshotMark::incremental)
    change.snapshot_id = source.snapshot_id();
  change.is_commit_sequence = source.is_commit_sequence;
  change.table = table(its_topic, source);
  ValuePlan& plan = its_plan != nullptr ? *its_plan : schemaless_plan(its_topic, *change.table);
  if (change.op != Op::truncate) {
    add_widening(plan, change, [&] { add_rows(message, its_topic, plan, payload, change); });
  }
  report_losses(plan, change);
  return change;
}

void Decoder::State::report_losses(ValuePlan& plan, const Change& change) {
  report_replaced(*change.table);
  for (const auto& [loss, text] : plan.take_losses(change.table)) report(loss, text);
}

// Once for each column, as long as there is room to remember them.
void Decoder::State::report_replaced(const EventTable& table) {
  for (const std::string& column : reader_.take_replaced()) {
    const std::string name = table.db + "." + table.schema + "." + table.table + "." + column;
    if (reported_.size() >= kReportedMax || !reported_.insert(name).second) continue;
    spdlog::warn("column {}: a text holds U+0000, which is stored as U+FFFD", name);
  }
}

// Once for each text: a schema comes back after others of its topic.
void Decoder::State::report(Loss loss, const std::string& text) {
  if (reported_.size() >= kReportedMax || !reported_.insert(text).second) return;
  spdlog::log(is_warning(loss) ? spdlog::level::warn : spdlog::level::info, "{}", text);
}

void Decoder::State::add_rows(const Message& message, Topic& its_topic, ValuePlan& plan,
                              const JsonNode& payload, Change& change) {
  const Opened<KeyPlan> key = open_key(message, its_topic);
  if (plan.row().is_schemaless) learn(plan, key, payload, change.op);
  change.schema = plan.row_schema(key.plan);
  const JsonNode* before = struct_member(payload, "before");
  if (before != nullptr && is_found_by_image(key, plan.row()) &&
      (change.op == Op::update || change.op == Op::remove)) {
    change.before = reader_.row(plan.row(), *before, false);
  }
  if (change.op == Op::remove) {
    add_deleted(plan, key, before, change);
    remember_deleted(message, its_topic, change);
    return;
  }
  const JsonNode* after = struct_member(payload, "after");
  if (after == nullptr) throw DecodeError("member \"after\" is null");
  const std::string* old_key = nullptr;
  const Deleted* deleted = nullptr;
  if (change.op == Op::create) {
    old_key = old_key_of(message);
    deleted = deleted_beside(its_topic, change);
  }
  const bool is_moved = old_key != nullptr || deleted != nullptr;
  change.row = reader_.row(plan.row(), *after, change.op == Op::update || is_moved);
  if (old_key != nullptr) change.fill_key = fill_key(*old_key, plan, *change.schema);
  if (!change.fill_key && deleted != nullptr) change.fill_key = key_of(*deleted);
  if (deleted != nullptr) {
    change.old_key = deleted->key;
  } else if (old_key != nullptr) {
    change.old_key = *old_key;
  }
}

void Decoder::State::remember_deleted(const Message& message, Topic& its_topic,
                                      const Change& change) {
  if (!has_place(change) || change.schema->key.empty()) return;
  its_topic.deleted.push_front({*change.sequence, change.table, change.schema, change.row.fields,
                                std::optional<std::string>(message.key)});
  if (its_topic.deleted.size() > kDeletedMax) its_topic.deleted.pop_back();
}

// An update of the key, written as a delete and an insert. A pipeline may drop the headers that say
// so; nothing else gives a delete and an insert one place in the log (debezium-format 14.2).
const Deleted* Decoder::State::deleted_beside(const Topic& its_topic, const Change& change) {
  if (!has_place(change) || change.snapshot != SnapshotMark::streaming) return nullptr;
  const auto found = std::ranges::find_if(its_topic.deleted, [&](const Deleted& deleted) {
    return deleted.at == *change.sequence && *deleted.table == *change.table &&
           *deleted.schema == *change.schema;
  });
  return found == its_topic.deleted.end() ? nullptr : &*found;
}

void Decoder::State::add_deleted(const ValuePlan& plan, const Opened<KeyPlan>& key,
                                 const JsonNode* before, Change& change) {
  if (key.plan != nullptr) {
    change.row = reader_.key_row(plan.row(), key.plan->fields, *key.payload, before);
  } else {
    const StructPlan no_key;
    change.row = reader_.key_row(plan.row(), no_key, JsonNode{}, nullptr);
  }
}

// How a header is written is the Connect worker's choice; it is a hint, so what does not read as
// the key is as good as absent.
std::optional<std::string> Decoder::State::fill_key(const std::string& header,
                                                    const ValuePlan& plan,
                                                    const RowSchema& schema) {
  if (schema.key.empty()) return std::nullopt;
  try {
    if (header.empty()) return std::nullopt;
    const JsonNode& key = header_reader_.payload(header_reader_.frame_of(header));
    return reader_.key_cells(plan.row(), schema, key);
  } catch (const DecodeError&) {
    return std::nullopt;
  }
}

const std::string* old_key_of(const Message& message) {
  const std::string* out = nullptr;
  for (const Header& header : message.headers) {
    if (header.name == kOldKeyHeader && header.value) out = &*header.value;
  }
  return out;
}

Decoder::Decoder(DecoderOptions options) : state_(std::make_unique<State>(options)) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

Decoded Decoder::decode(const Message& message) {
  return state_->decode(message);
}

}  // namespace metadb::ingest
