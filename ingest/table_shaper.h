// Makes target tables ready for the changes that come: claims, creates, widens.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "ingest/batch.h"
#include "ingest/outcome.h"
#include "ingest/rules.h"

namespace metadb::ingest {

// A table that changes go to, and what its rows carry.
struct ReadyTable {
  std::shared_ptr<const catalog::Table> table;  // null: nothing is known of it yet but truncates
  catalog::SourceTableKey source;
  std::string origin;
};

// A value came that does not fit the type of its column, which was chosen here, or is one that the
// backing database reads for us.
struct Misfit : catalog::Error {
  Misfit(const catalog::Error& reason, std::string column_, catalog::PgType event_type_)
      : catalog::Error(reason), column(std::move(column_)), event_type(event_type_) {}

  std::string column;
  catalog::PgType event_type;
};

// Keeps commands away from the tables until the transaction ends, and makes sure that these objects
// describe them. Waits for nothing: throws TableBusy, TableChanged.
void keep_commands_out(catalog::Connection& connection,
                       const std::vector<const catalog::Table*>& tables);

// The table as the catalog has it now. Throws TableChanged if it was purged meanwhile.
std::shared_ptr<const catalog::Table> known_table(const catalog::Snapshot& snapshot,
                                                  const catalog::Table& table);

// Where changes of the source table go: where they always went, or where the names send them. One
// of its collectors must know before the batch is prepared.
catalog::SourceTable target_of(const catalog::Snapshot& snapshot, const Rules& rules,
                               const catalog::SourceTableKey& key, const EventTable& event);

// What a batch does about a table that a command has.
LaneStopped stopped_by_command(const TableBusy& busy, const std::string& topic);

// Whether the events tell rows apart as the table does. REQUIRES: prepare() has seen the schema.
bool has_key_of(const catalog::Table& table, const RowSchema& schema);

// Every change of a table is a transaction of its own, committed before the batch that needs it,
// and published in the catalog. Only adds and widens (invariant 6). Used by one writer thread.
class TableShaper {
 public:
  struct Context {
    std::string source_name;
    NameRules rules;
    // Told, in the thread that waits for it, the table whose indexes a backend builds; empty: none
    // any more.
    using TellBuild = std::function<void(int backend_pid, const std::string& table)>;
    TellBuild tell_build = [](int, const std::string&) {};
  };
  TableShaper(catalog::Catalog& catalog, catalog::Connection& connection, Context context)
      : catalog_(catalog),
        connection_(connection),
        source_name_(std::move(context.source_name)),
        rules_(context.rules),
        tell_build_(std::move(context.tell_build)) {}

  // Throws LaneStopped: the target belongs to another source table, is refused, was dropped by
  // somebody, a command has it, or its DDL fails; TableChanged; Error of the weather classes
  // otherwise.
  ReadyTable prepare(const TableChanges& changes);
  // Gives the column a type that takes its events' values as well, and gives up the one it has.
  // Throws as prepare() does.
  void give_up_choice(const catalog::Table& table, const Misfit& misfit, const std::string& topic);
  // Partitions for the years of its current rows, and of its last end: somebody has dropped one.
  // Throws as prepare() does.
  void fit_years_of_rows(const catalog::Table& table, const std::string& topic);
  // Builds the indexes of the source's tables that its snapshot has loaded: no row has come for
  // half a minute. Throws Error, LaneStopped not among them.
  void index_loaded();
  // Runs `change` of a table in a transaction that shares its stream, then publishes what it
  // returns. What fails stops the topic, as in prepare().
  std::shared_ptr<const catalog::Table> change(const std::string& topic,
                                               const catalog::Table& table,
                                               const std::function<catalog::Table()>& change);
  // What a batch does that has waited too long for a lock, in what it does for a topic.
  [[nodiscard]] LaneStopped stopped_by_lock(const catalog::Error& reason, const std::string& topic,
                                            const Batch& batch) const;

 private:
  // As the backing database has its type now.
  catalog::Column column_for(const EventColumn& event_column, std::string name);
  std::shared_ptr<const catalog::Table> create(const TableChanges& changes,
                                               const catalog::SourceTable& target);
  void claim(const TableChanges& changes, const catalog::SourceTable& target);
  [[nodiscard]] bool may_adopt(const TableChanges& changes,
                               const catalog::Snapshot& snapshot) const;
  void adopt(const TableChanges& changes, catalog::SourceTable& target);
  std::shared_ptr<const catalog::Table> fit(const catalog::Table& table,
                                            const TableChanges& changes,
                                            const catalog::SourceTable& target);
  catalog::Table fit_columns(const catalog::Table& table, const RowSchema& schema);
  catalog::Table fit_indexes(const catalog::Table& table);
  catalog::Table build_indexes(const catalog::Table& table);
  catalog::Table widen(const catalog::Table& table, const catalog::Column& column,
                       catalog::PgType to);
  catalog::Table fit_key(const catalog::Table& table, const RowSchema& schema,
                         const catalog::SourceTable& target);
  void agree_on_key(const catalog::Table& table, const std::vector<std::string>& key,
                    const catalog::SourceTable& target);
  catalog::Table fit_years(const catalog::Table& table, const std::set<int>& years);
  // Runs `change` of the table in a transaction that shares its stream and has a short
  // lock_timeout, then publishes what it returns.
  std::shared_ptr<const catalog::Table> in_transaction(
      const catalog::Table& table, const std::function<catalog::Table()>& change);

  catalog::Catalog& catalog_;
  catalog::Connection& connection_;
  std::string source_name_;
  Rules rules_;
  Context::TellBuild tell_build_;
  std::set<catalog::SourceTableKey> agreed_;  // have the key of the table that they share
};

}  // namespace metadb::ingest
