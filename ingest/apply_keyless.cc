// Changes of rows without key: each acts on the oldest current row that equals its old image.
#include <fmt/format.h>

#include <deque>
#include <map>

#include "ingest/apply.h"

namespace metadb::ingest {
namespace {

using catalog::Error;
using Work = MergeSql::Work;

// Images by their numbers.
struct KeylessChange {
  int64_t n = 0;  // of its new image in the stage; that of its old one is one less
  int64_t ts_us = 0;
  std::optional<int64_t> before{};
  std::optional<int64_t> after{};
};

// A current row of the table, or a version that a change of the run has begun.
struct KeylessRow {
  int64_t start_us = 0;
  std::optional<int64_t> id{};    // of the table's
  std::string place{};            // its ctid; empty: the table has no such row yet
  std::optional<size_t> begun{};  // index into the work
};

// The current rows of each image, oldest first, as change after change makes them.
class KeylessRows {
 public:
  void add(int64_t image, KeylessRow row) { rows_[image].push_back(std::move(row)); }
  // False: no current row equals the old image, and nothing was done.
  bool apply(const KeylessChange& change) {
    if (!change.before) {
      begin(change, change.ts_us, {});
      return true;
    }
    std::deque<KeylessRow>& equal = rows_[*change.before];
    if (equal.empty()) return false;
    if (change.before == change.after) return true;
    const KeylessRow old = std::move(equal.front());
    equal.pop_front();
    const int64_t at_us = std::max(change.ts_us, old.start_us);
    if (old.begun) work_[*old.begun].next_us = at_us;
    if (change.after) {
      begin(change, at_us, old);
    } else {
      work_.push_back({change.n - 1, true, at_us, std::nullopt, old.id, old.place});
    }
    return true;
  }
  // In the order of their n.
  [[nodiscard]] const std::vector<Work>& work() const { return work_; }

 private:
  void begin(const KeylessChange& change, int64_t at_us, const KeylessRow& old) {
    add(*change.after, {at_us, std::nullopt, "", work_.size()});
    work_.push_back({change.n, false, at_us, std::nullopt, old.id, old.place});
  }

  std::map<int64_t, std::deque<KeylessRow>> rows_;
  std::vector<Work> work_;
};

}  // namespace

// Whatever an event means whose old row is not here is not here either: a delete would leave no
// trace, an update would make a row beside the one that it is about. It is set aside.
void Applier::replace(const Run& run, const ReadyTable& ready, const MergeSql& sql) {
  if (!run.unavailable.empty()) queue(sql.fill_from_before(run.unavailable));
  queue(std::string(Plans::kWholeTable));
  const bool has_record_hash = connection_.server_version() >= 140000;
  const catalog::Result images = connection_.exec(queued_with(sql.images(has_record_hash)));
  queue(std::string(Plans::kByIndex));
  KeylessRows rows;
  std::map<int64_t, KeylessChange> changes;
  for (int row = 0; row < images.rows(); ++row) {
    const int64_t image = images.int64(row, 1);
    if (images.is_null(row, 0)) {
      rows.add(image, {images.int64(row, 3), images.int64(row, 2), std::string(images.text(row, 4)),
                       std::nullopt});
      continue;
    }
    const int64_t n = images.int64(row, 0);
    KeylessChange& change = changes[(n + 1) / 2];
    (n % 2 == 0 ? change.after : change.before) = image;
  }
  size_t index = 0;
  for (auto& [number, change] : changes) {
    change.n = 2 * number;
    change.ts_us = run.times_us.at(index);
    if (!rows.apply(change)) {
      park(run.slice(index, index + 1), ready,
           Error("02000", fmt::format("no current row of {} equals the old row of this {}",
                                      ready.table->current(), change.after ? "update" : "delete"))
               .with_hint("The row was written before the topic begins, or was changed here."));
    }
    ++index;
  }
  if (rows.work().empty()) return;
  queue(sql.put_work(rows.work()));
  write_work(run, ready, sql);
}

}  // namespace metadb::ingest
