// Changes on their way into one PostgreSQL transaction.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "catalog/dead_letters.h"
#include "catalog/positions.h"
#include "catalog/synchronization.h"
#include "catalog/tables.h"
#include "ingest/change.h"
#include "ingest/confirmation.h"
#include "ingest/message_store.h"
#include "ingest/source.h"
#include "ingest/status.h"

namespace metadb::ingest {

// How a stretch of changes of one source table is applied.
enum class RunKind : uint8_t {
  merge,     // keyed changes: pair, fill, compare, write
  insert,    // rows without key, or with NULL in it: each is a row of its own
  replace,   // changes without key, some of which have an old image: of the i-th change, it has n
             // 2i - 1 and is marked as a delete, and the new one has n 2i
  moved,     // the insert half of a key change with unavailable columns: rows hold its old key
             // (n 0) and itself (n 1)
  truncate,  // ends every current row of the origin, or spares those that began at its time or
             // later (spares_newer); holds no rows
};

// A stretch of consecutive changes of one source table that one merge can take: same schema, no
// truncate in between. `rows` are tuples of the staging layout, ready for binary COPY:
//   n bigint, d boolean (delete), ts timestamptz, r boolean (another change of the run has the same
//   key), u smallint[] (unavailable columns), c0, c1, ...
// Runs are applied in order; a run may be cut anywhere without changing the outcome.
struct Run {
  RunKind kind = RunKind::merge;
  std::shared_ptr<const RowSchema> schema;  // null for a truncate
  std::string rows;
  std::vector<size_t> row_ends;    // end of each tuple in rows
  std::vector<Message> messages;   // what each change came from, for dead letters
  std::vector<int64_t> times_us;   // of each change
  std::set<uint16_t> unavailable;  // columns that are unavailable in some row
  std::set<int> years;             // of the event times, UTC
  bool is_snapshot = true;         // every change is a snapshot read
  bool has_delete = false;
  // The n of each insert that is half of a key change. Those of a slice hold for the whole run.
  std::vector<int64_t> key_changes;
  // The snapshot generation that the rows which it leaves are marked with; 0: none.
  int64_t generation = 0;
  // What rows of this generation have confirmed in the table before it counts no more.
  bool begins_anew = false;
  bool has_repeats = false;  // some key occurs more than once
  // RunKind::moved: the old key, as its record's key or the header has it.
  std::optional<std::string> old_key;
  bool spares_newer = false;

  [[nodiscard]] size_t changes() const { return messages.size(); }
  [[nodiscard]] int64_t earliest_us() const;
  // Changes [begin, end) as a run of their own. REQUIRES: kind merge, insert
  // or replace.
  [[nodiscard]] Run slice(size_t begin, size_t end) const;
  // These changes, in order, as a run of their own. REQUIRES: as slice() does.
  [[nodiscard]] Run of_changes(const std::vector<size_t>& kept) const;
  // Whether values of the row are unavailable. REQUIRES: kind merge or moved.
  [[nodiscard]] bool leaves_values_out(size_t change) const;

  // Where the tuple of the first change of a key begins, by a hash of the key's cells: two keys
  // that share one only take the longer way.
  std::unordered_map<uint64_t, size_t> by_key;
};

struct TableChanges {
  std::shared_ptr<const EventTable> table;
  std::string topic;  // of the lane
  std::vector<Run> runs;
  // Where they go, as far as who collected them knows; empty: it does not matter to it.
  catalog::TableName target{};
};

// Rows and the positions that produced them. Applying a batch twice equals once, because the
// second time its positions are fenced or already past. All changes come from one source.
class Batch {
 public:
  // REQUIRES: !must_cut(change). `from` is copied. Throws DecodeError-like
  // catalog::Error 22xxx/0A000 for a change that can't be applied whatever the table holds.
  void add(const Change& change, const Message& from, const Confirmation& confirmation = {});
  // The truncate that was added last comes behind changes that were made after it.
  void spare_newer(const std::shared_ptr<const EventTable>& table);
  // Whether the change must open a new batch: its table's key has another definition now, and
  // the earlier changes must be committed under the old one.
  [[nodiscard]] bool must_cut(const Change& change) const;
  // Changes of the table are collected here because they go there. REQUIRES: holds(table).
  void set_target(const std::shared_ptr<const EventTable>& table, const catalog::TableName& target);
  void add_dead_letter(catalog::DeadLetter letter);
  [[nodiscard]] bool holds(const std::shared_ptr<const EventTable>& table) const;

  // Partitions that some message of the batch, applied or skipped, came from.
  std::set<TopicPartition> touched;
  // Their positions after the batch; complete when it is handed over.
  std::map<TopicPartition, catalog::Position> positions;
  // All of its lane, which stood: should it still stand, the others must not wait for it for long.
  bool is_trial = false;
  // The batch is one letter that is tried again: it moves no position.
  struct Retried {
    int64_t letter_id = 0;
    catalog::Position fence;
  };
  std::optional<Retried> retried;

  // What it has of the snapshot that its source synchronizes with.
  struct OfSnapshot {
    int64_t generation = 0;
    catalog::SnapshotNews news;
  };
  OfSnapshot snapshot;

  // What became of the events between their positions before it and after it.
  std::map<TopicPartition, EventCounts> counts;

  [[nodiscard]] const std::vector<TableChanges>& tables() const { return tables_; }
  [[nodiscard]] const std::vector<catalog::DeadLetter>& dead_letters() const {
    return dead_letters_;
  }
  [[nodiscard]] size_t changes() const { return changes_; }
  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  TableChanges& changes_of(const Change& change, const Message& from);
  Run& open_run(TableChanges& table, RunKind kind, const Change& change,
                const Confirmation& confirmation);

  std::vector<TableChanges> tables_;
  // The index of the change's table in tables_, by name: objects that describe one table differ
  // where a decoder has forgotten the first.
  [[nodiscard]] std::optional<size_t> index_of(
      const std::shared_ptr<const EventTable>& table) const;

  std::map<std::shared_ptr<const EventTable>, size_t> by_table_;
  std::vector<catalog::DeadLetter> dead_letters_;
  MessageStore messages_;
  size_t changes_ = 0;
  size_t bytes_ = 0;
};

// How this change is applied. Throws catalog::Error 0A000 for one that can't be.
RunKind kind_of(const Change& change);

// Year of a time in UTC.
int utc_year(int64_t unix_us);

}  // namespace metadb::ingest
