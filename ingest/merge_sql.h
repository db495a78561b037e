// The statements of the temporal merge for one table and one shape of events (design, section 6).
//
// A run of changes is copied into a staging table, then paired with what came before (in the run,
// or the current row), filled, compared and written. Their number does not depend on the size of
// the run. Every statement names leaf tables, and finds rows in them by the index of their key or
// by their place, whatever the statistics say: the cost grows with the run, not with the table.
// REQUIRES for that: what Plans says.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "catalog/tables.h"
#include "ingest/change.h"

namespace metadb::ingest {

// The temporary tables of one writer that do not depend on the table it writes.
struct WorkTables {
  static std::vector<std::string> create();
  static std::string truncate();
  // The same, fast for few rows; who does only this makes the tables grow.
  static std::string remove();
};

// For the rest of a transaction, or until the other is said. Statistics come late to a table that
// grows: those of a few hundred rows make a scan of millions look cheap. Where all rows are read,
// sorting them for a join with a few is the worst that can be done.
struct Plans {
  static constexpr std::string_view kByIndex =
      "SET LOCAL enable_seqscan = off; SET LOCAL enable_mergejoin = on";
  static constexpr std::string_view kWholeTable =
      "SET LOCAL enable_seqscan = on; SET LOCAL enable_mergejoin = off";
};

// Most keys occur once in a run: their changes need no order.
enum class Keys : uint8_t {
  once,      // of the changes whose key occurs once in the run
  repeated,  // of the others
  all,       // of all changes, as if every key occurred again
};

class MergeSql {
 public:
  struct Shape {
    std::string stage;   // name of the staging table, in pg_temp
    std::string origin;  // __origin of the rows
  };
  // REQUIRES: every column of the schema is in the table, in a type that takes its values, and
  // the schema's key is the table's.
  MergeSql(const catalog::Table& table, const RowSchema& schema, Shape shape);

  [[nodiscard]] const std::string& stage_name() const { return shape_.stage; }
  // Whether events have other types than the table.
  [[nodiscard]] bool is_converted() const;
  [[nodiscard]] std::vector<std::string> create_stage() const;
  [[nodiscard]] std::string drop_stage() const;
  [[nodiscard]] std::string truncate_stage() const;
  [[nodiscard]] std::string remove_staged() const;
  [[nodiscard]] std::string copy_stage() const;
  // Where events are staged in their own types.
  [[nodiscard]] std::string target() const { return is_converted() ? raw() : stage(); }
  // Empty if the events have the table's types; else casts what was copied (never losing a value).
  [[nodiscard]] std::string convert() const;

  // For each column whose type is not that of the events, and may not take all of their values:
  // what fails on the staged events if one of these does not fit. A wider type of events' own does
  // not take a date after 294276, an infinity before PostgreSQL 14, or a text that is no JSON.
  struct Probe {
    std::string column;
    catalog::PgType event_type;
    std::string sql;
  };
  [[nodiscard]] std::vector<Probe> probes() const;

  // Whether the bytes of two keys differ if and only if they are two keys in the unique index.
  [[nodiscard]] bool tells_keys_apart() const;

  // Gives unavailable columns the last available value of their key's chain. Leaves in `u` the
  // columns for which there is none: what was never seen of a row was not seen of its next version.
  [[nodiscard]] std::string fill(const std::set<uint16_t>& unavailable, Keys keys) const;
  // RunKind::moved: the newest version of the old key (stage row n = 0) in the leaves, as (index of
  // the leaf, id); of those that had begun at `at_us`, first the one that ended then.
  [[nodiscard]] std::string find_old_row(const std::vector<std::string>& leaves,
                                         std::optional<int64_t> at_us = std::nullopt) const;
  // Leaves in `u` what was never seen of that row either.
  [[nodiscard]] std::string fill_from_old_row(const std::string& leaf, int64_t id,
                                              const std::set<uint16_t>& unavailable) const;
  [[nodiscard]] std::string drop_old_key() const;

  // Keys that a key change gives to a row while another one has them (displaced_sql.cc). In order,
  // the changes of each key that `key_changes` has, or whose current row is noted: (first n of the
  // key, n, delete, whether of a key change, whether equal to what was before it, and, in
  // microseconds, its time, the start of the current row (NULL: none), the time that is noted, and
  // what look_up_ends() has found).
  [[nodiscard]] std::string key_chains(const std::vector<int64_t>& key_changes) const;
  // Takes those changes out of the run.
  [[nodiscard]] std::string drop_changes(const std::vector<int64_t>& numbers) const;
  // Forgets what is noted of the current rows of these changes, and of rows that have gone.
  [[nodiscard]] std::string forget_displaced(const std::vector<int64_t>& numbers) const;
  // Notes the current row of each of these changes, with the time of the change.
  [[nodiscard]] std::string note_displaced(const std::vector<int64_t>& numbers) const;

  // Looks up in the history when the keys of events before `last_end_us` last ended.
  [[nodiscard]] std::string look_up_ends(int64_t last_end_us) const;
  // Pairs and compares: one row in `work` for each change that makes or ends a version.
  [[nodiscard]] std::string pair(const std::vector<Keys>& groups) const;
  // RunKind::replace (keyless_sql.cc): what a new image lacks stands in its old one.
  [[nodiscard]] std::string fill_from_before(const std::set<uint16_t>& unavailable) const;
  // Equal images have equal numbers: (n, image) of each staged row, and (image, __id, __start in
  // microseconds, place) of the first current rows that equal an old image, as many as there are
  // such images, in the order of their __id; what a row has no use for is NULL. One pass over the
  // table.
  [[nodiscard]] std::string images(bool has_record_hash) const;
  // pair() for RunKind::replace: which rows begin and end is known.
  struct Work {
    int64_t n = 0;
    bool is_delete = false;
    int64_t at_us = 0;
    std::optional<int64_t> next_us = {};
    std::optional<int64_t> current_id = {};
    std::string place = {};
  };
  [[nodiscard]] std::string put_work(const std::vector<Work>& rows) const;
  // What work holds: ends of current rows, versions for history, new current rows, and the
  // largest end that a delete wrote, in microseconds since 1970 (NULL if none).
  [[nodiscard]] static std::string summary();

  // Affects as many rows as the summary says, unless somebody has changed them meanwhile.
  [[nodiscard]] std::string end_current() const;
  [[nodiscard]] std::string insert_history() const;
  [[nodiscard]] std::string insert_current() const;
  [[nodiscard]] std::string record_unresolved(const std::set<uint16_t>& unavailable) const;
  // What an event has of a current row, and leaves as it is, is listed as never seen no more.
  // REQUIRES: a key.
  [[nodiscard]] std::string forget_unresolved() const;

  // RunKind::insert: every staged row is a new current row.
  [[nodiscard]] std::string insert_all() const;

  // A snapshot of this generation has seen the rows: what is not marked when it is over has gone.
  // The current rows of the staged keys, deletes aside. REQUIRES: a key.
  [[nodiscard]] std::string mark_keys(int64_t generation) const;
  // The current rows that `work` has made.
  [[nodiscard]] std::string mark_work(int64_t generation) const;
  // RunKind::insert: takes as many staged rows as there are current rows of their image without
  // this mark out of the staging table, and marks these.
  [[nodiscard]] std::string confirm_by_image(int64_t generation) const;
  // What has seen one row has seen the other.
  [[nodiscard]] std::string copy_mark(int64_t from_id, int64_t to_id) const;
  // insert_all(), with marks.
  [[nodiscard]] std::string insert_all_marked(int64_t generation) const;
  // No snapshot has seen the current rows of the origin.
  [[nodiscard]] static std::string forget_marks(const catalog::Table& table,
                                                const std::string& origin);
  // RunKind::truncate: ends every current row of the origin at `ts_us` or its start, if that is
  // later. Result: how many, and the largest end in microseconds (NULL if none).
  [[nodiscard]] static std::string end_all(const catalog::Table& table, const std::string& origin,
                                           int64_t ts_us);
  // The same, but for those that began at that time or later.
  [[nodiscard]] static std::string end_older(const catalog::Table& table, const std::string& origin,
                                             int64_t ts_us);
  // Versions of the past, in this leaf, that began before `ts_us` and ended after it end there.
  [[nodiscard]] static std::string cut_older(const std::string& leaf, const std::string& origin,
                                             int64_t ts_us);
  // A letter that is applied after later events of its key (late_sql.cc). `leaf`: a table with
  // versions of the key of the one staged row. Times are microseconds since 1970.
  struct Times {
    int64_t at_us = 0;      // of the event
    int64_t closed_us = 0;  // of the first later one
  };
  // Versions that may have held when the event came: __id, start, end (NULL: current), and whether
  // they equal the event.
  [[nodiscard]] std::string find_covering(const std::string& leaf, const Times& times) const;
  // The first version that starts at or after the event: __id, start, and whether it equals the
  // event.
  [[nodiscard]] std::string find_next(const std::string& leaf, int64_t at_us) const;
  // Such a version of history, or the current row, begins with the event instead.
  [[nodiscard]] std::string begin_version(const std::string& leaf, int64_t id, int64_t at_us) const;
  [[nodiscard]] std::string begin_current_row(int64_t id, int64_t at_us) const;
  // Ends a version of history, or the current row, which moves to history.
  [[nodiscard]] static std::string end_version(const std::string& leaf, int64_t id, int64_t at_us);
  [[nodiscard]] std::string end_current_row(int64_t id, int64_t at_us) const;
  // The staged row as a version of history; its __id.
  [[nodiscard]] std::string insert_late(int64_t start_us, int64_t end_us) const;
  // The version goes on after the event, with a new __id: until `end_us`, or as the current row.
  [[nodiscard]] std::string insert_rest(const std::string& leaf, int64_t id, int64_t start_us,
                                        std::optional<int64_t> end_us) const;
  // What was never seen of one row was not seen of the other.
  [[nodiscard]] std::string copy_unresolved(int64_t from_id, int64_t to_id) const;

  // For the tables transformed from the run's documents (child_sql.h): what `work` holds goes to
  // the table `roots`, as ChildSql makes it.
  [[nodiscard]] std::string keep_roots(const std::string& roots) const;
  // The same for the one staged row, a version of the past that begins at `at_us`.
  [[nodiscard]] std::string keep_late_root(const std::string& roots, int64_t at_us) const;
  // The documents, as (n, text) in order, of one column of the run's versions in `roots`, save
  // those that are NULL or unavailable. REQUIRES: the stage holds the column.
  [[nodiscard]] std::string documents(const std::string& roots, uint16_t column) const;
  // Index of that column in the stage; nullopt if the events lack it.
  [[nodiscard]] std::optional<uint16_t> stage_index(const std::string& column) const;

  // Snapshot path: rows of (__start, __end, __current, __origin, columns).
  [[nodiscard]] std::string copy_into_main() const;

 private:
  struct StageColumn {
    std::string stage;       // c0, c1, ...
    catalog::Column column;  // of the table
    catalog::PgType event_type;
    bool is_key = false;
  };
  [[nodiscard]] std::string stage() const { return "pg_temp." + shape_.stage; }
  [[nodiscard]] std::string raw() const { return "pg_temp." + shape_.stage + "_raw"; }
  [[nodiscard]] std::string join_condition(const std::string& stage_alias,
                                           const std::string& row_alias) const;
  [[nodiscard]] std::string partition_by(const std::string& stage_alias) const;
  [[nodiscard]] std::string with_current(const std::string& found) const;
  [[nodiscard]] std::string compared_current() const;
  [[nodiscard]] std::string current_values(const std::set<uint16_t>& unavailable) const;
  [[nodiscard]] std::string paired_once() const;
  [[nodiscard]] std::string paired_in_chains(Keys keys) const;
  [[nodiscard]] std::string fill_once(const std::set<uint16_t>& unavailable) const;
  [[nodiscard]] std::string image(const std::string& alias, bool of_stage) const;
  [[nodiscard]] std::string event_image(const std::string& alias, bool of_stage) const;
  [[nodiscard]] std::string origin_of(const std::string& alias, bool of_stage) const;
  [[nodiscard]] std::string image_hash(const std::string& alias, bool of_stage,
                                       bool has_record_hash) const;
  [[nodiscard]] std::string unresolved_of(const std::string& id,
                                          const std::set<uint16_t>& unavailable) const;
  [[nodiscard]] std::string numbered_names(const std::set<uint16_t>& unavailable) const;
  [[nodiscard]] std::string target_columns() const;
  [[nodiscard]] std::string stage_values(const std::string& alias) const;
  [[nodiscard]] std::vector<const StageColumn*> key() const;
  [[nodiscard]] std::string mark(const std::string& ids, int64_t generation) const;

  catalog::Table table_;
  Shape shape_;
  std::vector<StageColumn> columns_;
};

}  // namespace metadb::ingest
