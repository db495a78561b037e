#include "catalog/dead_letters.h"

#include <fmt/format.h>

namespace metadb::catalog {
namespace {

// bytea's hex input format, so that any bytes pass as a text parameter.
Param hex(const std::optional<std::string>& bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  if (!bytes) return std::nullopt;
  std::string out = "\\x";
  out.reserve(2 + 2 * bytes->size());
  for (const char c : *bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

// A producer may have written anything: beyond the year 9999 no record tells its time.
Param record_time(int64_t timestamp_ms) {
  constexpr int64_t kLastMs = 253'402'300'799'999;
  if (timestamp_ms < 0 || timestamp_ms > kLastMs) return std::nullopt;
  return std::to_string(timestamp_ms);
}

}  // namespace

void set_aside(Connection& connection, const DeadLetter& letter) {
  connection.exec(
      "INSERT INTO metadb.dead_letter (source_name, topic, part, \"offset\", record_time, key, "
      "value, sqlstate, error, "
      "schema_name, table_name) VALUES ($1, $2, $3, $4, to_timestamp($5::numeric / 1000), $6, $7, "
      "$8, $9, $10, $11) "
      "ON CONFLICT (source_name, topic, part, \"offset\") DO NOTHING",
      {letter.source_name, letter.topic, std::to_string(letter.part), std::to_string(letter.offset),
       record_time(letter.timestamp_ms), hex(letter.key), hex(letter.value), letter.sqlstate,
       letter.error, letter.schema_name, letter.table_name});
}

bool has_dead_letters(Connection& connection, const std::string& source_name) {
  return connection
             .exec("SELECT FROM metadb.dead_letter WHERE source_name = $1 LIMIT 1", {source_name})
             .rows() > 0;
}

int64_t last_dead_letter(Connection& connection) {
  return connection.exec("SELECT coalesce(max(id), 0) FROM metadb.dead_letter").int64(0, 0);
}

int64_t purge_dead_letters(Connection& connection, const DeadLetterRange& range) {
  return connection
      .exec(fmt::format("DELETE FROM metadb.dead_letter WHERE id IN (SELECT id FROM"
                        " metadb.dead_letter WHERE id <= $1 AND ($2::text IS NULL OR source_name ="
                        " $2) ORDER BY id LIMIT {})",
                        kPurgedMax),
            {std::to_string(range.last_id), range.source_name})
      .affected();
}

}  // namespace metadb::catalog
