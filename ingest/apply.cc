#include "ingest/apply.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "catalog/sql_time.h"
#include "ingest/copy_format.h"
#include "ingest/outcome.h"
#include "ingest/unseen.h"

namespace metadb::ingest {
namespace {

using catalog::Error;

// Of one batch, while commands change its tables.
constexpr int kTriesMax = 10;
// Of one batch, while its documents have rows that transformed tables lack a place for.
constexpr int kFitsMax = 1000;
constexpr std::chrono::seconds kUpdateInterval{1};
constexpr std::chrono::seconds kIndexInterval{10};

// What a value's text looks like must not depend on the server's or the role's settings; how long
// statements wait does not either, as for every session of the catalog's.
constexpr std::string_view kSessionSettings =
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET "
    "extra_float_digits = 1; "
    "SET bytea_output = 'hex'; SET xmloption = content; SET search_path = pg_catalog, pg_temp; SET "
    "jit = off; SET "
    "client_min_messages = warning; "
    // A batch stays in memory: it has at most 32 MiB, and a writer one of it.
    "SET work_mem = '64MB'; SET temp_buffers = '64MB'";
// A backend that waits for a lock must notice that its client was killed, since it holds our
// position rows.
constexpr std::string_view kSettingsSince14 = "SET client_connection_check_interval = '5s'";

// One lock of a user on one table must not hold up the whole source: its lane stops, others go on.
// Positions are waited for without limit: whoever holds them is a backend of ours that dies.
constexpr std::string_view kLockTimeout = "SET LOCAL lock_timeout = '5s'";
// Longer than an autovacuum takes to give way (deadlock_timeout).
constexpr std::string_view kTrialLockTimeout = "SET LOCAL lock_timeout = '1500ms'";

// The staging tuples of a snapshot run, made into tuples of the main table: n, d, ts, r and u give
// way to __start, __end, __current and __origin.
std::string main_tuples(const Run& run, std::string_view origin) {
  constexpr size_t kStagedHead = 2 + 12 + 5 + 12 + 5 + 4;
  std::string head;
  append_timestamptz(head, catalog::kNoEndUs);
  append_boolean(head, true);
  append_text(head, origin);
  const auto fields = static_cast<int16_t>(4 + run.schema->columns.size());
  std::string out;
  out.reserve(run.rows.size() + run.changes() * head.size());
  size_t begin = 0;
  for (size_t i = 0; i < run.changes(); ++i) {
    append_big_endian(out, fields);
    append_timestamptz(out, run.times_us[i]);
    out += head;
    out.append(run.rows, begin + kStagedHead, run.row_ends[i] - begin - kStagedHead);
    begin = run.row_ends[i];
  }
  return out;
}

// The session's settings come first: temp_buffers holds only before the first temporary table.
catalog::Connection session(catalog::Catalog& catalog) {
  catalog::Connection connection = catalog.connect();
  connection.exec(std::string(kSessionSettings));
  if (connection.server_version() >= 140000) connection.exec(std::string(kSettingsSince14));
  return connection;
}

// 53200 is said of any memory; by its hint, the lock table is meant.
bool lacks_locks(const Error& error) {
  return error.sqlstate == "53200" &&
         error.hint.find("max_locks_per_transaction") != std::string::npos;
}
constexpr std::string_view kMoreLocks =
    "Raise max_locks_per_transaction of the database, or lower the parameter "
    "tables_per_transaction with ALTER SYSTEM SET.";

}  // namespace

Applier::Applier(catalog::Catalog& catalog, TableShaper::Context context)
    : catalog_(catalog),
      source_name_(context.source_name),
      connection_(session(catalog)),
      shaper_(catalog, connection_, std::move(context)),
      children_(catalog, connection_, shaper_),
      stages_(connection_) {
  for (const auto& [topic, key] : catalog::open_letter_keys(connection_, source_name_))
    note_open_letter(topic, key);
  for (std::string& topic : catalog::topics_of_letters(connection_, source_name_))
    topics_of_letters_.insert(std::move(topic));
  unseen_ = tables_with_unseen(connection_);
  load_displaced();
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
  lacks_year_ = false;
  times_ = {};
  for (int tries = 1; !applied; ++tries) {
    lane_in_hand_ = batch.touched.empty() ? "" : batch.touched.begin()->topic;
    letter_.reset();
    queued_.clear();
    try {
      stages_.drop_idle(Clock::now());
      children_.drop_idle(Clock::now());
      ready = prepare(batch);
      applied = write(batch, ready);
    } catch (const LaneStopped& stopped) {
      // DDL fails if somebody changed the table and the catalog in memory does not know it.
      if (stopped.sqlstate == "55P03" && !stopped.busy_table)
        throw shaper_.stopped_by_lock(stopped, stopped.topic, batch);
      if (is_retry || stopped.needs_resync || !stopped.sqlstate.starts_with("42")) throw;
      is_retry = true;
      start_over(stopped);
    } catch (const TableChanged& changed) {
      if (tries >= kTriesMax) throw;
      start_over(changed);
    } catch (const ChildrenOutgrown& outgrown) {
      if (tries >= kFitsMax) throw LaneStopped(outgrown, lane_in_hand_);
      last_ends_.clear();  // those that the transaction had raised
      children_.fit(outgrown, lane_in_hand_);
    } catch (const Misfit& misfit) {
      last_ends_.clear();
      shaper_.give_up_choice(*table_in_hand_, misfit, lane_in_hand_);
    } catch (const Error& error) {
      if (error.sqlstate == "55P03") throw shaper_.stopped_by_lock(error, lane_in_hand_, batch);
      if (lacks_locks(error)) {
        throw TooManyTables(Error(error).with_hint(std::string(kMoreLocks)), batch.tables().size());
      }
      if (disposition(error) == Disposition::weather) throw;
      if (is_retry) throw LaneStopped(error, lane_in_hand_);
      is_retry = true;
      lacks_year_ = error.sqlstate == "23514" && error.constraint.empty();
      start_over(error);
    }
  }
  note_grown(ready);
  applied->times = times_;
  return *applied;
}

void Applier::start_over(const Error& reason) {
  spdlog::warn("data source {}: {} ({}); reading the catalog again", source_name_, reason.what(),
               reason.sqlstate);
  last_ends_.clear();
  catalog_.reload(connection_);
}

std::vector<ReadyTable> Applier::prepare(const Batch& batch) {
  const Stopwatch watch(times_.shape);
  std::vector<ReadyTable> ready;
  for (const TableChanges& changes : batch.tables()) {
    lane_in_hand_ = changes.topic;
    const auto before = catalog_.snapshot();
    ready.push_back(shaper_.prepare(changes));
    if (!ready.back().table) continue;
    if (lacks_year_) shaper_.fit_years_of_rows(*ready.back().table, lane_in_hand_);
    const catalog::TableName name(ready.back().table->schema, ready.back().table->current_name);
    const auto known = before->tables.find(name);
    if (known == before->tables.end()) {
      merged_.erase(name);
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
    if (!lacks_year_ || !children_.has(ready[i])) continue;
    // Their rows may be current for longer than those of the table.
    for (const catalog::Table* child : children_.tables(ready[i]))
      shaper_.fit_years_of_rows(*child, lane_in_hand_);
    children_.prepare(ready[i], lane_in_hand_);
  }
  stages_.evict(used.size());
  return ready;
}

Applied Applier::write(const Batch& batch, const std::vector<ReadyTable>& ready) {
  outcome_ = {static_cast<int64_t>(batch.changes()), 0, 0};
  new_letters_.clear();
  closed_letters_.clear();
  ahead_.reset();
  followers_in_hand_.clear();
  catalog::Transaction transaction(connection_);
  if (!begin_writing(batch, ready)) return outcome_;
  set_undecodable_aside(batch);
  if (letter_) await_turn(batch);
  for (size_t i = 0; i < ready.size() && !ahead_; ++i) {
    lane_in_hand_ = batch.tables()[i].topic;
    if (ready[i].table) apply_table(batch.tables()[i], ready[i]);
  }
  const Stopwatch watch(times_.commit);
  if (letter_) end_letter(batch, ready);
  const std::vector<catalog::TableName> recorded = record_updates(ready);
  if (!queued_.empty()) connection_.exec(queued_with(""));
  // Writers of one source wait for each other here and nowhere else.
  catalog::record_snapshot(connection_, source_name_, batch.snapshot.generation,
                           batch.snapshot.news);
  transaction.commit();
  forget_closed_letters(batch);
  if (!displaced_.empty()) load_displaced();
  for (const catalog::TableName& name : recorded) updates_[name] = Clock::now();
  return outcome_;
}

// False if the batch is a letter that is not there any more.
bool Applier::begin_writing(const Batch& batch, const std::vector<ReadyTable>& ready) {
  const Stopwatch watch(times_.commit);
  if (batch.retried) catalog::hold_epoch(connection_, source_name_, batch.retried->fence);
  std::vector<catalog::Position> positions;
  for (const auto& [at, position] : batch.positions) positions.push_back(position);
  catalog::advance(
      connection_, source_name_, positions,
      fmt::format("{}; {}", batch.is_trial ? kTrialLockTimeout : kLockTimeout, Plans::kByIndex));
  if (batch.retried && !begin_letter(*batch.retried)) return false;
  share_streams(batch, ready);
  return true;
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

// Key changes can make many runs. A savepoint for each would be more than a snapshot has room for
// (64 subtransactions), which slows down all who read: they share one, as long as none fails, nor
// has to do with what was set aside.
void Applier::apply_table(const TableChanges& changes, const ReadyTable& ready) {
  const std::vector<Run>& runs = changes.runs;
  if (runs.size() > 1 && !meets_letters(changes) && !data_error_of(ready, [&] {
        for (const Run& run : runs) write_run(run, ready);
      }))
    return;
  for (const Run& run : runs) apply_run(run, ready);
}

void Applier::apply_run(const Run& run, const ReadyTable& ready) {
  const bool may_wait = !letter_ && !run.unavailable.empty() && meets_letters(run);
  const std::vector<size_t> others =
      may_wait ? set_followers_aside(run, ready) : std::vector<size_t>();
  if (!may_wait || others.size() == run.changes()) {
    try_run(run, ready);
  } else if (!others.empty()) {
    try_run(run.of_changes(others), ready);
  }
}

void Applier::try_run(const Run& run, const ReadyTable& ready) {
  const std::optional<Error> error = data_error_of(ready, [&] { write_run(run, ready); });
  if (!error) {
    if (!letter_ && meets_letters(run)) close_letters(run, ready);
    return;
  }
  find_misfit(run, ready);
  if (disposition(*error) != Disposition::data) throw Error(*error);
  bisect(run, ready, *error);
}

// Undoes what `work` did if the values are at fault, and says so.
template <class Work>
std::optional<Error> Applier::data_error_of(const ReadyTable& ready, const Work& work) {
  queue("SAVEPOINT run");
  const Applied before = outcome_;
  const int64_t end_before = last_end(ready);
  try {
    work();
    queue("RELEASE SAVEPOINT run");
    return std::nullopt;
  } catch (const Error& error) {
    if (!may_be_refusal(error) || !connection_.is_ok()) throw;
    queued_.clear();
    connection_.exec("ROLLBACK TO SAVEPOINT run; RELEASE SAVEPOINT run");
    outcome_ = before;
    last_ends_[ready.source] = {ready.table->revision, end_before};
    return error;
  }
}

void Applier::write_run(const Run& run, const ReadyTable& ready) {
  if (run.begins_anew) queue(MergeSql::forget_marks(*ready.table, ready.origin));
  if (may_be_copied(run, ready) && copy_snapshot(run, ready, stage(run, ready))) return;
  merged_.insert({ready.table->schema, ready.table->current_name});
  execute(run, ready);
}

void Applier::execute(const Run& run, const ReadyTable& ready) {
  if (run.kind == RunKind::truncate) {
    truncate(run, ready);
    return;
  }
  const MergeSql& sql = stage(run, ready);
  copy_staged(run, ready, sql);
  const Stopwatch watch(times_.merge);
  if (letter_ && apply_late(run, ready, sql)) return;
  switch (run.kind) {
    case RunKind::insert:
      insert(run, ready, sql);
      break;
    case RunKind::replace:
      replace(run, ready, sql);
      if (run.generation > 0) connection_.exec(sql.mark_work(run.generation));
      break;
    case RunKind::moved:
      fill_moved(run, ready, sql);
      merge(run, ready, sql, settle_displaced(run, ready, sql));
      if (run.generation > 0) connection_.exec(sql.mark_keys(run.generation));
      break;
    case RunKind::merge:
    case RunKind::truncate: {
      const std::vector<int64_t> displacing = settle_displaced(run, ready, sql);
      if (!run.unavailable.empty()) {
        for (const Keys keys : key_groups(run, sql)) queue(sql.fill(run.unavailable, keys));
      }
      merge(run, ready, sql, displacing);
      if (run.generation > 0) connection_.exec(sql.mark_keys(run.generation));
      break;
    }
  }
}

void Applier::insert(const Run& run, const ReadyTable& ready, const MergeSql& sql) {
  if (run.generation > 0 && run.is_snapshot) {
    queue(std::string(Plans::kWholeTable));
    queue(sql.confirm_by_image(run.generation));
    queue(std::string(Plans::kByIndex));
  }
  const catalog::Result inserted = connection_.exec(
      queued_with(run.generation > 0 ? sql.insert_all_marked(run.generation) : sql.insert_all()));
  outcome_.versions += inserted.affected();
  growth_[{ready.table->schema, ready.table->current_name}].rows += inserted.affected();
}

void Applier::copy_staged(const Run& run, const ReadyTable& ready, const MergeSql& sql) {
  const Stopwatch watch(times_.stage);
  const std::string empty =
      stages_.empty({ready.table, run.schema, ready.origin}, run.changes(), Clock::now());
  const std::string_view rows[] = {run.rows};
  connection_.copy_binary(queued_with(empty + sql.copy_stage()), rows);
  if (const std::string convert = sql.convert(); !convert.empty()) connection_.exec(convert);
}

// Of the changes of a run, those whose key occurs once are told from the others where bytes tell
// keys apart.
std::vector<Keys> Applier::key_groups(const Run& run, const MergeSql& sql) {
  if (!sql.tells_keys_apart()) return {Keys::all};
  if (run.has_repeats) return {Keys::once, Keys::repeated};
  return {Keys::once};
}

// `displacing`: as settle_displaced() returned them.
void Applier::merge(const Run& run, const ReadyTable& ready, const MergeSql& sql,
                    const std::vector<int64_t>& displacing) {
  const int64_t end_us = last_end(ready);
  queue(sql.pair(key_groups(run, sql)));
  write_work(run, ready, sql);
  children_.follow(ready, sql, {run.earliest_us(), end_us});
  if (!displacing.empty()) connection_.exec(sql.note_displaced(displacing));
}

void Applier::fill_moved(const Run& run, const ReadyTable& ready, const MergeSql& sql) {
  if (fill_from_old_key(run, ready, sql)) return;
  for (const Keys keys : key_groups(run, sql)) queue(sql.fill(run.unavailable, keys));
}

// The old row is the newest version of the old key: an ended one, or its current row where its
// delete has not been read yet (it lies in another partition). Of a letter it is the newest one of
// its time. False if there is none.
bool Applier::fill_from_old_key(const Run& run, const ReadyTable& ready, const MergeSql& sql) {
  std::vector<std::string> leaves = {ready.table->current()};
  for (const int year : ready.table->years) leaves.push_back(ready.table->leaf(year));
  std::optional<int64_t> at_us;
  if (letter_) at_us = run.times_us.front();
  const catalog::Result found = connection_.exec(queued_with(sql.find_old_row(leaves, at_us)));
  const bool is_found = found.rows() > 0;
  if (is_found) {
    const std::string& leaf = leaves.at(static_cast<size_t>(found.int64(0, 0)));
    queue(sql.fill_from_old_row(leaf, found.int64(0, 1), run.unavailable));
  }
  queue(sql.drop_old_key());
  return is_found;
}

void Applier::write_work(const Run& run, const ReadyTable& ready, const MergeSql& sql) {
  const catalog::Result summary = connection_.exec(queued_with(MergeSql::summary()));
  const int64_t ended = summary.int64(0, 0);
  const int64_t superseded = summary.int64(0, 1);
  const int64_t current = summary.int64(0, 2);
  if (ended > 0) queue(sql.end_current());
  if (superseded > 0) queue(sql.insert_history());
  if (current > 0) queue(sql.insert_current());
  const catalog::TableName name(ready.table->schema, ready.table->current_name);
  const size_t recorded = (ended > 0 ? 1 : 0) + (superseded > 0 ? 1 : 0) + (current > 0 ? 1 : 0);
  if (!run.unavailable.empty()) queue(sql.record_unresolved(run.unavailable));
  const bool may_repeat = run.has_repeats || !sql.tells_keys_apart();
  const bool may_be_seen = unseen_.contains(name) || (!run.unavailable.empty() && may_repeat);
  if (run.kind != RunKind::replace && may_be_seen) queue(sql.forget_unresolved());
  if (!queued_.empty()) {
    const std::vector<catalog::Result> written = connection_.exec_each(queued_with(""));
    if (ended > 0 && written.front().affected() != ended) {
      throw Error("40001", fmt::format("somebody else has changed rows of {} meanwhile",
                                       ready.table->current()));
    }
    if (!run.unavailable.empty() && written[recorded].affected() > 0 && unseen_.insert(name).second)
      warn_of_unseen(*ready.table);
  }
  if (!summary.is_null(0, 3)) raise_last_end(ready, summary.int64(0, 3));
  outcome_.versions += superseded + current;
  growth_[name].rows += current;
}

// As long as nothing was deleted, a key that has no current row is new: it needs no pairing, and
// the unique index says whether it has one.
bool Applier::may_be_copied(const Run& run, const ReadyTable& ready) {
  if (letter_ || !run.is_snapshot || !run.schema || !run.unavailable.empty()) return false;
  // What a resynchronization brings is marked, which the merge does.
  if (run.generation > 0) return false;
  return !children_.has(ready) && last_end(ready) == INT64_MIN &&
         !merged_.contains({ready.table->schema, ready.table->current_name});
}

// Any doubt sends the run to the merge.
bool Applier::copy_snapshot(const Run& run, const ReadyTable& ready, const MergeSql& sql) {
  if (sql.is_converted()) return false;
  const Stopwatch watch(times_.merge);
  try {
    const std::string tuples = main_tuples(run, ready.origin);
    const std::string_view chunks[] = {tuples};
    queue("SAVEPOINT snapshot");
    const int64_t copied = connection_.copy_binary(queued_with(sql.copy_into_main()), chunks);
    check_types(*ready.table);
    queue("RELEASE SAVEPOINT snapshot");
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
  const bool is_known =
      found != last_ends_.end() && found->second.revision == ready.table->revision;
  if (is_known) return found->second.end_us;
  const int64_t end_us = catalog::last_end_us(connection_, ready.source);
  last_ends_[ready.source] = {ready.table->revision, end_us};
  return end_us;
}

void Applier::raise_last_end(const ReadyTable& ready, int64_t end_us) {
  if (end_us <= last_end(ready)) return;
  catalog::raise_last_end(connection_, ready.source, end_us);
  last_ends_[ready.source] = {ready.table->revision, end_us};
}

const MergeSql& Applier::stage(const Run& run, const ReadyTable& ready) {
  return stages_.of({ready.table, run.schema, ready.origin});
}

// Users' plans rest on the statistics; autovacuum comes late to a table that grows fast. The merge
// needs none.
void Applier::note_grown(const std::vector<ReadyTable>& ready) {
  for (const ReadyTable& table : ready) {
    if (!table.table) continue;
    const catalog::TableName name(table.table->schema, table.table->current_name);
    Growth& growth = growth_[name];
    if (growth.rows < growth.next_analyze) continue;
    while (growth.next_analyze <= growth.rows) growth.next_analyze *= 2;
    grown_.insert(name);
  }
  grown_.merge(children_.take_grown());
}

void Applier::tidy_up(Clock::time_point now) {
  stages_.drop_idle(now);
  children_.drop_idle(now);
  index_loaded(now);
  if (grown_.empty()) return;
  const auto name = grown_.extract(grown_.begin()).value();
  const std::string table = catalog::quote_qualified(name.first, name.second);
  try {
    connection_.exec("ANALYZE (SKIP_LOCKED) " + table);
  } catch (const Error& error) {
    spdlog::warn("data source {}: no new statistics of {}: {}", source_name_, table, error.what());
  }
}

// What was committed stays so: what fails here is tried again.
void Applier::index_loaded(Clock::time_point now) {
  if (now < next_index_) return;
  next_index_ = now + kIndexInterval;
  try {
    shaper_.index_loaded();
  } catch (const Error& error) {
    if (!connection_.is_ok()) throw;
    spdlog::warn("data source {}: no indexes yet: {}", source_name_, error.what());
  }
}

}  // namespace metadb::ingest
