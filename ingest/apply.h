// Writes batches into tables: rows and the positions that produced them in one transaction.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "catalog/catalog.h"
#include "ingest/batch.h"
#include "ingest/children.h"
#include "ingest/merge_sql.h"
#include "ingest/table_shaper.h"

namespace metadb::ingest {

struct Applied {
  int64_t changes = 0;       // in the batch
  int64_t versions = 0;      // rows written: new current rows and superseded versions
  int64_t dead_letters = 0;  // set aside, while decoding or here
  // Of a letter that was tried again: why it stays.
  std::optional<catalog::Error> refusal = std::nullopt;
};

// One writer's connection and what it keeps there: staging tables, what it knows of last ends.
// Used by one thread. After any exception the connection's state is unknown: throw the Applier
// away, read positions again, make a new one.
class Applier {
 public:
  Applier(catalog::Catalog& catalog, TableShaper::Context context);

  // Returns when the batch is committed. Throws LaneStopped, or Error of the weather classes;
  // nothing of the batch is written then.
  Applied apply(const Batch& batch);

  using Clock = std::chrono::steady_clock;
  // Drops the staging tables that were not used in the hour before `now`. Autovacuum freezes no
  // temporary table of a living session, so an old one keeps the age of the whole database from
  // falling. apply() does it; to be called now and then while there is nothing to apply.
  // REQUIRES: no apply() at the same time.
  void drop_idle_stages(Clock::time_point now);

  // Asks PostgreSQL to cancel what apply() waits for; from any thread.
  void cancel() const { connection_.cancel(); }

 private:
  struct Stage {
    std::shared_ptr<const catalog::Table> table;
    std::shared_ptr<const RowSchema> schema;
    MergeSql sql;
    Clock::time_point used;
  };
  using StageKey = std::tuple<const catalog::Table*, const RowSchema*, std::string>;  // and origin
  using Stages = std::list<std::pair<StageKey, Stage>>;

  std::vector<ReadyTable> prepare(const Batch& batch);
  void start_over(const catalog::Error& reason);
  Applied write(const Batch& batch, const std::vector<ReadyTable>& ready);
  bool begin_letter(const Batch::Retried& retried);
  void end_letter(const Batch::Retried& retried);
  void apply_late(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void apply_late_change(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void close_letters(const Batch& batch, const std::vector<ReadyTable>& ready);
  [[nodiscard]] std::optional<catalog::Error> objection(const Batch& batch) const;
  void close_by_versions(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void share_streams(const Batch& batch, const std::vector<ReadyTable>& ready);
  void apply_table(const TableChanges& changes, const ReadyTable& ready);
  void apply_run(const Run& run, const ReadyTable& ready);
  void bisect(const Run& run, const ReadyTable& ready, const catalog::Error& reason);
  void park(const Run& run, const ReadyTable& ready, const catalog::Error& reason);
  void execute(const Run& run, const ReadyTable& ready);
  void merge(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void replace(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void fill_moved(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void truncate(const Run& run, const ReadyTable& ready);
  void find_misfit(const Run& run, const ReadyTable& ready);
  void check_types(const catalog::Table& table);
  bool copy_snapshot(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void write_work(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void raise_last_end(const ReadyTable& ready, int64_t end_us);
  int64_t last_end(const ReadyTable& ready);
  const MergeSql& stage(const Run& run, const ReadyTable& ready);
  void evict_stages(size_t in_use);
  void drop_last_stage();
  void note_open_letter(const std::string& topic, std::string_view key);
  std::vector<catalog::TableName> record_updates(const std::vector<ReadyTable>& ready);
  void analyze_grown(const std::vector<ReadyTable>& ready);

  catalog::Catalog& catalog_;
  std::string source_name_;
  catalog::Connection connection_;
  TableShaper shaper_;
  Children children_;

  // Staging tables of this session, most recently used first; each is one temporary table.
  Stages stages_;
  std::map<StageKey, Stages::iterator> stage_of_;
  int64_t stages_made_ = 0;
  Clock::time_point work_tables_made_ = Clock::now();  // or emptied, which makes them as new

  std::map<catalog::SourceTableKey, int64_t> last_ends_;  // microseconds, as in the table
  std::set<catalog::TableName> snapshot_only_;            // created here, only snapshot rows so far
  struct Growth {
    int64_t rows = 0;
    int64_t next_analyze = 10'000;
  };
  std::map<catalog::TableName, Growth> growth_;
  std::map<catalog::TableName, Clock::time_point> updates_;  // recorded last
  // Letters of whose key nothing was applied since: hashes of topic and key, and the topics.
  std::set<uint64_t> open_letters_;
  std::set<std::string> topics_of_letters_;
  std::optional<catalog::StoredLetter> letter_;          // in hand, if it is tried again
  Applied outcome_;                                      // of the batch in hand
  std::string lane_in_hand_;                             // topic that an error is about
  std::shared_ptr<const catalog::Table> table_in_hand_;  // that a Misfit is about
};

}  // namespace metadb::ingest
