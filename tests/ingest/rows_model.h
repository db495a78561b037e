// What the rows of one table must be after a series of changes, with or without key, whose shape
// changes on the way: event by event, in memory, in the plainest way.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace metadb::tests {

// All columns that the table ever gets, as texts; nullopt = NULL.
using ModelValues = std::vector<std::optional<std::string>>;

struct ModelRow {
  std::string origin;
  int64_t start_us = 0;
  int64_t end_us = INT64_MAX;  // INT64_MAX: current
  ModelValues values;
  std::set<size_t> unseen = {};  // columns whose value never came
};

class RowsModel {
 public:
  explicit RowsModel(std::vector<size_t> key) : key_(std::move(key)) {}

  // An insert, update or read. `unavailable`: columns to take from the row's predecessor, or, if it
  // was moved, from the newest version of the key in `old_key` (values of its columns).
  void upsert(const std::string& origin, int64_t ts_us, ModelValues values,
              const std::vector<size_t>& unavailable = {},
              const std::optional<ModelValues>& old_key = std::nullopt) {
    ModelRow* current = current_of(origin, values);
    const ModelRow* before = old_key ? newest_of(origin, *old_key) : nullptr;
    if (before == nullptr) before = current;
    std::set<size_t> unseen;
    for (const size_t column : unavailable) {
      values[column] = before == nullptr ? std::nullopt : before->values[column];
      if (before == nullptr || before->unseen.contains(column)) unseen.insert(column);
    }
    if (current != nullptr && current->values == values) {
      std::erase_if(current->unseen, [&](size_t column) { return !unseen.contains(column); });
      return;
    }
    int64_t start_us = ts_us;
    for (const ModelRow& row : rows_) {
      if (!is_same_key(row, origin, values)) continue;
      start_us = std::max(start_us, &row == current ? row.start_us : row.end_us);
    }
    if (current != nullptr) current->end_us = start_us;
    rows_.push_back({origin, start_us, INT64_MAX, std::move(values), std::move(unseen)});
  }
  void remove(const std::string& origin, int64_t ts_us, const ModelValues& values) {
    if (ModelRow* current = current_of(origin, values)) end(*current, ts_us);
  }
  void truncate(const std::string& origin, int64_t ts_us) {
    for (ModelRow& row : rows_) {
      if (row.origin == origin && row.end_us == INT64_MAX) end(row, ts_us);
    }
  }

  // Rows without key.
  void insert(const std::string& origin, int64_t ts_us, ModelValues values) {
    rows_.push_back({origin, ts_us, INT64_MAX, std::move(values)});
  }
  // Ends the oldest current row equal to `before`; nullopt in place of `after`: a delete. Does
  // nothing and says so if there is no such row.
  bool replace(const std::string& origin, int64_t ts_us, const ModelValues& before,
               const std::optional<ModelValues>& after) {
    const auto found = std::ranges::find_if(rows_, [&](const ModelRow& row) {
      return row.origin == origin && row.end_us == INT64_MAX && row.values == before;
    });
    if (found == rows_.end()) return false;
    if (after == before) return true;
    end(*found, ts_us);
    if (after) insert(origin, found->end_us, *after);
    return true;
  }

  // From now on these columns are the key. Of the current rows that share it the newest stays.
  void change_key(std::vector<size_t> key) {
    key_ = std::move(key);
    std::map<std::string, std::vector<ModelRow*>> groups;
    for (ModelRow& row : rows_) {
      if (row.end_us == INT64_MAX && has_key(row.values)) groups[identity(row)].push_back(&row);
    }
    for (auto& [name, rows] : groups) {
      int64_t end_us = 0;
      for (const ModelRow* row : rows) end_us = std::max(end_us, row->start_us);
      rows.pop_back();
      for (ModelRow* row : rows) row->end_us = end_us;
    }
  }

  [[nodiscard]] const std::vector<ModelRow>& rows() const { return rows_; }

 private:
  static void end(ModelRow& row, int64_t ts_us) { row.end_us = std::max(ts_us, row.start_us); }
  [[nodiscard]] bool has_key(const ModelValues& values) const {
    return std::ranges::all_of(key_, [&](size_t column) { return values[column].has_value(); });
  }
  [[nodiscard]] bool is_same_key(const ModelRow& row, const std::string& origin,
                                 const ModelValues& values) const {
    return row.origin == origin && has_key(row.values) &&
           std::ranges::all_of(key_,
                               [&](size_t column) { return row.values[column] == values[column]; });
  }
  // The last of them to be made.
  const ModelRow* newest_of(const std::string& origin, const ModelValues& values) const {
    const ModelRow* out = nullptr;
    for (const ModelRow& row : rows_) {
      if (is_same_key(row, origin, values)) out = &row;
    }
    return out;
  }
  ModelRow* current_of(const std::string& origin, const ModelValues& values) {
    for (ModelRow& row : rows_) {
      if (row.end_us == INT64_MAX && is_same_key(row, origin, values)) return &row;
    }
    return nullptr;
  }
  [[nodiscard]] std::string identity(const ModelRow& row) const {
    std::string out = row.origin;
    for (const size_t column : key_) out += "/" + *row.values[column];
    return out;
  }

  std::vector<size_t> key_;
  std::vector<ModelRow> rows_;  // in the order in which they were made
};

}  // namespace metadb::tests
