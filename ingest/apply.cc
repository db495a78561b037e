#include "ingest/apply.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "ingest/copy_format.h"
#include "ingest/outcome.h"
#include "ingest/sql_time.h"

namespace metadb::ingest {
namespace {

using catalog::Error;

constexpr size_t kStagesMax = 256;
constexpr std::chrono::hours kStageIdleMax{1};
// Of one batch, while commands change its tables.
constexpr int kTriesMax = 10;
// Of one batch, while its documents have rows that transformed tables lack a place for.
constexpr int kFitsMax = 1000;
constexpr std::chrono::seconds kUpdateInterval{1};

// What a value's text looks like, and how long statements wait, must not depend on the server's
// or the role's settings.
constexpr std::string_view kSessionSettings =
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET "
    "extra_float_digits = 1; "
    "SET bytea_output = 'hex'; SET search_path = pg_catalog, pg_temp; SET jit = off; SET "
    "statement_timeout = 0; "
    "SET idle_in_transaction_session_timeout = 0; SET lock_timeout = 0; SET client_min_messages = "
    "warning";
// A backend that waits for a lock must notice that its client was killed, since it holds our
// position rows.
constexpr std::string_view kSettingsSince14 =
    "SET idle_session_timeout = 0; SET client_connection_check_interval = '5s'";

// One lock of a user on one table must not hold up the whole source: its lane stops, others go on.
// Positions are waited for without limit: whoever holds them is a backend of ours that dies.
constexpr std::string_view kLockTimeout = "SET LOCAL lock_timeout = '5s'";

// The staging tuples of a snapshot run, made into tuples of the main table: n, d, ts and u give
// way to __start, __end, __current and __origin.
std::string main_tuples(const Run& run, std::string_view origin) {
  constexpr size_t kStagedHead = 2 + 12 + 5 + 12 + 4;
  std::string head;
  append_timestamptz(head, kForeverUs);
  append_boolean(head, true);
  append_text(head, origin);
  std::string out;
  out.reserve(run.rows.size() + run.changes() * head.size());
  size_t begin = 0;
  for (size_t i = 0; i < run.changes(); ++i) {
    out.append(run.rows, begin, 2);
    append_timestamptz(out, run.times_us[i]);
    out += head;
    out.append(run.rows, begin + kStagedHead, run.row_ends[i] - begin - kStagedHead);
    begin = run.row_ends[i];
  }
  return out;
}

std::optional<std::string> owned(const std::optional<std::string_view>& bytes) {
  if (!bytes) return std::nullopt;
  return std::string(*bytes);
}

// 53200 is said of any memory; by its hint, the lock table is meant. The batch comes again, perhaps
// cut otherwise; it is not halved yet.
bool lacks_locks(const Error& error) {
  return error.sqlstate == "53200" &&
         error.hint.find("max_locks_per_transaction") != std::string::npos;
}
constexpr std::string_view kMoreLocks =
    "Raise max_locks_per_transaction of the database, or lower the parameter "
    "tables_per_transaction with ALTER SYSTEM SET.";

// In a CONTEXT of PostgreSQL's, what the source calls the column of the staging table.
std::string with_column_names(const std::string& context, const RowSchema& schema) {
  constexpr std::string_view kBefore = ", column c";
  const size_t found = context.find(kBefore);
  if (found == std::string::npos) return context;
  const size_t begin = found + kBefore.size();
  size_t index = 0;
  const auto [end, error] =
      std::from_chars(context.data() + begin, context.data() + context.size(), index);
  if (error != std::errc() || index >= schema.columns.size()) return context;
  return fmt::format("{} ({}){}", std::string_view(context.data(), end),
                     catalog::quote_identifier(schema.columns[index].name), end);
}

// All that PostgreSQL says: the message alone rarely tells the column, or what is wrong with it.
std::string reason_of(const Error& error, const Run& run) {
  std::string out = fmt::format("{} ({})", error.what(), error.sqlstate);
  if (!error.detail.empty()) out += "; " + error.detail;
  if (!error.context.empty()) {
    out += "; " + (run.schema ? with_column_names(error.context, *run.schema) : error.context);
  }
  if (!error.hint.empty()) out += "; " + error.hint;
  return out;
}

}  // namespace

Applier::Applier(catalog::Catalog& catalog, TableShaper::Context context)
    : catalog_(catalog),
      source_name_(context.source_name),
      connection_(catalog.connect()),
      shaper_(catalog, connection_, std::move(context)),
      children_(catalog, connection_, shaper_) {
  connection_.exec(std::string(kSessionSettings));
  if (connection_.server_version() >= 140000) connection_.exec(std::string(kSettingsSince14));
  for (const std::string& sql : WorkTables::create()) connection_.exec(sql);
  for (const auto& [topic, key] : catalog::open_letter_keys(connection_, source_name_))
    note_open_letter(topic, key);
}

Applied Applier::apply(const Batch& batch) {
  if (batch.retried) {
    if (const auto reason = objection(batch)) {
      Applied left;
      left.refusal = *reason;
      return left;
    }
  }
  std::vector<ReadyTable> ready;
  std::optional<Applied> applied;
  bool is_retry = false;
  for (int tries = 1; !applied; ++tries) {
    lane_in_hand_ = batch.touched.empty() ? "" : batch.touched.begin()->topic;
    letter_.reset();
    try {
      drop_idle_stages(Clock::now());
      ready = prepare(batch);
      applied = write(batch, ready);
    } catch (const LaneStopped& stopped) {
      // DDL fails if somebody changed the table and the catalog in memory does not know it.
      if (is_retry || stopped.needs_resync || !stopped.sqlstate.starts_with("42")) throw;
      is_retry = true;
      start_over(stopped);
    } catch (const TableChanged& changed) {
      if (tries >= kTriesMax) throw;
      start_over(changed);
    } catch (const ChildrenOutgrown& outgrown) {
      if (tries >= kFitsMax) throw LaneStopped(outgrown, lane_in_hand_);
      last_ends_.clear();  // what was raised is not
      children_.fit(outgrown, lane_in_hand_);
    } catch (const Misfit& misfit) {
      last_ends_.clear();
      shaper_.give_up_choice(*table_in_hand_, misfit, lane_in_hand_);
    } catch (const Error& error) {
      if (error.sqlstate == "55P03") throw LaneStopped(error, lane_in_hand_);
      if (lacks_locks(error)) throw Error(error).with_hint(std::string(kMoreLocks));
      if (disposition(error) == Disposition::weather) throw;
      if (is_retry) throw LaneStopped(error, lane_in_hand_);
      is_retry = true;
      start_over(error);
    }
  }
  // Committed: whatever fails from here on must not apply it again.
  analyze_grown(ready);
  children_.analyze_grown();
  return *applied;
}

void Applier::start_over(const Error& reason) {
  spdlog::warn("data source {}: {} ({}); reading the catalog again", source_name_, reason.what(),
               reason.sqlstate);
  last_ends_.clear();
  snapshot_only_.clear();
  catalog_.reload(connection_);
}

std::vector<ReadyTable> Applier::prepare(const Batch& batch) {
  std::vector<ReadyTable> ready;
  for (const TableChanges& changes : batch.tables()) {
    lane_in_hand_ = changes.topic;
    const auto before = catalog_.snapshot();
    ready.push_back(shaper_.prepare(changes));
    if (!ready.back().table) continue;
    const catalog::TableName name(ready.back().table->schema, ready.back().table->current_name);
    const auto known = before->tables.find(name);
    if (known == before->tables.end()) {
      snapshot_only_.insert(name);
      last_ends_.erase(ready.back().source);  // of a table of that name which was purged
      growth_.erase(name);
    } else if (known->second->key_columns != ready.back().table->key_columns) {
      last_ends_.clear();
    }
  }
  // A later source table of the batch may have changed an earlier one's target.
  const auto snapshot = catalog_.snapshot();
  std::set<const MergeSql*> used;
  for (size_t i = 0; i < ready.size(); ++i) {
    if (!ready[i].table) continue;
    lane_in_hand_ = batch.tables()[i].topic;
    ready[i].table = known_table(*snapshot, *ready[i].table);
    for (const Run& run : batch.tables()[i].runs) {
      if (!run.schema) continue;
      if (!has_key_of(*ready[i].table, *run.schema)) {
        throw LaneStopped(Error("55006", fmt::format("origins disagree about the key of {}",
                                                     ready[i].table->main())),
                          batch.tables()[i].topic);
      }
      used.insert(&stage(run, ready[i]));
    }
    children_.prepare(ready[i], lane_in_hand_);
  }
  evict_stages(used.size());
  return ready;
}

Applied Applier::write(const Batch& batch, const std::vector<ReadyTable>& ready) {
  outcome_ = {static_cast<int64_t>(batch.changes()), 0, 0};
  catalog::Transaction transaction(connection_);
  if (batch.retried) catalog::hold_epoch(connection_, source_name_, batch.retried->fence);
  for (const auto& [at, position] : batch.positions)
    catalog::advance(connection_, source_name_, position);
  connection_.exec(std::string(kLockTimeout));
  if (batch.retried && !begin_letter(*batch.retried)) return outcome_;
  share_streams(batch, ready);
  for (size_t i = 0; i < ready.size(); ++i) {
    lane_in_hand_ = batch.tables()[i].topic;
    if (ready[i].table) apply_table(batch.tables()[i], ready[i]);
  }
  for (const catalog::DeadLetter& letter : batch.dead_letters()) {
    lane_in_hand_ = letter.topic;
    catalog::set_aside(connection_, letter);
    ++outcome_.dead_letters;
    note_open_letter(letter.topic, letter.key.value_or(""));
  }
  if (batch.retried) end_letter(*batch.retried);
  close_letters(batch, ready);
  const std::vector<catalog::TableName> recorded = record_updates(ready);
  transaction.commit();
  for (const catalog::TableName& name : recorded) updates_[name] = Clock::now();
  return outcome_;
}

// To the second: more often would cost what small batches cost.
std::vector<catalog::TableName> Applier::record_updates(const std::vector<ReadyTable>& ready) {
  std::set<catalog::TableName> due;  // one order in all writers
  for (const ReadyTable& each : ready) {
    if (!each.table) continue;
    catalog::TableName name(each.table->schema, each.table->current_name);
    const auto found = updates_.find(name);
    if (found == updates_.end() || Clock::now() - found->second >= kUpdateInterval)
      due.insert(std::move(name));
  }
  due.merge(children_.take_written());
  std::vector<catalog::TableName> names(due.begin(), due.end());
  catalog::record_updates(connection_, names);
  return names;
}

void Applier::share_streams(const Batch& batch, const std::vector<ReadyTable>& ready) {
  std::vector<const catalog::Table*> tables;
  std::vector<std::string> topics;
  for (size_t i = 0; i < ready.size(); ++i) {
    if (!ready[i].table) continue;
    tables.push_back(ready[i].table.get());
    for (const catalog::Table* child : children_.tables(ready[i])) tables.push_back(child);
    topics.resize(tables.size(), batch.tables()[i].topic);
  }
  try {
    keep_commands_out(connection_, tables);
  } catch (const TableBusy& busy) {
    throw stopped_by_command(busy, topics[busy.table]);
  }
}

void Applier::apply_table(const TableChanges& changes, const ReadyTable& ready) {
  for (const Run& run : changes.runs) apply_run(run, ready);
}

void Applier::apply_run(const Run& run, const ReadyTable& ready) {
  const catalog::TableName name(ready.table->schema, ready.table->current_name);
  if (!letter_ && run.is_snapshot && run.schema && snapshot_only_.contains(name) &&
      !children_.has(ready)) {
    if (copy_snapshot(run, ready, stage(run, ready))) return;
  }
  snapshot_only_.erase(name);
  connection_.exec("SAVEPOINT run");
  const Applied before = outcome_;
  const int64_t end_before = last_end(ready);
  try {
    execute(run, ready);
    connection_.exec("RELEASE SAVEPOINT run");
  } catch (const Error& error) {
    if (disposition(error) != Disposition::data || !connection_.is_ok()) throw;
    connection_.exec("ROLLBACK TO SAVEPOINT run; RELEASE SAVEPOINT run");
    outcome_ = before;
    last_ends_[ready.source] = end_before;
    find_misfit(run, ready);
    bisect(run, ready, error);
  }
}

// Throws Misfit if a column's chosen type is what the values do not fit.
void Applier::find_misfit(const Run& run, const ReadyTable& ready) {
  if (!run.schema) return;
  const MergeSql& sql = stage(run, ready);
  const std::vector<MergeSql::Probe> probes = sql.probes();
  if (probes.empty()) return;
  connection_.exec("SAVEPOINT probe");
  connection_.exec(sql.truncate_stage());
  const std::string_view rows[] = {run.rows};
  try {
    connection_.copy_binary(sql.copy_stage(), rows);
  } catch (const Error& error) {
    // A value that the type of its own events does not take.
    if (disposition(error) != Disposition::data || !connection_.is_ok()) throw;
    connection_.exec("ROLLBACK TO SAVEPOINT probe; RELEASE SAVEPOINT probe");
    return;
  }
  for (const MergeSql::Probe& probe : probes) {
    try {
      connection_.exec(probe.sql);
    } catch (const Error& error) {
      if (disposition(error) != Disposition::data || !connection_.is_ok()) throw;
      table_in_hand_ = ready.table;
      throw Misfit(error, probe.column, probe.event_type);
    }
  }
  connection_.exec("ROLLBACK TO SAVEPOINT probe; RELEASE SAVEPOINT probe");
}

// Finds the change that the data error is about. Halves are applied in order, so the outcome for
// the others is that of the whole run.
void Applier::bisect(const Run& run, const ReadyTable& ready, const Error& reason) {
  if (run.changes() == 1) {
    park(run, ready, reason);
    return;
  }
  const size_t middle = run.changes() / 2;
  apply_run(run.slice(0, middle), ready);
  apply_run(run.slice(middle, run.changes()), ready);
}

void Applier::park(const Run& run, const ReadyTable& ready, const Error& reason) {
  const Message& message = run.messages.front();
  const std::string text = reason_of(reason, run);
  if (letter_) {
    outcome_.refusal = Error(reason.sqlstate, text);
    return;
  }
  catalog::set_aside(
      connection_, {source_name_, std::string(message.topic), message.partition, message.offset,
                    message.timestamp_ms, owned(message.key), owned(message.value), reason.sqlstate,
                    text, ready.table->schema, ready.table->current_name});
  ++outcome_.dead_letters;
  note_open_letter(std::string(message.topic), message.key.value_or(""));
  spdlog::warn("data source {}: topic {} partition {} offset {} set aside: {}", source_name_,
               message.topic, message.partition, message.offset, text);
}

void Applier::execute(const Run& run, const ReadyTable& ready) {
  if (run.kind == RunKind::truncate) {
    truncate(run, ready);
    return;
  }
  const MergeSql& sql = stage(run, ready);
  connection_.exec(sql.truncate_stage());
  connection_.exec(WorkTables::truncate());
  const std::string_view rows[] = {run.rows};
  connection_.copy_binary(sql.copy_stage(), rows);
  if (const std::string convert = sql.convert(); !convert.empty()) connection_.exec(convert);
  if (letter_ && !letter_->closed_us) close_by_versions(run, ready, sql);
  if (letter_ && letter_->closed_us) {
    apply_late(run, ready, sql);
    return;
  }
  switch (run.kind) {
    case RunKind::insert:
      outcome_.versions += connection_.exec(sql.insert_all()).affected();
      growth_[{ready.table->schema, ready.table->current_name}].rows +=
          static_cast<int64_t>(run.changes());
      break;
    case RunKind::replace:
      if (!run.unavailable.empty()) connection_.exec(sql.fill_from_before(run.unavailable));
      replace(run, ready, sql);
      break;
    case RunKind::moved:
      fill_moved(run, ready, sql);
      merge(run, ready, sql);
      break;
    case RunKind::merge:
    case RunKind::truncate:
      if (!run.unavailable.empty()) connection_.exec(sql.fill(run.unavailable));
      merge(run, ready, sql);
      break;
  }
}

void Applier::merge(const Run& run, const ReadyTable& ready, const MergeSql& sql) {
  const int64_t end_us = last_end(ready);
  if (run.earliest_us() < end_us) {
    for (const int year : ready.table->years)
      connection_.exec(sql.look_up_ends(ready.table->leaf(year), end_us));
  }
  if (run.changes() >= 10'000) connection_.exec("ANALYZE pg_temp." + sql.stage_name());
  connection_.exec(sql.pair());
  write_work(run, ready, sql);
  children_.follow(ready, sql, {run.earliest_us(), end_us});
}

// Whatever the event means is not here: a delete would leave no trace, an update would make a row
// beside the one that it is about.
void Applier::replace(const Run& run, const ReadyTable& ready, const MergeSql& sql) {
  connection_.exec(sql.pair_by_image(run.has_delete));
  if (connection_.exec(MergeSql::misses_old_row(run.has_delete)).boolean(0, 0)) {
    throw Error("02000", fmt::format("no current row of {} equals the old row of this {}",
                                     ready.table->current(), run.has_delete ? "delete" : "update"))
        .with_hint("The row was written before the topic begins, or was changed here.");
  }
  write_work(run, ready, sql);
}

// The old row is the newest version of the old key: an ended one, or its current row where its
// delete has not been read yet (it lies in another partition).
void Applier::fill_moved(const Run& run, const ReadyTable& ready, const MergeSql& sql) {
  std::tuple<int64_t, int64_t, int64_t> newest{};  // __end, __start, __id
  std::string where;
  const auto look = [&](const std::string& leaf) {
    const catalog::Result found = connection_.exec(sql.find_old_row(leaf));
    if (found.rows() == 0) return;
    const std::tuple version(found.int64(0, 1), found.int64(0, 2), found.int64(0, 0));
    if (!where.empty() && version <= newest) return;
    newest = version;
    where = leaf;
  };
  for (const int year : ready.table->years) look(ready.table->leaf(year));
  look(ready.table->current());
  if (!where.empty())
    connection_.exec(sql.fill_from_old_row(where, std::get<2>(newest), run.unavailable));
  connection_.exec(sql.drop_old_key());
  if (where.empty()) connection_.exec(sql.fill(run.unavailable));
}

void Applier::write_work(const Run& run, const ReadyTable& ready, const MergeSql& sql) {
  const catalog::Result summary = connection_.exec(MergeSql::summary());
  const int64_t ended = summary.int64(0, 0);
  const int64_t superseded = summary.int64(0, 1);
  const int64_t current = summary.int64(0, 2);
  if (ended > 0) connection_.exec(sql.end_current());
  if (superseded > 0) connection_.exec(sql.insert_history());
  if (current > 0) connection_.exec(sql.insert_current());
  if (!run.unavailable.empty()) connection_.exec(sql.record_unresolved(run.unavailable));
  if (!summary.is_null(0, 3)) raise_last_end(ready, summary.int64(0, 3));
  outcome_.versions += superseded + current;
  growth_[{ready.table->schema, ready.table->current_name}].rows += current;
}

void Applier::truncate(const Run& run, const ReadyTable& ready) {
  children_.truncate(ready, run.times_us.front());
  const catalog::Result ended =
      connection_.exec(MergeSql::end_all(*ready.table, ready.origin, run.times_us.front()));
  if (!ended.is_null(0, 1)) raise_last_end(ready, ended.int64(0, 1));
}

// Snapshot rows of a table that holds only snapshot rows need no pairing: the unique index says
// whether a key came twice. Any doubt sends the run to the merge.
bool Applier::copy_snapshot(const Run& run, const ReadyTable& ready, const MergeSql& sql) {
  if (sql.is_converted()) return false;
  connection_.exec("SAVEPOINT snapshot");
  try {
    const std::string tuples = main_tuples(run, ready.origin);
    const std::string_view chunks[] = {tuples};
    const int64_t copied = connection_.copy_binary(sql.copy_into_main(), chunks);
    check_types(*ready.table);
    connection_.exec("RELEASE SAVEPOINT snapshot");
    outcome_.versions += copied;
    growth_[{ready.table->schema, ready.table->current_name}].rows += copied;
    return true;
  } catch (const Error& error) {
    const bool is_repeated_key = error.sqlstate == "23505";
    if ((!is_repeated_key && disposition(error) != Disposition::data) || !connection_.is_ok())
      throw;
    connection_.exec("ROLLBACK TO SAVEPOINT snapshot; RELEASE SAVEPOINT snapshot");
    return false;
  }
}

// Binary values say nothing of their types: of a column that somebody has given another, past our
// commands, they would make other values. COPY has the table locked, so that what is asked now held
// then.
void Applier::check_types(const catalog::Table& table) {
  const catalog::Result types = connection_.exec(
      "SELECT attname, atttypid FROM pg_attribute WHERE attrelid = $1::regclass", {table.main()});
  std::map<std::string_view, int64_t> stored;
  for (int row = 0; row < types.rows(); ++row) stored[types.text(row, 0)] = types.int64(row, 1);
  for (const catalog::Column& column : table.columns) {
    constexpr int64_t kVarchar = 1043;  // sent as text is
    const auto found = stored.find(column.name);
    if (found == stored.end() || !column.type) continue;
    const bool is_text = column.type == catalog::PgType::text;
    if (found->second == catalog::row_of(*column.type).oid) continue;
    if (is_text && found->second == kVarchar) continue;
    throw TableChanged("40001",
                       fmt::format("column {} of {} has another type", column.name, table.main()));
  }
}

int64_t Applier::last_end(const ReadyTable& ready) {
  const auto found = last_ends_.find(ready.source);
  if (found != last_ends_.end()) return found->second;
  const int64_t end_us = catalog::last_end_us(connection_, ready.source);
  last_ends_[ready.source] = end_us;
  return end_us;
}

void Applier::raise_last_end(const ReadyTable& ready, int64_t end_us) {
  if (end_us <= last_end(ready)) return;
  catalog::raise_last_end(connection_, ready.source, end_us);
  last_ends_[ready.source] = end_us;
}

const MergeSql& Applier::stage(const Run& run, const ReadyTable& ready) {
  const StageKey key(ready.table.get(), run.schema.get(), ready.origin);
  const auto found = stage_of_.find(key);
  if (found != stage_of_.end()) {
    stages_.splice(stages_.begin(), stages_, found->second);
    stages_.front().second.used = Clock::now();
    return stages_.front().second.sql;
  }
  if (connection_.in_transaction())
    throw Error("XX000", "a staging table is missing inside a transaction");
  MergeSql sql(*ready.table, *run.schema, {fmt::format("stage_{}", ++stages_made_), ready.origin});
  for (const std::string& statement : sql.create_stage()) connection_.exec(statement);
  stages_.emplace_front(key, Stage{ready.table, run.schema, std::move(sql), Clock::now()});
  stage_of_[key] = stages_.begin();
  return stages_.front().second.sql;
}

// The `in_use` most recent ones are needed by the batch in hand, however many they are.
void Applier::evict_stages(size_t in_use) {
  while (stages_.size() > std::max(kStagesMax, in_use)) drop_last_stage();
}

void Applier::drop_idle_stages(Clock::time_point now) {
  while (!stages_.empty() && now - stages_.back().second.used >= kStageIdleMax) drop_last_stage();
  children_.drop_idle(now, kStageIdleMax);
  if (now - work_tables_made_ < kStageIdleMax) return;
  connection_.exec(WorkTables::truncate());
  work_tables_made_ = now;
}

void Applier::drop_last_stage() {
  connection_.exec(stages_.back().second.sql.drop_stage());
  stage_of_.erase(stages_.back().first);
  stages_.pop_back();
}

// Autovacuum is too late for a table that grows fast; plans of the merge rest on its statistics.
void Applier::analyze_grown(const std::vector<ReadyTable>& ready) {
  for (const ReadyTable& table : ready) {
    if (!table.table) continue;
    Growth& growth = growth_[{table.table->schema, table.table->current_name}];
    if (growth.rows < growth.next_analyze) continue;
    while (growth.next_analyze <= growth.rows) growth.next_analyze *= 2;
    try {
      connection_.exec("ANALYZE (SKIP_LOCKED) " + table.table->current());
    } catch (const Error& error) {
      spdlog::warn("data source {}: no new statistics of {}: {}", source_name_,
                   table.table->current(), error.what());
    }
  }
}

}  // namespace metadb::ingest
