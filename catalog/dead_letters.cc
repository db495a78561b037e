#include "catalog/dead_letters.h"

#include <fmt/format.h>

namespace metadb::catalog {
namespace {

// bytea's hex input format, so that any bytes pass as a text parameter.
Param hex(const std::optional<std::string_view>& bytes) {
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

std::optional<std::string> bytes_of(const std::optional<std::string>& digits) {
  if (!digits) return std::nullopt;
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  for (size_t i = 0; i + 1 < digits->size(); i += 2)
    out += static_cast<char>(value((*digits)[i]) * 16 + value((*digits)[i + 1]));
  return out;
}

constexpr std::string_view kLetterColumns =
    "id, source_name, topic, part, \"offset\", (extract(epoch FROM record_time) * 1000)::bigint,"
    " encode(key, 'hex'), encode(value, 'hex'), (extract(epoch FROM closed) * 1000000)::bigint,"
    " encode(old_key, 'hex'), follows_part, follows";

std::optional<StoredLetter> letter_of(const Result& row) {
  if (row.rows() == 0) return std::nullopt;
  StoredLetter out;
  out.id = row.int64(0, 0);
  out.letter.source_name = row.text(0, 1);
  out.letter.topic = row.text(0, 2);
  out.letter.part = static_cast<int32_t>(row.int64(0, 3));
  out.letter.offset = row.int64(0, 4);
  if (!row.is_null(0, 5)) out.letter.timestamp_ms = row.int64(0, 5);
  out.letter.key = bytes_of(row.optional_text(0, 6));
  out.letter.value = bytes_of(row.optional_text(0, 7));
  if (!row.is_null(0, 8)) out.closed_us = row.int64(0, 8);
  out.letter.old_key = bytes_of(row.optional_text(0, 9));
  if (!row.is_null(0, 11))
    out.letter.follows = {static_cast<int32_t>(row.int64(0, 10)), row.int64(0, 11)};
  return out;
}

// A producer may have written anything: beyond the year 9999 no record tells its time.
Param record_time(int64_t timestamp_ms) {
  constexpr int64_t kLastMs = 253'402'300'799'999;
  if (timestamp_ms < 0 || timestamp_ms > kLastMs) return std::nullopt;
  return std::to_string(timestamp_ms);
}

Param number(const std::optional<int64_t>& value) {
  if (!value) return std::nullopt;
  return std::to_string(*value);
}

// $1 IS NULL: of any source; $2: the last id.
constexpr std::string_view kPurged =
    "l.id <= $2 AND ($1::text IS NULL OR l.source_name = $1) AND (l.follows IS NULL OR NOT EXISTS"
    " (SELECT FROM metadb.source s WHERE s.name = l.source_name))";

LetterAt place_of(const Result& row) {
  return {static_cast<int32_t>(row.int64(0, 0)), row.int64(0, 1)};
}

}  // namespace

void set_aside(Connection& connection, const DeadLetter& letter) {
  const auto& follows = letter.follows;
  connection.exec(
      "INSERT INTO metadb.dead_letter (source_name, topic, part, \"offset\", record_time, key, "
      "value, sqlstate, error, "
      "schema_name, table_name, old_key, follows_part, follows) VALUES ($1, $2, $3, $4, "
      "to_timestamp($5::numeric / 1000), $6, $7, $8, $9, $10, $11, $12, $13, $14) "
      "ON CONFLICT DO NOTHING",
      {letter.source_name, letter.topic, std::to_string(letter.part), std::to_string(letter.offset),
       record_time(letter.timestamp_ms), hex(letter.key), hex(letter.value), letter.sqlstate,
       letter.error, letter.schema_name, letter.table_name, hex(letter.old_key),
       follows ? number(follows->part) : std::nullopt,
       follows ? number(follows->offset) : std::nullopt});
}

bool has_dead_letters(Connection& connection, const std::string& source_name) {
  return connection
             .exec("SELECT FROM metadb.dead_letter WHERE source_name = $1 LIMIT 1", {source_name})
             .rows() > 0;
}

int64_t last_dead_letter(Connection& connection) {
  return connection.exec("SELECT coalesce(max(id), 0) FROM metadb.dead_letter").int64(0, 0);
}

std::vector<std::string> sources_with_followers(Connection& connection,
                                                const std::optional<std::string>& source_name) {
  const Result rows = connection.exec(
      "SELECT DISTINCT source_name FROM metadb.dead_letter WHERE ($1::text IS NULL OR source_name ="
      " $1) AND follows IS NOT NULL ORDER BY 1",
      {source_name});
  std::vector<std::string> out;
  for (int row = 0; row < rows.rows(); ++row) out.emplace_back(rows.text(row, 0));
  return out;
}

int64_t purge_dead_letters(Connection& connection, const DeadLetterRange& range) {
  return connection
      .exec(fmt::format("DELETE FROM metadb.dead_letter WHERE id IN (SELECT l.id FROM"
                        " metadb.dead_letter l WHERE {} ORDER BY l.id LIMIT {})",
                        kPurged, kPurgedMax),
            {range.source_name, std::to_string(range.last_id)})
      .affected();
}

std::optional<StoredLetter> next_letter(Connection& connection, const DeadLetterRange& range,
                                        const LetterPlace& place) {
  return letter_of(connection.exec(
      fmt::format(
          "SELECT {} FROM metadb.dead_letter WHERE source_name = $1 AND id <= $2 AND"
          " (topic, part, \"offset\", id) > ($3, $4, $5, $6){} ORDER BY topic, part, \"offset\","
          " id LIMIT 1",
          kLetterColumns, range.is_of_followers ? " AND follows IS NOT NULL" : ""),
      {range.source_name, std::to_string(range.last_id), place.topic, std::to_string(place.part),
       std::to_string(place.offset), std::to_string(place.id)}));
}

std::optional<StoredLetter> lock_letter(Connection& connection, int64_t id) {
  return letter_of(connection.exec(
      fmt::format("SELECT {} FROM metadb.dead_letter WHERE id = $1 FOR UPDATE", kLetterColumns),
      {std::to_string(id)}));
}

void delete_letter(Connection& connection, int64_t id) {
  connection.exec("DELETE FROM metadb.dead_letter WHERE id = $1", {std::to_string(id)});
}

void update_letter(Connection& connection, int64_t id, const Error& reason) {
  connection.exec("UPDATE metadb.dead_letter SET sqlstate = $2, error = $3 WHERE id = $1",
                  {std::to_string(id), reason.sqlstate, reason.message()});
}

void update_follower(Connection& connection, int64_t id, const LetterAt& ahead,
                     const Error& reason) {
  connection.exec(
      "UPDATE metadb.dead_letter SET sqlstate = $2, error = $3, follows_part = $4, follows = $5"
      " WHERE id = $1",
      {std::to_string(id), reason.sqlstate, reason.message(), std::to_string(ahead.part),
       std::to_string(ahead.offset)});
}

std::vector<std::pair<std::string, std::string>> open_letter_keys(Connection& connection,
                                                                  const std::string& source_name) {
  const Result rows = connection.exec(
      fmt::format("SELECT DISTINCT topic, coalesce(encode(key, 'hex'), '') FROM metadb.dead_letter"
                  " WHERE source_name = $1 AND closed IS NULL LIMIT {}",
                  kOpenMax),
      {source_name});
  std::vector<std::pair<std::string, std::string>> out;
  for (int row = 0; row < rows.rows(); ++row)
    out.emplace_back(rows.text(row, 0), *bytes_of(rows.optional_text(row, 1)));
  return out;
}

std::vector<std::string> topics_of_letters(Connection& connection, const std::string& source_name) {
  const Result rows = connection.exec(
      "SELECT DISTINCT topic FROM metadb.dead_letter WHERE source_name = $1", {source_name});
  std::vector<std::string> out;
  for (int row = 0; row < rows.rows(); ++row) out.emplace_back(rows.text(row, 0));
  return out;
}

// Of an old key that which the delete half of the change has closed, at the time of both.
std::optional<Ahead> letter_ahead_of(Connection& connection, const std::string& source_name,
                                     const Leaving& event) {
  const Result found = connection.exec(
      fmt::format(
          "SELECT coalesce(l.follows_part, l.part), coalesce(l.follows, l.\"offset\"), (SELECT"
          " count(*) FROM metadb.dead_letter f WHERE f.source_name = $1 AND f.topic = $2 AND"
          " md5(f.key) = md5($5::bytea) AND f.key = $5::bytea AND f.closed IS NULL AND f.follows IS"
          " NOT NULL), l.part, l.\"offset\" FROM metadb.dead_letter l WHERE l.source_name = $1 AND "
          "l.topic = $2 AND"
          " md5(l.key) = md5($6::bytea) AND l.key = $6::bytea AND (l.part <> $3 OR l.\"offset\" <"
          " $4) AND (l.closed IS NULL{}) ORDER BY l.part = $3 DESC, l.\"offset\" DESC LIMIT 1",
          event.old_key ? fmt::format(" OR l.closed = 'epoch'::timestamptz + {}::bigint * interval "
                                      "'1 microsecond'",
                                      event.ts_us)
                        : ""),
      {source_name, std::string(event.topic), std::to_string(event.at.part),
       std::to_string(event.at.offset), hex(event.key), hex(event.old_key.value_or(event.key))});
  if (found.rows() == 0) return std::nullopt;
  return Ahead{place_of(found),
               {static_cast<int32_t>(found.int64(0, 3)), found.int64(0, 4)},
               found.int64(0, 2)};
}

// Those that one event has closed are of one time.
std::optional<LetterAt> letter_ahead_of(Connection& connection, const StoredLetter& stored,
                                        bool leaves_values_out) {
  constexpr std::string_view kOfTopic =
      "metadb.dead_letter l WHERE l.source_name = $1 AND l.topic = $2 AND";
  constexpr std::string_view kBefore = "l.part = $3 AND l.\"offset\" < $4";
  const DeadLetter& letter = stored.letter;
  const auto& follows = letter.follows;
  const Result found = connection.exec(
      fmt::format(
          "SELECT part, \"offset\" FROM (SELECT l.part, l.\"offset\", 1 AS rank FROM {0} l.part ="
          " $5::integer AND l.\"offset\" = $6::bigint UNION ALL SELECT l.part, l.\"offset\", 2 FROM"
          " {0} l.follows_part = $5::integer AND l.follows = $6::bigint AND {1} UNION ALL SELECT"
          " l.part, l.\"offset\", 2 FROM {0} md5(l.key) = md5($7::bytea) AND l.key = $7::bytea AND"
          " {1} AND l.closed IS NOT DISTINCT FROM 'epoch'::timestamptz + $8::bigint * interval"
          " '1 microsecond') ahead ORDER BY rank, \"offset\" DESC LIMIT 1",
          kOfTopic, kBefore),
      {letter.source_name, letter.topic, std::to_string(letter.part), std::to_string(letter.offset),
       follows ? number(follows->part) : std::nullopt,
       follows ? number(follows->offset) : std::nullopt,
       leaves_values_out ? hex(letter.key) : std::nullopt, number(stored.closed_us)});
  if (found.rows() == 0) return std::nullopt;
  return place_of(found);
}

// The same key in another partition of the topic: that one is new, and is read after the others. A
// letter without a table is that of its topic, if the topic feeds one only.
void close_letters(Connection& connection, const std::string& source_name,
                   const LaterEvent& event) {
  constexpr std::string_view kTime = "'epoch'::timestamptz + $5::bigint * interval '1 microsecond'";
  const std::string places =
      event.is_letter
          ? fmt::format("l.part = $3 AND l.\"offset\" < $4 AND coalesce(l.closed > {}, true)",
                        kTime)
          : "(l.part <> $3 OR l.\"offset\" < $4) AND l.closed IS NULL";
  const std::string_view letters =
      event.key ? "md5(l.key) = md5($6::bytea) AND l.key = $6::bytea"
                : "((l.schema_name, l.table_name) = ($6, $7) OR l.schema_name IS NULL AND (SELECT"
                  " count(DISTINCT (t.schema_name, t.table_name)) FROM metadb.source_table t WHERE"
                  " t.source_name = $1 AND t.topic = $2) <= 1)";
  std::vector<Param> parameters = {source_name, event.topic, std::to_string(event.part),
                                   std::to_string(event.offset), std::to_string(event.ts_us)};
  if (event.key) {
    parameters.push_back(hex(event.key));
  } else {
    parameters.insert(parameters.end(), {event.schema_name, event.table_name});
  }
  connection.exec(
      fmt::format("UPDATE metadb.dead_letter l SET closed = {} WHERE l.source_name = $1 AND l.topic"
                  " = $2 AND {} AND {} AND NOT EXISTS (SELECT FROM metadb.dead_letter o WHERE"
                  " (o.source_name, o.topic, o.part, o.\"offset\") = ($1, $2, $3, $4))",
                  kTime, places, letters),
      parameters);
}

}  // namespace metadb::catalog
