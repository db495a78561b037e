// Keys that a key change gives to a row while another one still has them: UPDATE t SET id = 3 - id
// comes as delete 1, insert 2, delete 2, insert 1, where the second delete is about the row that
// the first insert has displaced.
#include <algorithm>

#include "ingest/apply.h"

namespace metadb::ingest {
namespace {

struct ChainEvent {
  int64_t n = 0;
  bool is_delete = false;
  bool is_key_change = false;
  bool is_same = false;  // as what was before it
  int64_t ts_us = 0;
  std::optional<int64_t> ended_us{};  // when its key has ended before
};

// One key, as its changes come. The row that has it now began in `start_us`; another one has had it
// since before the transaction of `displaced_us`, and will have left it by its end.
class KeyInHand {
 public:
  KeyInHand() = default;
  KeyInHand(std::optional<int64_t> start_us, std::optional<int64_t> displaced_us)
      : start_us_(start_us.value_or(kNever)),
        is_live_(start_us.has_value()),
        displaced_us_(displaced_us.value_or(kNever)) {}

  // False: the change is about the row that was displaced, which is gone already.
  bool apply(const ChainEvent& event) {
    const bool is_expected = is_live_ && displaced_us_ == event.ts_us;
    if (event.is_delete) {
      displaced_us_ = kNever;
      if (is_expected) return false;
      start_us_ = std::max(start_us_, event.ts_us);
      is_live_ = false;
      return true;
    }
    // What began in the same transaction may be this very change, sent again.
    const bool displaces = is_live_ && start_us_ < event.ts_us;
    if (!event.is_key_change || (!displaces && !is_expected)) displaced_us_ = kNever;
    if (event.is_key_change && displaces) displaced_us_ = event.ts_us;
    displacing_n_ = event.n;
    if (!is_live_ || !event.is_same)
      start_us_ = std::max({start_us_, event.ts_us, event.ended_us.value_or(kNever)});
    is_live_ = true;
    return true;
  }
  // The change whose row is to be noted, if a delete is still expected.
  [[nodiscard]] std::optional<int64_t> displacing() const {
    return displaced_us_ == kNever ? std::nullopt : std::optional(displacing_n_);
  }

 private:
  static constexpr int64_t kNever = INT64_MIN;

  int64_t start_us_ = kNever;
  bool is_live_ = false;
  int64_t displaced_us_ = kNever;
  int64_t displacing_n_ = 0;
};

std::optional<int64_t> optional_int64(const catalog::Result& rows, int row, int column) {
  if (rows.is_null(row, column)) return std::nullopt;
  return rows.int64(row, column);
}

}  // namespace

void Applier::load_displaced() {
  displaced_.clear();
  const catalog::Result rows =
      connection_.exec("SELECT DISTINCT schema_name, table_name FROM metadb.displaced");
  for (int row = 0; row < rows.rows(); ++row)
    displaced_.emplace(rows.text(row, 0), rows.text(row, 1));
}

// Takes deletes of displaced rows out of the run; returns the changes to give to note_displaced().
// What is expected stands in the database, so that it does not matter where batches are cut.
std::vector<int64_t> Applier::settle_displaced(const Run& run, const ReadyTable& ready,
                                               const MergeSql& sql) {
  const int64_t end_us = last_end(ready);
  if (run.earliest_us() < end_us) queue(sql.look_up_ends(end_us));
  const catalog::TableName name(ready.table->schema, ready.table->current_name);
  const bool has_notes = displaced_.contains(name);
  if (letter_ || (run.key_changes.empty() && !has_notes)) return {};
  const catalog::Result rows = connection_.exec(queued_with(sql.key_chains(run.key_changes)));
  std::vector<int64_t> firsts;
  std::vector<int64_t> settled;
  std::vector<int64_t> displacing;
  KeyInHand key;
  const auto finish = [&] {
    if (const auto n = key.displacing()) displacing.push_back(*n);
  };
  for (int row = 0; row < rows.rows(); ++row) {
    const int64_t first = rows.int64(row, 0);
    if (firsts.empty() || firsts.back() != first) {
      finish();
      firsts.push_back(first);
      key = KeyInHand(optional_int64(rows, row, 6), optional_int64(rows, row, 7));
    }
    const ChainEvent event{rows.int64(row, 1),   rows.boolean(row, 2),
                           rows.boolean(row, 3), rows.boolean(row, 4),
                           rows.int64(row, 5),   optional_int64(rows, row, 8)};
    if (!key.apply(event)) settled.push_back(event.n);
  }
  finish();
  if (has_notes) queue(sql.forget_displaced(firsts));
  if (!settled.empty()) queue(sql.drop_changes(settled));
  if (!displacing.empty()) displaced_.insert(name);
  return displacing;
}

}  // namespace metadb::ingest
