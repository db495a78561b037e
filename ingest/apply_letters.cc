// What the applier does with dead letters: those that are tried again, and those that a later event
// of their key leaves behind.
#include <fmt/format.h>

#include <algorithm>

#include "catalog/sql_time.h"
#include "ingest/apply.h"

namespace metadb::ingest {
namespace {

using catalog::Error;

// FNV-1a: a letter that has another's hash costs a statement that closes nothing.
uint64_t hash_of(std::string_view topic, std::string_view key) {
  constexpr uint64_t kPrime = 1099511628211ULL;
  uint64_t hash = 14695981039346656037ULL;
  for (const char c : topic) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
  hash = (hash ^ 0x100U) * kPrime;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
  return hash;
}

// Also where the table lacks a column of the key.
bool tells_rows_apart_as(const catalog::Table& table, const RowSchema& schema) {
  std::vector<std::string> key;
  for (const uint16_t index : schema.key) {
    const catalog::Column* column = table.column_of_source(schema.columns[index].name);
    if (column == nullptr) return false;
    key.push_back(column->name);
  }
  return key == table.key_columns;
}

struct Version {
  std::string leaf;
  bool is_current = false;
  int64_t id = 0;
  int64_t start_us = 0;
  std::optional<int64_t> end_us;  // of the current row none
  bool is_same = false;           // as the event

  [[nodiscard]] bool lasts_beyond(int64_t at_us) const { return !end_us || *end_us > at_us; }
};

// Of a key's versions, which do not overlap, those around an event.
struct Neighbours {
  std::optional<Version> covering;
  std::optional<Version> next;
};

Neighbours neighbours(catalog::Connection& connection, const MergeSql& sql,
                      const catalog::Table& table, const MergeSql::Times& times) {
  Neighbours out;
  const auto look = [&](const std::string& leaf, bool is_current) {
    const catalog::Result found = connection.exec(sql.find_covering(leaf, times));
    if (found.rows() > 0 && (!out.covering || found.int64(0, 0) > out.covering->id)) {
      out.covering =
          Version{leaf, is_current, found.int64(0, 0), found.int64(0, 1), {}, found.boolean(0, 3)};
      if (!found.is_null(0, 2)) out.covering->end_us = found.int64(0, 2);
    }
    const catalog::Result next = connection.exec(sql.find_next(leaf, times.at_us));
    if (next.rows() == 0 || (out.next && out.next->start_us <= next.int64(0, 1))) return;
    out.next =
        Version{leaf, is_current, next.int64(0, 0), next.int64(0, 1), {}, next.boolean(0, 2)};
  };
  for (const int year : table.years) look(table.leaf(year), false);
  look(table.current(), true);
  return out;
}

}  // namespace

void Applier::note_open_letter(const std::string& topic, std::string_view key) {
  open_letters_.insert(hash_of(topic, key));
  new_letters_.insert(hash_of(topic, key));
  topics_of_letters_.insert(topic);
}

// False: somebody has purged the letter. Who else retries it waits, and finds it gone.
bool Applier::begin_letter(const Batch::Retried& retried) {
  letter_ = catalog::lock_letter(connection_, retried.letter_id);
  return letter_.has_value();
}

// What speaks against applying a letter, before anything of a table is changed for it. It never
// shapes what later events have made: their key is the table's.
std::optional<catalog::Error> Applier::objection(const Batch& batch) const {
  const auto snapshot = catalog_.snapshot();
  for (const TableChanges& changes : batch.tables()) {
    const EventTable& event = *changes.table;
    const auto known =
        snapshot->source_tables.find({source_name_, event.db, event.schema, event.table});
    if (known == snapshot->source_tables.end()) continue;  // it makes the table
    if (known->second.server_name != event.server_name)
      return Error("42P07", "its table is fed by another server now");
    const auto found = snapshot->tables.find({known->second.schema_name, known->second.table_name});
    if (found == snapshot->tables.end()) return Error("42P01", "its table has been dropped");
    for (const Run& run : changes.runs) {
      if (run.schema && !tells_rows_apart_as(*found->second, *run.schema))
        return Error("0A000", "the key of its table is another one now");
    }
  }
  return std::nullopt;
}

void Applier::end_letter(const Batch& batch, const std::vector<ReadyTable>& ready) {
  const int64_t id = letter_->id;
  if (ahead_) {
    catalog::update_follower(connection_, id, *ahead_, *outcome_.refusal);
  } else if (outcome_.refusal) {
    catalog::update_letter(connection_, id, *outcome_.refusal);
  } else {
    catalog::delete_letter(connection_, id);
    for (size_t i = 0; i < ready.size(); ++i) {
      if (!ready[i].table) continue;
      for (const Run& run : batch.tables()[i].runs) close_letters(run, ready[i]);
    }
  }
}

// The bytes of a key may have changed with its schema, so that no later event has closed the
// letter: the versions of its row tell. A row that ended, or began, later than the event is later
// than it.
void Applier::close_by_versions(const Run& run, const ReadyTable& ready, const MergeSql& sql) {
  const bool is_keyed = run.kind == RunKind::merge || run.kind == RunKind::moved;
  if (!is_keyed || run.changes() != 1) return;
  const int64_t at_us = run.times_us.front();
  const auto& [covering, next] =
      neighbours(connection_, sql, *ready.table, {at_us, catalog::kNoEndUs});
  if (covering && covering->end_us) letter_->closed_us = *covering->end_us;
  if (next && next->start_us > at_us && !letter_->closed_us) letter_->closed_us = next->start_us;
}

// False: nothing of the letter's key was applied since, so that it is applied as any event.
bool Applier::apply_late(const Run& run, const ReadyTable& ready, const MergeSql& sql) {
  if (!letter_->closed_us) close_by_versions(run, ready, sql);
  if (!letter_->closed_us) return false;
  const int64_t closed_us = *letter_->closed_us;
  switch (run.kind) {
    case RunKind::moved: {
      const bool is_filled = fill_from_old_key(run, ready, sql);
      connection_.exec(queued_with(""));
      apply_late_change(run, ready, sql, is_filled);
      break;
    }
    case RunKind::merge:
      apply_late_change(run, ready, sql, false);
      break;
    case RunKind::insert:  // a row without key, which a truncate has ended
      connection_.exec(sql.insert_late(std::min(run.times_us.front(), closed_us), closed_us));
      raise_last_end(ready, closed_us);
      ++outcome_.versions;
      break;
    case RunKind::replace:
    case RunKind::truncate:
      outcome_.refusal = catalog::Error(
          "0A000", "which row of the past it is about is unknown: later events were applied");
  }
  return true;
}

// The version that held when the event came ends there; the event's own lasts until that one ended
// or the first later event came, and never becomes the current row. Where the later event changed
// nothing in what held before, that goes on after it; where it brought the same values, its version
// begins with this event.
void Applier::apply_late_change(const Run& run, const ReadyTable& ready, const MergeSql& sql,
                                bool is_filled) {
  const int64_t closed_us = *letter_->closed_us;
  const MergeSql::Times times{std::min(run.times_us.front(), closed_us), closed_us};
  Neighbours around = neighbours(connection_, sql, *ready.table, times);
  if (around.covering && !run.unavailable.empty() && !is_filled) {
    connection_.exec(
        sql.fill_from_old_row(around.covering->leaf, around.covering->id, run.unavailable));
    around = neighbours(connection_, sql, *ready.table, times);
  }
  const auto& [covering, next] = around;
  if (run.has_delete ? !covering : covering && covering->is_same) return;
  int64_t end_us = closed_us;
  if (covering && covering->end_us) end_us = std::min(end_us, *covering->end_us);
  if (!covering && next) end_us = std::min(end_us, next->start_us);
  if (covering) {
    connection_.exec(covering->is_current
                         ? sql.end_current_row(covering->id, times.at_us)
                         : MergeSql::end_version(covering->leaf, covering->id, times.at_us));
  }
  raise_last_end(ready, end_us);
  children_.follow_late(ready, sql, {times.at_us, end_us});
  const bool is_joined = !run.has_delete && next && next->is_same && next->start_us == end_us;
  if (is_joined) {
    connection_.exec(next->is_current ? sql.begin_current_row(next->id, times.at_us)
                                      : sql.begin_version(next->leaf, next->id, times.at_us));
    return;
  }
  if (!run.has_delete) {
    connection_.exec(sql.insert_late(times.at_us, end_us));
    if (!run.unavailable.empty()) connection_.exec(sql.record_unresolved(run.unavailable));
    ++outcome_.versions;
  }
  if (!covering || !covering->lasts_beyond(closed_us)) return;
  const std::string leaf =
      covering->is_current ? ready.table->leaf(utc_year(covering->start_us)) : covering->leaf;
  const catalog::Result rest =
      connection_.exec(sql.insert_rest(leaf, covering->id, closed_us, covering->end_us));
  connection_.exec(sql.copy_unresolved(covering->id, rest.int64(0, 0)));
  connection_.exec(sql.copy_mark(covering->id, rest.int64(0, 0)));
  ++outcome_.versions;
}

bool Applier::may_be_open(const Message& message) const {
  return open_letters_.size() >= catalog::kOpenMax ||
         open_letters_.contains(hash_of(message.topic, *message.key));
}

// A letter that stays behind a later event of its key, or a truncate, is history from now on. What
// was set aside itself is later than nothing.
void Applier::close_letters(const Run& run, const ReadyTable& ready) {
  if (!queued_.empty()) connection_.exec(queued_with(""));
  const bool is_truncate = run.kind == RunKind::truncate;
  for (size_t i = 0; i < run.changes(); ++i) {
    const Message& message = run.messages[i];
    if (!is_truncate && (!message.key || (!letter_ && !may_be_open(message)))) continue;
    catalog::LaterEvent event{std::string(message.topic),
                              message.partition,
                              message.offset,
                              std::nullopt,
                              run.times_us[i],
                              letter_.has_value(),
                              ready.table->schema,
                              ready.table->current_name};
    if (letter_ && letter_->closed_us) event.ts_us = std::min(event.ts_us, *letter_->closed_us);
    if (!is_truncate) event.key.emplace(*message.key);
    catalog::close_letters(connection_, source_name_, event);
    if (!is_truncate) closed_letters_.insert(hash_of(message.topic, *message.key));
  }
}

// Or each later event of such a key would ask for its letters again. A letter that is tried again
// closes some of them only.
void Applier::forget_closed_letters(const Batch& batch) {
  if (batch.retried || open_letters_.size() >= catalog::kOpenMax) return;
  for (const uint64_t letter : closed_letters_) {
    if (!new_letters_.contains(letter)) open_letters_.erase(letter);
  }
}

}  // namespace metadb::ingest
