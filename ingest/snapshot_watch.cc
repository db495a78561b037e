#include "ingest/snapshot_watch.h"

#include <fmt/format.h>

#include <algorithm>

namespace metadb::ingest {
namespace {

using catalog::SnapshotNews;
using catalog::SnapshotServer;
using catalog::SnapshotTable;
using catalog::SourceTableKey;
using catalog::SyncMode;

constexpr std::string_view kNotification = "notification";
constexpr std::string_view kLastRecord = "last record of the snapshot";
constexpr std::string_view kFirstStreaming = "first streaming event";

SourceTableKey key_of(const std::string& source_name, const EventTable& table) {
  return {source_name, table.db, table.schema, table.table};
}

void lower(std::optional<int64_t>& least, const std::optional<int64_t>& value) {
  if (value && (!least || *value < *least)) least = value;
}

void merge(SnapshotServer& into, const SnapshotServer& more) {
  lower(into.first_us, more.first_us);
  lower(into.first_record_ms, more.first_record_ms);
  into.is_initial = into.is_initial || more.is_initial;
  if (into.signal.empty()) into.signal = more.signal;
  lower(into.first_change_us, more.first_change_us);
}

void merge(SnapshotTable& into, const SnapshotTable& more) {
  if (more.begun_anew > 0) {
    into.rows = into.bytes = 0;
    into.is_scanned = false;
    into.problem.clear();
  }
  into.server_name = more.server_name;
  into.rows += more.rows;
  into.bytes += more.bytes;
  if (more.expected) into.expected = more.expected;
  if (more.is_scanned) into.problem = more.problem;
  into.is_scanned = into.is_scanned || more.is_scanned;
  if (more.begin) into.begin = more.begin;
  into.begun_anew += more.begun_anew;
}

bool is_streaming(const Change& change) {
  return change.snapshot == SnapshotMark::streaming && change.op != Op::read;
}

// As connectors write it: schema.table, or with the database before it.
bool is_named(const SourceTableKey& key, std::string_view collection) {
  return collection == fmt::format("{}.{}", key.schema, key.table) ||
         collection == fmt::format("{}.{}.{}", key.db, key.schema, key.table);
}

// Of a scan that has sent all rows there are.
bool is_in_order(std::string_view status) {
  return status.empty() || status == "SUCCEEDED" || status == "EMPTY";
}

void apply_scan(SnapshotTable& table, const Notification& scan) {
  table.server_name = scan.connector;
  if (scan.rows) table.expected = scan.rows;
  table.is_scanned = true;
  table.problem = is_in_order(scan.status) ? "" : scan.status;
}

}  // namespace

SnapshotWatch::SnapshotWatch(std::string source_name, catalog::Synchronization state,
                             SnapshotMemory& memory)
    : source_name_(std::move(source_name)), state_(std::move(state)), memory_(memory) {
  if (memory_.generation != state_.generation) memory_ = SnapshotMemory();
  memory_.generation = state_.generation;
  seen_ = state_.servers;
  for (const auto& [name, server] : state_.servers) {
    if (server.first_record_ms) first_record_ms_[name] = *server.first_record_ms;
  }
}

bool SnapshotWatch::is_open() const {
  return state_.mode != SyncMode::none && !state_.complete_us;
}

SnapshotServer SnapshotWatch::seen(const std::string& name) const {
  const auto found = seen_.find(name);
  return found == seen_.end() ? SnapshotServer() : found->second;
}

// With what the batch of these news adds to what is committed.
SnapshotServer SnapshotWatch::known(const std::string& name, const News& news) const {
  SnapshotServer out;
  if (const auto found = state_.servers.find(name); found != state_.servers.end())
    out = found->second;
  if (const auto found = news.servers.find(name); found != news.servers.end())
    merge(out, found->second);
  return out;
}

void SnapshotWatch::note(News& news, const std::string& name, const SnapshotServer& server) {
  merge(news.servers[name], server);
  merge(seen_[name], server);
}

bool SnapshotWatch::reopens(const Change& change) const {
  return state_.mode != SyncMode::none && state_.complete_us && change.op == Op::read;
}

void SnapshotWatch::reopened(const std::string& server_name) {
  state_.complete_us.reset();
  state_.signal.clear();
  state_.servers[server_name].signal.clear();
  seen_[server_name].signal.clear();
}

void SnapshotWatch::see(const Change& change, const Message& message, News& news) {
  if (state_.mode == SyncMode::none) return;
  if (is_streaming(change)) {
    if (is_open()) see_streaming(change, message, news);
  } else if (change.op == Op::read) {
    see_row(change, message, news);
  }
}

// Each batch with rows says what is not committed yet, whether or not another that is on its way
// says it, too: that one may be lost.
void SnapshotWatch::see_row(const Change& change, const Message& message, News& news) {
  memory_.last_row = Clock::now();
  const std::string& name = change.table->server_name;
  auto [first, is_first] = first_record_ms_.try_emplace(name, message.timestamp_ms);
  const bool is_earlier = is_first || message.timestamp_ms < first->second;
  if (is_earlier) first->second = message.timestamp_ms;
  const SnapshotServer known = this->known(name, news);
  const bool is_initial = change.snapshot != SnapshotMark::incremental;
  const bool is_last = change.snapshot == SnapshotMark::last && known.signal.empty();
  const bool is_news = is_earlier || !known.first_us || change.ts_us < *known.first_us ||
                       (is_initial && !known.is_initial) || is_last;
  if (!is_news) return;
  note(news, name,
       {change.ts_us, first->second, is_initial, is_last ? std::string(kLastRecord) : "", {}});
  // Of another partition, and read before.
  const auto early = early_.find(name);
  const bool is_over = early != early_.end() && early->second.record_ms >= first->second &&
                       (is_initial || early->second.signal == kNotification);
  if (is_over && seen(name).signal.empty())
    note(news, name, {{}, {}, false, std::string(early->second.signal), {}});
}

// It proves that the snapshot before it is over. Of a resynchronization there must have been one:
// an event that is older than it may still be in the topics.
void SnapshotWatch::see_streaming(const Change& change, const Message& message, News& news) {
  const std::string& name = change.table->server_name;
  const SnapshotServer known = seen(name);
  if (state_.mode == SyncMode::resync && !known.has_rows()) {
    const auto first = this->known(name, news).first_change_us;
    if (!first || change.ts_us < *first) note(news, name, {{}, {}, false, "", change.ts_us});
  }
  if (!known.signal.empty()) return;
  const bool is_after_rows =
      known.is_initial && known.first_record_ms && message.timestamp_ms >= *known.first_record_ms;
  const bool is_without_rows = state_.mode == SyncMode::initial && !known.first_us;
  if (is_after_rows || is_without_rows) {
    note(news, name, {{}, {}, false, std::string(kFirstStreaming), {}});
  } else if (!known.is_initial) {
    note_early(name, message, kFirstStreaming);
  }
}

void SnapshotWatch::note_early(const std::string& name, const Message& message,
                               std::string_view signal) {
  Early& early = early_[name];
  if (message.timestamp_ms < early.record_ms) return;
  early = {message.timestamp_ms, signal};
}

// What was told before the snapshot of a resynchronization began is about another one.
void SnapshotWatch::see(const Notification& notification, const Message& message, News& news) {
  if (!is_open()) return;
  const bool is_of_snapshot = notification.aggregate == "Initial Snapshot" ||
                              notification.aggregate == "Incremental Snapshot";
  if (!is_of_snapshot) return;
  if (notification.type == "COMPLETED" || notification.type == "SKIPPED") {
    const SnapshotServer known = seen(notification.connector);
    const bool is_since = known.first_record_ms && message.timestamp_ms >= *known.first_record_ms;
    if (!is_since && state_.mode == SyncMode::resync) {
      note_early(notification.connector, message, kNotification);
    } else if (known.signal.empty()) {
      note(news, notification.connector, {{}, {}, false, std::string(kNotification), {}});
    }
  } else if (notification.type == "TABLE_SCAN_COMPLETED" && !notification.collection.empty()) {
    if (const auto key = table_of(notification, news)) {
      apply_scan(news.tables[*key], notification);
    } else {
      memory_.scans[notification.collection] = notification;
    }
  }
}

std::optional<SourceTableKey> SnapshotWatch::table_of(const Notification& scan,
                                                      const News& news) const {
  const auto find = [&](const std::map<SourceTableKey, SnapshotTable>& tables) {
    return std::ranges::find_if(tables, [&](const auto& pair) {
      return pair.second.server_name == scan.connector && is_named(pair.first, scan.collection);
    });
  };
  if (const auto found = find(news.tables); found != news.tables.end()) return found->first;
  if (const auto found = find(state_.tables); found != state_.tables.end()) return found->first;
  return std::nullopt;
}

// As it is known with what is not committed yet: asked for before the first row is counted.
SnapshotTable& SnapshotWatch::begin_of(const Change& change) {
  if (last_table_ == change.table) return *last_begin_;
  const SourceTableKey key = key_of(source_name_, *change.table);
  const auto [known, is_new] = begins_.try_emplace(key);
  last_table_ = change.table;
  last_begin_ = &known->second;
  if (!is_new) return known->second;
  if (const auto found = state_.tables.find(key); found != state_.tables.end()) {
    known->second.begin = found->second.begin;
    known->second.begun_anew = found->second.begun_anew;
  }
  return known->second;
}

Confirmation SnapshotWatch::confirm(const Change& change, const Message& message) {
  Confirmation out;
  out.generation = generation_of(change, message);
  const bool leaves_row = change.op != Op::remove && change.op != Op::truncate;
  if (state_.mode == SyncMode::none || !leaves_row) return out;
  const SnapshotTable& table = begin_of(change);
  if (!table.begin) return out;
  if (change.snapshot_id != 0 && table.begin->id != change.snapshot_id) {
    out.is_superseded = message.timestamp_ms < table.begin->record_ms;
    out.begins_anew = !out.is_superseded;
    if (out.is_superseded) out.generation = 0;
  }
  // As long as no connector begins anew, an initial one needs no marks.
  const bool is_of_newest = !out.is_superseded && message.timestamp_ms >= table.begin->record_ms;
  if (state_.mode == SyncMode::initial && (out.begins_anew || table.begun_anew > 0) && is_of_newest)
    out.generation = state_.generation;
  return out;
}

void SnapshotWatch::note_begin(const Change& change, const Message& message, SnapshotTable& news) {
  SnapshotTable& known = begin_of(change);
  if (known.begin && known.begin->id == change.snapshot_id) return;
  // A row with a key of a snapshot that was given up: its newer one goes on.
  if (known.begin && message.timestamp_ms < known.begin->record_ms) return;
  if (known.begin) {
    const int before = news.begun_anew;
    news = SnapshotTable();
    news.begun_anew = before + 1;
    ++known.begun_anew;
  }
  known.begin = news.begin = {change.snapshot_id, message.timestamp_ms, change.ts_us};
}

void SnapshotWatch::count(const Change& change, const Message& message, News& news) {
  if (state_.mode == SyncMode::none || change.op != Op::read) return;
  const SourceTableKey key = key_of(source_name_, *change.table);
  const auto [table, is_new] = news.tables.try_emplace(key);
  if (change.snapshot_id != 0) note_begin(change, message, table->second);
  table->second.server_name = change.table->server_name;
  ++table->second.rows;
  table->second.bytes += static_cast<int64_t>((message.key ? message.key->size() : 0) +
                                              (message.value ? message.value->size() : 0));
  if (!is_new || memory_.scans.empty()) return;
  const auto scan = std::ranges::find_if(memory_.scans, [&](const auto& pair) {
    return pair.second.connector == change.table->server_name && is_named(key, pair.first);
  });
  if (scan == memory_.scans.end()) return;
  apply_scan(table->second, scan->second);
  memory_.scans.erase(scan);
}

int64_t SnapshotWatch::generation_of(const Change& change, const Message& message) const {
  if (state_.mode != SyncMode::resync || change.op == Op::remove || change.op == Op::truncate)
    return 0;
  if (change.op == Op::read) return state_.generation;
  const auto first = first_record_ms_.find(change.table->server_name);
  const bool is_since = first != first_record_ms_.end() && message.timestamp_ms >= first->second;
  return is_since ? state_.generation : 0;
}

SnapshotNews SnapshotWatch::committed(const SnapshotNews& news) {
  for (const auto& [name, server] : news.servers) merge(state_.servers[name], server);
  for (const auto& [key, table] : news.tables) merge(state_.tables[key], table);
  SnapshotNews late;
  std::erase_if(memory_.scans, [&](const auto& scan) {
    const auto key = table_of(scan.second, late);
    if (key) apply_scan(late.tables[*key], scan.second);
    return key.has_value();
  });
  return late;
}

std::string SnapshotWatch::signal() const {
  if (is_past_deadline_) return std::string(kDeadlineSignal);
  std::set<std::string_view> signals;
  for (const auto& [name, server] : state_.servers) {
    if (server.signal.empty() && !server.has_rows()) continue;  // only changes came
    if (server.signal.empty()) return "";
    signals.insert(server.signal);
  }
  std::string out;
  for (const std::string_view signal : signals)
    out += (out.empty() ? "" : ", ") + std::string(signal);
  return out;
}

// A resynchronization whose connector has sent nothing yet waits for it.
void SnapshotWatch::check_deadline(Clock::time_point now, std::chrono::seconds deadline) {
  const bool has_rows =
      std::ranges::any_of(state_.servers, [](const auto& pair) { return pair.second.has_rows(); });
  if (state_.mode == SyncMode::resync && !has_rows) return;
  if (is_open() && now - memory_.last_row >= deadline) is_past_deadline_ = true;
}

void SnapshotWatch::completed(const std::string& signal, int64_t now_us) {
  state_.signal = signal;
  state_.complete_us = now_us;
}

void SnapshotEnds::await(const TopicPartition& at, int64_t until, int64_t committed) {
  if (committed < until) open_[at] = {until, committed};
}

void SnapshotEnds::reached_end(const EndOfPartition& end, int64_t next_offset) {
  const auto found = open_.find(end.at);
  if (found == open_.end() || end.offset < found->second.until) return;
  found->second.until = std::min(found->second.until, next_offset);
  if (found->second.committed >= found->second.until) open_.erase(found);
}

void SnapshotEnds::committed(const TopicPartition& at, int64_t next_offset) {
  const auto found = open_.find(at);
  if (found == open_.end()) return;
  found->second.committed = next_offset;
  if (next_offset >= found->second.until) open_.erase(found);
}

}  // namespace metadb::ingest
