#include "ingest/flattened_rows.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "ingest/debezium_envelope.h"
#include "ingest/debezium_error.h"

namespace metadb::ingest {
namespace {

// Where the source's time stands, the most exact first; how many microseconds its unit has, or how
// many units a microsecond has.
struct TimeField {
  std::string_view name;
  int64_t times;
  int64_t by;
};
constexpr std::array kTimes = {TimeField{"__source_ts_us", 1, 1},
                               TimeField{"__source_ts_ns", 1, 1000},
                               TimeField{"__source_ts_ms", 1000, 1}};

std::optional<int64_t> time_us(const JsonNode& row, const TimeField& field) {
  const JsonNode* member = row.member(field.name);
  if (member == nullptr || member->kind != JsonKind::number) return std::nullopt;
  int64_t value = 0;
  const char* end = member->text.data() + member->text.size();
  const auto [stop, error] = std::from_chars(member->text.data(), end, value);
  int64_t micros = 0;
  const bool is_time = error == std::errc() && stop == end &&
                       !__builtin_mul_overflow(value / field.by, field.times, &micros);
  if (!is_time) throw DecodeError("member \"" + std::string(field.name) + "\" is not a time");
  return micros;
}

std::string_view text_of(const JsonNode& row, std::string_view name) {
  const JsonNode* member = row.member(name);
  return member == nullptr || member->is_null() ? std::string_view() : member->text;
}

bool has_all(const JsonNode& payload, std::initializer_list<std::string_view> names) {
  return std::ranges::all_of(names, [&](auto name) { return payload.member(name) != nullptr; });
}

bool is_struct(const JsonNode* node) {
  return node != nullptr && node->kind == JsonKind::object;
}

}  // namespace

int64_t record_ts_us(const Message& message) {
  if (message.timestamp_ms < 0) throw DecodeError("neither the row nor the record has a time");
  int64_t micros = 0;
  if (__builtin_mul_overflow(message.timestamp_ms, int64_t{1000}, &micros)) micros = INT64_MAX;
  check_row_time(micros, "time of the record");
  return micros;
}

FlattenedEvent::FlattenedEvent(const JsonNode& row, const Message& message) {
  is_deleted = text_of(row, "__deleted") == "true";
  const std::string_view op_text = text_of(row, "__op");
  if (op_text.size() == 1) letter = op_text[0];
  mark = text_of(row, "__source_snapshot");
  if (mark.empty()) mark = text_of(row, "__snapshot");
  for (const TimeField& field : kTimes) {
    const auto time = time_us(row, field);
    if (!time) continue;
    ts_us = *time;
    check_row_time(ts_us, field.name);
    return;
  }
  ts_us = record_ts_us(message);
}

std::optional<Op> FlattenedEvent::op(bool has_key) const {
  if (letter == 'm') return std::nullopt;
  if (is_deleted || letter == 'd') return Op::remove;
  if (letter == 'c' || letter == 'u' || letter == 'r') return op_of(letter);
  return has_key ? Op::update : Op::create;
}

SnapshotMark FlattenedEvent::snapshot() const {
  const SnapshotMark by_op = letter == 'r' ? SnapshotMark::in_snapshot : SnapshotMark::streaming;
  return mark.empty() || mark == "false" ? by_op : snapshot_mark_of(mark, by_op);
}

EventTable default_table_of(std::string_view topic) {
  EventTable out{{}, {}, "public", std::string(topic)};
  const size_t last = topic.rfind('.');
  if (last == std::string_view::npos) return out;
  out.table = topic.substr(last + 1);
  topic = topic.substr(0, last);
  const size_t middle = topic.rfind('.');
  out.schema = middle == std::string_view::npos ? topic : topic.substr(middle + 1);
  if (middle != std::string_view::npos) out.server_name = topic.substr(0, middle);
  return out;
}

MessageKind flattened_kind(const JsonNode& payload, const JsonNode* key) {
  const JsonNode* op = payload.member("op");
  const bool has_op = op != nullptr && op->kind == JsonKind::string;
  if (has_op && is_struct(payload.member("source"))) return MessageKind::change;
  const bool has_server = key != nullptr && key->member("serverName") != nullptr;
  const bool is_time_alone = payload.size == 2 && payload.member("ts_ms") != nullptr;
  if (is_time_alone && has_server) return MessageKind::heartbeat;
  if (has_all(payload, {"status", "id", "event_count", "data_collections"}))
    return MessageKind::transaction;
  if (has_all(payload, {"id", "aggregate_type", "type", "additional_data"}))
    return MessageKind::notification;
  if (has_all(payload, {"databaseName", "ddl", "tableChanges"})) return MessageKind::schema_change;
  return MessageKind::flattened;
}

}  // namespace metadb::ingest
