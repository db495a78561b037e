#include "ingest/debezium_envelope.h"

#include <array>
#include <charconv>
#include <string>

#include "ingest/json_text.h"
#include "ingest/names.h"

namespace metadb::ingest {
namespace {

constexpr size_t kTextBytesMax = 4096;
constexpr int64_t kMicrosOfYear1 = -62135596800000000;
constexpr int64_t kMicrosOfYear9999End = 253402300800000000 - 86400000000;  // __end of current rows

[[noreturn]] void throw_member(std::string_view name, const char* what) {
  throw DecodeError("member \"" + std::string(name) + "\" " + what);
}

std::string_view text(const JsonNode& member, const char* path) {
  if (member.is_null()) return {};
  if (member.kind != JsonKind::string) throw_member(path, "is not a string");
  if (member.text.find('\0') != std::string_view::npos) {
    throw_member(path, "holds the character U+0000");
  }
  return member.text;
}

std::optional<int64_t> integer_of(const JsonNode& member) {
  int64_t value = 0;
  const char* end = member.text.data() + member.text.size();
  const auto [stop, error] = std::from_chars(member.text.data(), end, value);
  if (member.kind != JsonKind::number || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

int64_t micros(const JsonNode& member, int64_t unit, const char* path) {
  if (member.is_null()) return 0;
  const auto value = integer_of(member);
  int64_t result = 0;
  if (!value || __builtin_mul_overflow(*value, unit, &result)) throw_member(path, "is not a time");
  return result;
}

// One half of source.sequence: "24023119" in its own quotes.
std::optional<uint64_t> sequence_half(std::string_view item) {
  if (item.size() < 3 || item.front() != '"' || item.back() != '"') return std::nullopt;
  item = item.substr(1, item.size() - 2);
  uint64_t value = 0;
  const auto [stop, error] = std::from_chars(item.data(), item.data() + item.size(), value);
  if (error != std::errc() || stop != item.data() + item.size()) return std::nullopt;
  return value;
}

// ["lastCommitLsn","lsn"]. Other connectors put other things here; without both halves no event
// is taken for a duplicate.
std::optional<Sequence> parse_sequence(std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  const size_t comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  std::string_view second = text.substr(comma + 1);
  if (second.starts_with(' ')) second.remove_prefix(1);
  const auto commit_lsn = sequence_half(text.substr(0, comma));
  const auto lsn = sequence_half(second);
  if (!commit_lsn || !lsn) return std::nullopt;
  return Sequence{*commit_lsn, *lsn};
}

// SQL Server's commit LSN, 00000027:00000758:0005: it grows from commit to commit of a database, so
// that what is below one seen was seen before. Its rows share it. nullopt: something else.
std::optional<Sequence> parse_commit_lsn(std::string_view text) {
  constexpr std::array<size_t, 3> kLsnDigits = {8, 8, 4};
  std::array<uint64_t, 3> parts{};
  for (size_t i = 0; i < kLsnDigits.size(); ++i) {
    if (i > 0 && !text.starts_with(':')) return std::nullopt;
    if (i > 0) text.remove_prefix(1);
    if (text.size() < kLsnDigits[i]) return std::nullopt;
    const char* end = text.data() + kLsnDigits[i];
    const auto [stop, error] = std::from_chars(text.data(), end, parts[i], 16);
    if (error != std::errc() || stop != end) return std::nullopt;
    text.remove_prefix(kLsnDigits[i]);
  }
  if (!text.empty()) return std::nullopt;
  return Sequence{(parts[0] << 32) | parts[1], parts[2]};
}

struct NamedMark {
  std::string_view name;
  SnapshotMark mark;
};
constexpr std::array kMarks = {
    NamedMark{"true", SnapshotMark::in_snapshot},
    NamedMark{"first", SnapshotMark::first},
    NamedMark{"first_in_data_collection", SnapshotMark::first_in_data_collection},
    NamedMark{"last_in_data_collection", SnapshotMark::last_in_data_collection},
    NamedMark{"last", SnapshotMark::last},
    NamedMark{"incremental", SnapshotMark::incremental},
};

std::string string_member(const JsonNode& payload, std::string_view name) {
  const JsonNode* member = payload.member(name);
  return member != nullptr && member->kind == JsonKind::string ? std::string(member->text) : "";
}

// `additional_data` is a map of texts, numbers among them.
Notification notification_of(const JsonNode& payload) {
  Notification out;
  out.aggregate = string_member(payload, "aggregate_type");
  out.type = string_member(payload, "type");
  const JsonNode* data = payload.member("additional_data");
  if (data == nullptr || data->kind != JsonKind::object) return out;
  out.connector = string_member(*data, "connector_name");
  out.collection = string_member(*data, "scanned_collection");
  out.status = string_member(*data, "status");
  const std::string rows = string_member(*data, "total_rows_scanned");
  int64_t value = 0;
  const auto [stop, error] = std::from_chars(rows.data(), rows.data() + rows.size(), value);
  if (error == std::errc() && stop == rows.data() + rows.size()) out.rows = value;
  return out;
}

}  // namespace

void check_row_time(int64_t ts_us, std::string_view name) {
  if (ts_us < kMicrosOfYear1 || ts_us >= kMicrosOfYear9999End) {
    throw_member(name, "is out of range");
  }
}

SnapshotMark snapshot_mark_of(std::string_view name, SnapshotMark other) {
  if (name.empty()) return SnapshotMark::streaming;
  for (const NamedMark& known : kMarks) {
    if (known.name == name) return known.mark;
  }
  return other;
}

char op_letter(const JsonNode& payload) {
  const JsonNode* op = payload.member("op");
  if (op == nullptr || op->kind != JsonKind::string) throw_member("op", "is missing");
  if (op->text.size() != 1 ||
      std::string_view("cudrtm").find(op->text[0]) == std::string_view::npos) {
    throw_member("op", "is none of c, u, d, r, t, m");
  }
  return op->text[0];
}

Op op_of(char letter) {
  switch (letter) {
    case 'c':
      return Op::create;
    case 'u':
      return Op::update;
    case 'd':
      return Op::remove;
    case 'r':
      return Op::read;
    default:
      return Op::truncate;
  }
}

const JsonNode* struct_member(const JsonNode& payload, std::string_view name) {
  const JsonNode* member = payload.member(name);
  if (member == nullptr || member->is_null()) return nullptr;
  if (member->kind != JsonKind::object) throw_member(name, "is not a struct");
  return member;
}

SourceBlock::SourceBlock(const JsonNode& payload) {
  const JsonNode* source = struct_member(payload, "source");
  if (source == nullptr) throw_member("source", "is missing");
  for (const JsonNode* member = source->begin(); member != source->end(); member = member->next()) {
    take(*member);
  }
  if (!has_schema_) schema = db;
  if (is_sql_server_) sequence = parse_commit_lsn(commit_lsn_);
  is_commit_sequence = is_sql_server_;
  if (ts_us == 0) take_outer_time(payload);
}

// The time at which the connector saw the event, where the source has none to tell.
void SourceBlock::take_outer_time(const JsonNode& payload) {
  for (const auto& [name, unit] : {std::pair{"ts_us", 1}, std::pair{"ts_ms", 1000}}) {
    const JsonNode* time = payload.member(name);
    if (time != nullptr && ts_us == 0) ts_us = micros(*time, unit, name);
  }
}

void SourceBlock::take(const JsonNode& member) {
  const std::string_view name = member.name;
  if (name == "ts_ms") {
    if (ts_us == 0) ts_us = micros(member, 1000, "source.ts_ms");
  } else if (name == "ts_us") {
    const int64_t exact = micros(member, 1, "source.ts_us");
    if (exact != 0) ts_us = exact;
  } else if (name == "name") {
    server_name = text(member, "source.name");
  } else if (name == "db") {
    db = text(member, "source.db");
  } else if (name == "schema") {
    schema = text(member, "source.schema");
    has_schema_ = !schema.empty();
  } else if (name == "table") {
    table = text(member, "source.table");
  } else if (name == "sequence" && member.kind == JsonKind::string) {
    sequence = parse_sequence(member.text);
  } else if (name == "txId" && member.kind == JsonKind::number) {
    transaction = member.text;
  } else if (name == "lsn" && member.kind == JsonKind::number) {
    lsn = member.text;
  } else if (name == "commit_lsn" && member.kind == JsonKind::string) {
    commit_lsn_ = member.text;
  } else if (name == "connector" && member.kind == JsonKind::string) {
    is_sql_server_ = member.text == "sqlserver";
  } else if (name == "snapshot") {
    // A string, in old connectors a boolean; null, false and absence are one.
    const bool is_set = member.kind == JsonKind::string || member.kind == JsonKind::boolean;
    snapshot = is_set && member.text != "false" ? member.text : std::string_view();
  }
}

int64_t SourceBlock::required_ts_us() const {
  if (ts_us == 0) throw_member("source.ts_ms", "is missing, as is \"ts_ms\"");
  check_row_time(ts_us, "source.ts_ms");
  return ts_us;
}

// A marker that we do not know yet belongs to a snapshot if the event is a read.
SnapshotMark SourceBlock::snapshot_mark(Op op) const {
  return snapshot_mark_of(snapshot,
                          op == Op::read ? SnapshotMark::in_snapshot : SnapshotMark::streaming);
}

int64_t SourceBlock::snapshot_id() const {
  if (transaction.empty() || lsn.empty()) return 0;
  const std::hash<std::string_view> hash;
  return static_cast<int64_t>(hash(transaction) * 31 + hash(lsn));
}

bool SourceBlock::is_of(const EventTable& known) const {
  return known.table == table && known.schema == schema && known.db == db &&
         known.server_name == server_name;
}

EventTable SourceBlock::event_table() const {
  if (table.empty()) throw_member("source.table", "is missing");
  return {std::string(server_name), std::string(db), std::string(schema), std::string(table)};
}

Ignored ignored_message(MessageKind kind, std::string_view schema_name, const JsonNode& payload) {
  Ignored ignored;
  if (const JsonNode* time = payload.member("ts_ms")) {
    const auto millis = integer_of(*time);
    int64_t result = 0;
    if (millis && !__builtin_mul_overflow(*millis, int64_t{1000}, &result)) ignored.ts_us = result;
  }
  switch (kind) {
    case MessageKind::heartbeat:
      ignored.kind = IgnoredKind::heartbeat;
      break;
    case MessageKind::transaction:
      ignored.kind = IgnoredKind::transaction;
      break;
    case MessageKind::signal:
      ignored.kind = IgnoredKind::signal;
      break;
    case MessageKind::schema_change:
      ignored.kind = IgnoredKind::schema_change;
      break;
    case MessageKind::notification:
      ignored.kind = IgnoredKind::notification;
      ignored.text = utf8_prefix(json_text(payload), kTextBytesMax);
      ignored.notification = notification_of(payload);
      break;
    default:
      ignored.kind = IgnoredKind::unknown;
      ignored.text = schema_name.empty() ? "neither a Debezium message nor with a schema"
                                         : "value schema \"" + excerpt(schema_name) +
                                               "\" is not a Debezium message";
      break;
  }
  return ignored;
}

}  // namespace metadb::ingest
