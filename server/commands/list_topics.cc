#include <fmt/format.h>

#include <algorithm>

#include "server/commands/listing.h"

namespace metadb::server {
namespace {

using ingest::PartitionStatus;
using ingest::TopicPartition;
using Value = std::optional<std::string>;

// What PostgreSQL holds: nullopt where nothing of the partition was committed yet.
using Positions = std::map<TopicPartition, std::optional<int64_t>>;

std::map<std::string, Positions> positions_by_source(CommandContext& context) {
  const catalog::Result found = context.connection().exec(
      "SELECT source_name, topic, part, next_offset FROM metadb.ingest_position");
  std::map<std::string, Positions> out;
  for (int row = 0; row < found.rows(); ++row) {
    const TopicPartition at{std::string(found.text(row, 1)),
                            static_cast<int32_t>(found.int64(row, 2))};
    const int64_t next = found.int64(row, 3);
    out[std::string(found.text(row, 0))][at] = next < 0 ? std::nullopt : std::optional(next);
  }
  return out;
}

Value number(const std::optional<int64_t>& value) {
  return value ? Value(std::to_string(*value)) : std::nullopt;
}

std::vector<Value> row_of(const std::string& source, const TopicPartition& at,
                          const std::optional<int64_t>& position, const PartitionStatus& known) {
  std::optional<int64_t> lag;
  if (known.end) lag = std::max<int64_t>(0, *known.end - position.value_or(0));
  return {source,
          at.topic,
          std::to_string(at.partition),
          number(position),
          number(known.end),
          number(lag),
          std::to_string(known.events.applied),
          std::to_string(known.events.filtered),
          std::to_string(known.events.duplicates)};
}

}  // namespace

std::vector<ColumnDescription> topics_columns() {
  return {text_column("source_name"), text_column("topic"),    int4_column("part"),
          int8_column("position"),    int8_column("end"),      int8_column("lag"),
          int8_column("applied"),     int8_column("filtered"), int8_column("duplicates")};
}

// Ends and counts are those that the workers know since the server was started; positions are
// PostgreSQL's. Those of a dropped source are no topics of anybody.
Rows topics_rows(CommandContext& context) {
  const auto snapshot = context.catalog().snapshot();
  std::map<std::string, Positions> positions = positions_by_source(context);
  Rows rows;
  for (const auto& [name, source] : snapshot->sources) {
    const auto known = context.workers().partitions(name);
    Positions& here = positions[name];
    for (const auto& [at, status] : known) here.emplace(at, std::nullopt);
    for (const auto& [at, position] : here) {
      const auto found = known.find(at);
      rows.push_back(
          row_of(name, at, position, found == known.end() ? PartitionStatus() : found->second));
    }
  }
  return rows;
}

}  // namespace metadb::server
