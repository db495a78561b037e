#include "ingest/table_shaper.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "catalog/bit_types.h"
#include "catalog/carried_types.h"
#include "catalog/dependents.h"
#include "catalog/stream_lock.h"
#include "catalog/table_indexes.h"
#include "ingest/names.h"
#include "ingest/table_refusals.h"

namespace metadb::ingest {
namespace {

// What is being built is told as long as it lives.
class Told {
 public:
  Told(const TableShaper::Context::TellBuild& tell, int backend_pid, const std::string& table)
      : tell_(tell), backend_pid_(backend_pid) {
    tell_(backend_pid_, table);
  }
  ~Told() { tell_(backend_pid_, ""); }
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;

 private:
  const TableShaper::Context::TellBuild& tell_;
  int backend_pid_;
};

using catalog::Column;
using catalog::Error;
using catalog::SourceTable;
using catalog::Table;

// Readers of a table must not queue behind our DDL for longer than this. An autovacuum that is in
// the way gives way after deadlock_timeout, one second by default: so long must be waited.
constexpr std::string_view kLockTimeout = "SET LOCAL lock_timeout = '3s'";

std::set<std::string, std::less<>> taken_names(const Table& table) {
  std::set<std::string, std::less<>> out;
  for (const Column& column : table.columns) out.insert(column.name);
  return out;
}

// The type that the values of such a column stand for.
std::optional<catalog::CarriedColumn> carried_by(const EventColumn& event_column) {
  if (!event_column.stands_for) return std::nullopt;
  return catalog::CarriedColumn{*event_column.stands_for,
                                catalog::row_of(event_column.type).element.has_value()};
}

// nullopt: the column takes the event's values as it is.
std::optional<catalog::PgType> wider_type_of(const Column& column, const EventColumn& event) {
  const auto carried = catalog::carried_type_named(column.type_name);
  if (carried && carried == carried_by(event)) return std::nullopt;
  if (column.type) {
    const catalog::PgType to = catalog::widened(*column.type, event.type);
    return to == *column.type ? std::nullopt : std::optional(to);
  }
  if (const auto length = catalog::bit_length(column.type_name)) {
    if (event.type == catalog::PgType::varbit && event.bit_length == length) return std::nullopt;
    return catalog::widened(catalog::PgType::varbit, event.type);
  }
  // A type that neither events nor commands give was given past us, by who knows what it takes.
  return carried ? std::optional(catalog::PgType::text) : std::nullopt;
}

// The names here of the schema's key columns. REQUIRES: all columns are in the table.
std::vector<std::string> key_of(const Table& table, const RowSchema& schema) {
  std::vector<std::string> out;
  for (const uint16_t index : schema.key) {
    out.push_back(table.column_of_source(schema.columns[index].name)->name);
  }
  return out;
}

const RowSchema* first_schema(const TableChanges& changes) {
  for (const Run& run : changes.runs) {
    if (run.schema) return run.schema.get();
  }
  return nullptr;
}

// Its rows are copied into the table, and need no index but the unique one.
bool is_copied(const Run& run) {
  return run.schema && run.is_snapshot && run.generation == 0 && !run.begins_anew;
}

// Current rows that no event will find by the table's key: the column is new to them, or has got
// its name, and what the source has there was never sent.
int64_t rows_without_key(catalog::Connection& connection, const Table& table) {
  if (table.key_columns.empty()) return 0;
  std::vector<std::string> missing;
  for (const std::string& column : table.key_columns)
    missing.push_back(catalog::quote_identifier(column) + " IS NULL");
  const catalog::Result found = connection.exec(
      fmt::format("SELECT count(*) FROM {} WHERE {}", table.current(), fmt::join(missing, " OR ")));
  return found.int64(0, 0);
}

// In December, the next one as well.
std::set<int> years_of(const Run& run) {
  std::set<int> out = run.years;
  for (const int64_t time_us : run.times_us)
    out.insert(utc_year(time_us + 31LL * 86'400 * 1'000'000));
  return out;
}

// Another writer may have changes of the table that they go to now, since an origin was made or the
// table purged: the next start gives all of them to one.
void check_collected_for(const TableChanges& changes, const SourceTable& target) {
  const catalog::TableName now(target.schema_name, target.table_name);
  if (changes.target.second.empty() || changes.target == now) return;
  throw Error("40001",
              fmt::format("{} goes to {}.{} now, and no more to {}.{}", described(target.key),
                          now.first, now.second, changes.target.first, changes.target.second));
}

// Runs what makes a table ready for the events of a topic; what fails stops the topic alone.
template <class Work>
auto for_lane(const std::string& topic, const Work& work) {
  try {
    return work();
  } catch (const LaneStopped&) {
    throw;
  } catch (const TableBusy& busy) {
    throw stopped_by_command(busy, topic);
  } catch (const Error& error) {
    // A lock that a user holds, a view in the way, too many columns: this lane's own trouble.
    const bool is_own = error.sqlstate == "55P03" || error.sqlstate == "55006";
    if (disposition(error) == Disposition::weather && !is_own) throw;
    throw LaneStopped(error, topic);
  }
}

}  // namespace

LaneStopped stopped_by_command(const TableBusy& busy, const std::string& topic) {
  LaneStopped stopped(busy, topic);
  stopped.busy_table = busy.name;
  return stopped;
}

void keep_commands_out(catalog::Connection& connection, const std::vector<const Table*>& tables) {
  const auto obstacle = catalog::share_streams(connection, tables);
  if (!obstacle) return;
  const Table& table = *tables[obstacle->table];
  if (obstacle->kind == catalog::StreamObstacle::Kind::busy) {
    throw TableBusy(Error("55P03", fmt::format("a command works on table {}", table.main())),
                    {table.schema, table.current_name}, obstacle->table);
  }
  throw TableChanged("40001", fmt::format("a command has changed table {}", table.main()));
}

std::shared_ptr<const Table> known_table(const catalog::Snapshot& snapshot, const Table& table) {
  const auto found = snapshot.tables.find({table.schema, table.current_name});
  if (found != snapshot.tables.end()) return found->second;
  throw TableChanged("40001", fmt::format("a command has purged table {}", table.main()));
}

LaneStopped TableShaper::stopped_by_lock(const Error& reason, const std::string& topic,
                                         const Batch& batch) const {
  LaneStopped stopped(reason, topic);
  const auto snapshot = catalog_.snapshot();
  for (const TableChanges& changes : batch.tables()) {
    if (changes.topic != topic) continue;
    const EventTable& event = *changes.table;
    const auto target = snapshot->source_tables.find(
        catalog::SourceTableKey{source_name_, event.db, event.schema, event.table});
    if (target == snapshot->source_tables.end()) continue;
    const auto table =
        snapshot->tables.find({target->second.schema_name, target->second.table_name});
    if (table != snapshot->tables.end()) stopped.locked_tables.push_back(table->second->main());
  }
  return stopped;
}

SourceTable target_of(const catalog::Snapshot& snapshot, const Rules& rules,
                      const catalog::SourceTableKey& key, const EventTable& event) {
  const auto known = snapshot.source_tables.find(key);
  if (known != snapshot.source_tables.end()) return known->second;
  const Target named = rules.target(event, snapshot.origins);
  return {key, named.schema, TableNames(named.table).current, named.origin, event.server_name, ""};
}

ReadyTable TableShaper::prepare(const TableChanges& changes) {
  const EventTable& event = *changes.table;
  const catalog::SourceTableKey key{source_name_, event.db, event.schema, event.table};
  const auto snapshot = catalog_.snapshot();
  const auto known = snapshot->source_tables.find(key);
  SourceTable target = target_of(*snapshot, rules_, key, event);
  check_collected_for(changes, target);
  if (known != snapshot->source_tables.end()) {
    if (target.server_name.empty() && may_adopt(changes, *snapshot)) adopt(changes, target);
    if (!target.server_name.empty() && target.server_name != event.server_name)
      throw second_server(changes, target);
  } else {
    target.topic = changes.topic;
    if (first_schema(changes) == nullptr) return {nullptr, key, target.origin};
    if (const auto reason = refusal(rules_.target(event, snapshot->origins)))
      throw refused(changes, key, *reason);
  }
  const auto found = snapshot->tables.find({target.schema_name, target.table_name});
  return for_lane(changes.topic, [&]() -> ReadyTable {
    if (found != snapshot->tables.end()) {
      if (found->second->is_transformed) throw transformed(changes, key, *found->second);
      if (known == snapshot->source_tables.end()) {
        in_transaction(*found->second, [&] {
          claim(changes, target);
          return *found->second;
        });
        catalog_.publish([&](catalog::Snapshot& s) { s.source_tables.emplace(key, target); });
      }
      return {fit(*found->second, changes, target), key, target.origin};
    }
    if (known != snapshot->source_tables.end()) {
      throw LaneStopped(Error("42P01", fmt::format("table {}.{} has been dropped",
                                                   target.schema_name, target.table_name))
                            .with_hint("Resynchronize the data source, or purge the table's data."),
                        changes.topic, true);
    }
    return {fit(*create(changes, target), changes, target), key, target.origin};
  });
}

// In a resynchronization what is left of the old server may still come: the new one is known by its
// snapshot.
bool TableShaper::may_adopt(const TableChanges& changes, const catalog::Snapshot& snapshot) const {
  const auto source = snapshot.sources.find(source_name_);
  const bool is_resync =
      source != snapshot.sources.end() && source->second.sync == catalog::SyncMode::resync;
  return !is_resync ||
         std::ranges::any_of(changes.runs, [](const Run& run) { return run.generation > 0; });
}

// The first that comes after a resynchronization began: the source under a new name, as a rule.
void TableShaper::adopt(const TableChanges& changes, SourceTable& target) {
  target.server_name = changes.table->server_name;
  target.topic = changes.topic;
  catalog::Transaction transaction(connection_);
  catalog::adopt_server(connection_, target);
  transaction.commit();
  catalog_.publish(
      [&](catalog::Snapshot& s) { s.source_tables.insert_or_assign(target.key, target); });
  spdlog::info("{} is fed by server \"{}\" (topic {}) from now on", described(target.key),
               target.server_name, target.topic);
}

void TableShaper::claim(const TableChanges& changes, const SourceTable& target) {
  if (const auto holder = catalog::claimed_by(connection_, target))
    throw collision(changes, target, *holder);
  catalog::claim(connection_, target);
}

Column TableShaper::column_for(const EventColumn& event_column, std::string name) {
  if (const auto carried = carried_by(event_column)) {
    if (const auto type = catalog::carried_type_name(connection_, *carried))
      return {std::move(name), *type, catalog::pg_type_named(*type)};
  }
  if (event_column.bit_length > 0)
    return {std::move(name), catalog::bit_type_name(event_column.bit_length), std::nullopt};
  return {std::move(name), std::string(catalog::row_of(event_column.type).name), event_column.type};
}

std::shared_ptr<const Table> TableShaper::create(const TableChanges& changes,
                                                 const SourceTable& target) {
  const RowSchema& schema = *first_schema(changes);
  const TableNames names(target.table_name);
  Table table;
  table.schema = target.schema_name;
  table.current_name = names.current;
  table.main_name = names.main;
  table.history_name = names.history;
  table.sync_name = names.sync;
  table.source_name = target.key.source_name;
  std::set<std::string, std::less<>> taken;
  for (const EventColumn& event_column : schema.columns) {
    const std::string name = column_name(event_column.name, taken);
    taken.insert(name);
    if (name != event_column.name) table.renamed[event_column.name] = name;
    table.columns.push_back(column_for(event_column, name));
  }
  table.key_columns = key_of(table, schema);
  table.lacks_indexes = std::ranges::all_of(changes.runs, is_copied);
  auto created = in_transaction(table, [&] {
    claim(changes, target);
    Table out;
    try {
      out = catalog::create_table(connection_, table);
    } catch (const Error& error) {
      if (is_name_taken(error)) throw name_taken(changes, target, error);
      if (is_too_wide(error)) throw too_wide(changes, target, error);
      throw;
    }
    for (const auto& [source_column, name] : table.renamed) {
      catalog::record_column_name(connection_, table, source_column, name);
    }
    return out;
  });
  catalog_.publish([&](catalog::Snapshot& s) { s.source_tables.emplace(target.key, target); });
  spdlog::info("table {}.{} created for {}", table.schema, table.current_name,
               described(target.key));
  return created;
}

std::shared_ptr<const Table> TableShaper::in_transaction(const Table& table,
                                                         const std::function<Table()>& change) {
  catalog::Transaction transaction(connection_);
  connection_.exec(std::string(kLockTimeout));
  keep_commands_out(connection_, {&table});
  auto changed = std::make_shared<const Table>(change());
  transaction.commit();
  catalog_.publish([&](catalog::Snapshot& s) {
    s.tables[{changed->schema, changed->current_name}] = changed;
  });
  return changed;
}

std::shared_ptr<const Table> TableShaper::change(const std::string& topic, const Table& table,
                                                 const std::function<Table()>& change) {
  return for_lane(topic, [&] { return in_transaction(table, change); });
}

bool has_key_of(const Table& table, const RowSchema& schema) {
  return key_of(table, schema) == table.key_columns;
}

std::shared_ptr<const Table> TableShaper::fit(const Table& table, const TableChanges& changes,
                                              const SourceTable& target) {
  Table fitted = table;
  for (const Run& run : changes.runs) {
    if (fitted.lacks_indexes && !is_copied(run)) fitted = build_indexes(fitted);
    if (run.schema) {
      try {
        fitted = fit_columns(fitted, *run.schema);
      } catch (const Error& error) {
        if (is_too_wide(error)) throw too_wide(changes, target, error);
        throw;
      }
      fitted = fit_key(fit_indexes(fitted), *run.schema, target);
    }
    fitted = fit_years(fitted, years_of(run));
  }
  return known_table(*catalog_.snapshot(), fitted);
}

Table TableShaper::fit_columns(const Table& table, const RowSchema& schema) {
  Table fitted = table;
  for (const EventColumn& event_column : schema.columns) {
    const Column* column = fitted.column_of_source(event_column.name);
    if (column == nullptr) {
      const Column added =
          column_for(event_column, column_name(event_column.name, taken_names(fitted)));
      fitted = *in_transaction(fitted, [&] {
        catalog::add_column(connection_, fitted, added);
        Table out = fitted;
        out.columns.push_back(added);
        if (added.type == catalog::PgType::uuid) out.unindexed.insert(added.name);
        if (added.name == event_column.name) return out;
        catalog::record_column_name(connection_, fitted, event_column.name, added.name);
        out.renamed[event_column.name] = added.name;
        return out;
      });
      spdlog::info("column {} {} added to {}", added.name, added.type_name, fitted.main());
    } else if (column->choice == catalog::TypeChoice::events) {
      if (const auto to = wider_type_of(*column, event_column))
        fitted = widen(fitted, *column, *to);
    }
  }
  return fitted;
}

// Apart from the columns: who adds a column keeps readers out until the end of the transaction, who
// makes an index does not. What a failure left undone is done here, too.
Table TableShaper::fit_indexes(const Table& table) {
  if (table.lacks_indexes) return table;
  Table fitted = table;
  for (const std::string& name : table.unindexed) {
    fitted = *in_transaction(fitted, [&] {
      catalog::index_uuid_column(connection_, fitted, *fitted.column(name));
      Table out = fitted;
      out.unindexed.erase(name);
      return out;
    });
  }
  return fitted;
}

// An index that is built when the rows are there costs a fraction of one that grows with them.
// Interrupted, it is built anew: that it is lacking stands in the database.
Table TableShaper::build_indexes(const Table& table) {
  spdlog::info("building the indexes of {}", table.main());
  const Told told(tell_build_, connection_.backend_pid(), table.main());
  const auto begin = std::chrono::steady_clock::now();
  const Table built = *in_transaction(table, [&] {
    catalog::build_indexes(connection_, table);
    Table out = table;
    out.lacks_indexes = false;
    out.unindexed.clear();
    return out;
  });
  spdlog::info("indexes of {} built in {:.2f} s", table.main(),
               std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return built;
}

void TableShaper::index_loaded() {
  const auto snapshot = catalog_.snapshot();
  const bool is_any = std::ranges::any_of(snapshot->tables, [&](const auto& pair) {
    return pair.second->lacks_indexes && pair.second->source_name == source_name_;
  });
  if (!is_any) return;
  for (const catalog::TableName& name : catalog::tables_loaded(connection_, source_name_)) {
    const auto table = snapshot->tables.find(name);
    if (table != snapshot->tables.end() && table->second->lacks_indexes)
      build_indexes(*table->second);
  }
}

// Text takes every value. Of the other steps two have values without a twin: a date after the year
// 294276 is no timestamp, and numeric has no infinity before PostgreSQL 14.
Table TableShaper::widen(const Table& table, const Column& column, catalog::PgType to) {
  try {
    const Column wider{column.name, std::string(catalog::row_of(to).name), to};
    Table widened = *in_transaction(table, [&] {
      catalog::change_types(connection_, table, {wider});
      Table out = table;
      *std::ranges::find(out.columns, column.name, &Column::name) = wider;
      return out;
    });
    spdlog::info("column {} of {} widened from {} to {}", column.name, table.main(),
                 column.type_name, catalog::row_of(to).name);
    return widened;
  } catch (Error& error) {
    if (error.sqlstate == "0A000") {
      const std::string views = catalog::views_on(connection_, table, column.name);
      if (!views.empty()) error.hint = fmt::format("The column is used by {}.", views);
    }
    if (!error.sqlstate.starts_with("22") || to == catalog::PgType::text) throw;
    spdlog::warn("column {} of {} holds a value that is no {}: {}", column.name, table.main(),
                 catalog::row_of(to).name, error.what());
  }
  return widen(table, column, catalog::PgType::text);
}

void TableShaper::give_up_choice(const Table& table, const Misfit& misfit,
                                 const std::string& topic) {
  for_lane(topic, [&] {
    const auto known = known_table(*catalog_.snapshot(), table);
    const Column* column = known->column(misfit.column);
    if (column == nullptr)
      throw TableChanged("40001", fmt::format("a command has changed table {}", table.main()));
    catalog::PgType to = catalog::PgType::text;
    const bool is_chosen = column->choice != catalog::TypeChoice::events;
    if (column->type && is_chosen) to = catalog::widened(*column->type, misfit.event_type);
    // A text that is no json; of what is one jsonb refuses some.
    const bool is_no_json =
        misfit.event_type == catalog::PgType::text && misfit.sqlstate == "22P02";
    if (to == column->type || is_no_json) to = catalog::PgType::text;
    spdlog::warn("column {} of {}: a value of its events is no {} ({})", column->name, table.main(),
                 column->type_name, misfit.sqlstate);
    widen(*known, *column, to);
  });
}

// A table that several source tables feed changes its key when the last of them has it so: else
// each would have the indexes built anew for itself, over and over.
void TableShaper::agree_on_key(const Table& table, const std::vector<std::string>& key,
                               const SourceTable& target) {
  const auto snapshot = catalog_.snapshot();
  const bool is_shared = std::ranges::any_of(snapshot->source_tables, [&](const auto& pair) {
    const SourceTable& other = pair.second;
    return other.schema_name == target.schema_name && other.table_name == target.table_name &&
           other.key != target.key;
  });
  if (!is_shared) return;
  if (key == table.key_columns) {
    if (agreed_.insert(target.key).second) catalog::want_key(connection_, target.key, std::nullopt);
    return;
  }
  catalog::want_key(connection_, target.key, key);
  agreed_.erase(target.key);
  const auto other = catalog::other_with_key_of(connection_, table, target.key);
  if (!other) return;
  throw Error("55006", fmt::format("{} has the key ({}), but {}, which {} feeds as well, has ({})",
                                   described(target.key), fmt::join(key, ", "), table.main(),
                                   described(*other), fmt::join(table.key_columns, ", ")))
      .with_hint("The table follows once all that feed it have the new key.");
}

Table TableShaper::fit_key(const Table& table, const RowSchema& schema, const SourceTable& target) {
  const std::vector<std::string> key = key_of(table, schema);
  agree_on_key(table, key, target);
  if (key == table.key_columns) return table;
  int64_t ended = 0;
  int64_t lost = 0;
  Table fitted = *in_transaction(table, [&] {
    ended = catalog::change_key(connection_, table, {key, target.origin});
    Table out = table;
    out.key_columns = key;
    out.has_changed_key = true;
    lost = rows_without_key(connection_, out);
    return out;
  });
  spdlog::warn("the key of {} is now ({}), was ({}); {} rows that share the new key have ended",
               fitted.main(), fmt::join(key, ", "), fmt::join(table.key_columns, ", "), ended);
  if (lost > 0) {
    spdlog::warn(
        "{} current rows of {} have no value in the key ({}): no change finds them, and they stay "
        "current until the table is resynchronized (SYNC DATA SOURCE {})",
        lost, fitted.main(), fmt::join(key, ", "), catalog::quote_identifier(source_name_));
  }
  return fitted;
}

Table TableShaper::fit_years(const Table& table, const std::set<int>& years) {
  Table fitted = table;
  for (const int year : years) {
    if (fitted.years.contains(year)) continue;
    fitted = *in_transaction(fitted, [&] {
      catalog::add_year(connection_, fitted, year);
      Table out = fitted;
      out.years.insert(year);
      return out;
    });
  }
  return fitted;
}

void TableShaper::fit_years_of_rows(const Table& table, const std::string& topic) {
  for_lane(topic, [&] { fit_years(table, catalog::years_of_rows(connection_, table)); });
}

}  // namespace metadb::ingest
