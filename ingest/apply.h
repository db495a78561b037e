// Writes batches into tables: rows and the positions that produced them in one transaction.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catalog/catalog.h"
#include "ingest/batch.h"
#include "ingest/children.h"
#include "ingest/merge_sql.h"
#include "ingest/stage_times.h"
#include "ingest/stages.h"
#include "ingest/table_shaper.h"

namespace metadb::ingest {

struct Applied {
  int64_t changes = 0;       // in the batch
  int64_t versions = 0;      // rows written: new current rows and superseded versions
  int64_t dead_letters = 0;  // set aside, while decoding or here
  std::map<std::string, size_t> letters{};  // the same, by topic
  StageTimes times{};
  // Of a letter that was tried again: why it stays.
  std::optional<catalog::Error> refusal = std::nullopt;
  bool is_waiting = false;  // that is, for another letter
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

  // So many records of a key, or a batch more, wait behind one of them that was set aside; then the
  // topic stops.
  static constexpr int64_t kFollowersMax = 1000;

  using Clock = std::chrono::steady_clock;
  // What can wait until there is nothing to apply, at `now`: statistics of tables that have grown,
  // indexes of those that are loaded, staging tables that nobody needs. Throws Error. REQUIRES: no
  // apply() at the same time.
  void tidy_up(Clock::time_point now);
  // Of these, the indexes: they may be due while batches of other tables come.
  void index_loaded(Clock::time_point now);

  // Asks PostgreSQL to cancel what the applier waits for; from any thread.
  void cancel(std::chrono::milliseconds timeout) const { connection_.cancel(timeout); }
  // What it waits for fails, whatever PostgreSQL does; from any thread.
  void break_off() const { connection_.break_off(); }
  [[nodiscard]] int backend_pid() const { return connection_.backend_pid(); }

 private:
  std::vector<ReadyTable> prepare(const Batch& batch);
  void start_over(const catalog::Error& reason);
  Applied write(const Batch& batch, const std::vector<ReadyTable>& ready);
  bool begin_writing(const Batch& batch, const std::vector<ReadyTable>& ready);
  bool begin_letter(const Batch::Retried& retried);
  void await_turn(const Batch& batch);
  void end_letter(const Batch& batch, const std::vector<ReadyTable>& ready);
  bool apply_late(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void apply_late_change(const Run& run, const ReadyTable& ready, const MergeSql& sql,
                         bool is_filled);
  void close_letters(const Run& run, const ReadyTable& ready);
  [[nodiscard]] std::optional<catalog::Error> objection(const Batch& batch) const;
  void forget_closed_letters(const Batch& batch);
  void set_undecodable_aside(const Batch& batch);
  [[nodiscard]] bool may_be_open(const Message& message) const;
  [[nodiscard]] bool meets_letters(const Run& run) const;
  bool meets_letters(const TableChanges& changes);
  std::optional<catalog::Ahead> letter_ahead_of(const Run& run, size_t change);
  std::vector<size_t> set_followers_aside(const Run& run, const ReadyTable& ready);
  void set_follower_aside(const Run& run, size_t change, const ReadyTable& ready,
                          const catalog::Ahead& ahead);
  [[nodiscard]] catalog::DeadLetter letter_of(const Run& run, size_t change) const;
  void close_by_versions(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void share_streams(const Batch& batch, const std::vector<ReadyTable>& ready);
  void apply_table(const TableChanges& changes, const ReadyTable& ready);
  void apply_run(const Run& run, const ReadyTable& ready);
  void try_run(const Run& run, const ReadyTable& ready);
  template <class Work>
  std::optional<catalog::Error> data_error_of(const ReadyTable& ready, const Work& work);
  void write_run(const Run& run, const ReadyTable& ready);
  void bisect(const Run& run, const ReadyTable& ready, const catalog::Error& reason);
  void park(const Run& run, const ReadyTable& ready, const catalog::Error& reason);
  void execute(const Run& run, const ReadyTable& ready);
  void insert(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  static std::vector<Keys> key_groups(const Run& run, const MergeSql& sql);
  void copy_staged(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void merge(const Run& run, const ReadyTable& ready, const MergeSql& sql,
             const std::vector<int64_t>& displacing);
  void replace(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void fill_moved(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  bool fill_from_old_key(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void load_displaced();
  std::vector<int64_t> settle_displaced(const Run& run, const ReadyTable& ready,
                                        const MergeSql& sql);
  void truncate(const Run& run, const ReadyTable& ready);
  void find_misfit(const Run& run, const ReadyTable& ready);
  void check_types(const catalog::Table& table);
  bool may_be_copied(const Run& run, const ReadyTable& ready);
  bool copy_snapshot(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void write_work(const Run& run, const ReadyTable& ready, const MergeSql& sql);
  void raise_last_end(const ReadyTable& ready, int64_t end_us);
  int64_t last_end(const ReadyTable& ready);
  const MergeSql& stage(const Run& run, const ReadyTable& ready);
  // Statements whose results nobody waits for go with the next that is waited for.
  void queue(const std::string& sql) { queued_ += sql + "; "; }
  std::string queued_with(const std::string& sql) { return std::exchange(queued_, {}) + sql; }
  void note_open_letter(const std::string& topic, std::string_view key);
  std::vector<catalog::TableName> record_updates(const std::vector<ReadyTable>& ready);
  void note_grown(const std::vector<ReadyTable>& ready);

  catalog::Catalog& catalog_;
  std::string source_name_;
  catalog::Connection connection_;
  TableShaper shaper_;
  Children children_;

  Stages stages_;
  std::string queued_;

  // As the catalog has it, for as long as no command has changed the table: it may have ended rows.
  struct LastEnd {
    int64_t revision = 0;
    int64_t end_us = 0;
  };
  std::map<catalog::SourceTableKey, LastEnd> last_ends_;
  std::set<catalog::TableName> merged_;     // into which more than snapshots came
  std::set<catalog::TableName> unseen_;     // some of whose values were never seen
  std::set<catalog::TableName> displaced_;  // in which rows are noted that took another one's key
  bool lacks_year_ = false;  // the batch in hand has ended versions of a year without partition
  struct Growth {
    int64_t rows = 0;
    int64_t next_analyze = 10'000;
  };
  std::map<catalog::TableName, Growth> growth_;
  std::set<catalog::TableName> grown_;                       // and not analyzed since
  std::map<catalog::TableName, Clock::time_point> updates_;  // recorded last
  Clock::time_point next_index_;
  // Letters of whose key nothing was applied since: hashes of topic and key.
  std::set<uint64_t> open_letters_;
  std::set<std::string, std::less<>> topics_of_letters_;  // of these and of others
  std::set<uint64_t> new_letters_;                        // of the batch in hand
  std::set<uint64_t> closed_letters_;                     // by it
  std::optional<catalog::StoredLetter> letter_;           // in hand, if it is tried again
  std::optional<catalog::LetterAt> ahead_;                // that it must wait for
  std::map<std::pair<std::string, std::string>, int64_t> followers_in_hand_;  // by topic and key
  Applied outcome_;                                      // of the batch in hand
  StageTimes times_;                                     // of that, all tries
  std::string lane_in_hand_;                             // topic that an error is about
  std::shared_ptr<const catalog::Table> table_in_hand_;  // that a Misfit is about
};

}  // namespace metadb::ingest
