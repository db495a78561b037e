// The temporary tables in which one writer's connection stages its runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "catalog/tables.h"
#include "ingest/batch.h"
#include "ingest/merge_sql.h"

namespace metadb::ingest {

// One for each (table, schema, origin), and those that do not depend on the table. Owned by an
// Applier, used by its thread; like that, of no use after an error that leaves the connection's
// state unknown.
class Stages {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Stages(catalog::Connection& connection);

  struct Key {
    std::shared_ptr<const catalog::Table> table;
    std::shared_ptr<const RowSchema> schema;
    std::string origin;
  };
  // The statements for such runs. Makes the table the first time, which must not be inside a
  // transaction.
  const MergeSql& of(const Key& key);
  // What empties the tables that a run of so many changes is about to use. Its statements may be
  // undone later, or never run: the next run's do the same again.
  std::string empty(const Key& key, size_t changes, Clock::time_point now);
  // The `in_use` most recent ones are needed by the batch in hand, however many they are.
  void evict(size_t in_use);
  // Drops the tables that were not used in the hour before `now`. Autovacuum freezes no temporary
  // table of a living session, so an old one keeps the age of the whole database from falling.
  void drop_idle(Clock::time_point now);

 private:
  // A new file is made by TRUNCATE, which is dear; rows that are deleted stay to be skipped.
  struct Content {
    size_t rows_since = 0;  // TRUNCATE
    Clock::time_point emptied;
    bool must_truncate(size_t rows_max, Clock::time_point now) const;
  };
  using Id = std::tuple<const catalog::Table*, const RowSchema*, std::string>;
  struct Stage {
    Id id;
    Key key;
    MergeSql sql;
    Clock::time_point used;
    Content content;
  };

  Stage& find(const Key& key);
  void drop_last();

  catalog::Connection& connection_;
  std::list<Stage> stages_;  // most recently used first
  std::map<Id, std::list<Stage>::iterator> by_id_;
  int64_t made_ = 0;
  Content work_;
};

}  // namespace metadb::ingest
