// A source table in memory that is changed at random, in all ways at once, and what its connector
// says of that: rows with key and rows with NULL in it, chains and swaps of keys, values that
// PostgreSQL refuses, years apart.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/ingest/history_test.h"

namespace metadb::tests {

// Columns of the model: the key, its second part, a and b, either of which may be unavailable, and
// c.
inline constexpr size_t kColumnKey = 0;
inline constexpr size_t kColumnPart = 1;
inline constexpr size_t kColumnA = 2;
inline constexpr size_t kColumnB = 3;
inline constexpr size_t kColumnC = 4;

struct MixedShape {
  std::string name;
  catalog::PgType key = catalog::PgType::int4;
  bool has_part = false;  // a second key column, which may be NULL
  std::string stored;     // SQL of the key as the model has it
  bool has_key = true;    // or its columns are as any other

  // Some rows stand for themselves.
  [[nodiscard]] bool may_lack_key() const { return has_part || !has_key; }
};

struct MixedEvent {
  ingest::Op op = ingest::Op::update;
  std::string origin;
  int64_t ts_us = 0;
  ModelValues values;  // of a delete the key alone
  std::vector<size_t> unavailable;
  std::optional<ModelValues> before;   // the whole old row, of a row without key
  std::optional<ModelValues> old_key;  // of a row whose key changed
  bool is_bad = false;                 // a value that PostgreSQL refuses
};

inline bool lacks_key(const MixedShape& shape, const ModelValues& values) {
  return !shape.has_key || (shape.has_part && !values[kColumnPart]);
}

// A source table in memory, changed at random, and what its connector says of that.
class MixedSource {
 public:
  MixedSource(const MixedShape& shape, std::string origin, Random& random)
      : shape_(shape), origin_(std::move(origin)), random_(random) {}

  // Events of one transaction.
  std::vector<MixedEvent> transaction() {
    out_.clear();
    ts_us_ = random_.time_us() + (random_.one_in(40) ? 400 * kDayUs * (random_.below(3) - 1) : 0);
    for (int i = 1 + random_.below(3); i > 0; --i) change();
    return out_;
  }
  // All that it holds.
  std::vector<MixedEvent> snapshot() {
    out_.clear();
    ts_us_ = random_.time_us();
    for (const ModelValues& row : rows_) say(ingest::Op::read, row);
    return out_;
  }

 private:
  void change() {
    const int dice = random_.below(100);
    if (dice < 3) {
      say(ingest::Op::truncate, {});
      rows_.clear();
    } else if (rows_.empty() || dice < 30) {
      insert();
    } else if (dice < 45) {
      remove(pick());
    } else if (dice < 60 && move(pick())) {
      return;
    } else if (dice < 63) {
      swap();
    } else {
      update(pick());
    }
  }

  std::optional<std::string> value() {
    if (random_.one_in(5)) return std::nullopt;
    return "v" + std::to_string(random_.below(3));
  }
  ModelValues new_row() {
    ModelValues row(5);
    row[kColumnKey] = std::to_string(random_.below(6));
    if (shape_.has_part && !random_.one_in(4))
      row[kColumnPart] = "p" + std::to_string(random_.below(2));
    for (const size_t column : {kColumnA, kColumnB, kColumnC}) row[column] = value();
    return row;
  }
  size_t pick() { return static_cast<size_t>(random_.below(static_cast<int>(rows_.size()))); }
  [[nodiscard]] bool is_taken(const ModelValues& row) const {
    return !lacks_key(shape_, row) && std::ranges::any_of(rows_, [&](const ModelValues& other) {
      return !lacks_key(shape_, other) && other[kColumnKey] == row[kColumnKey] &&
             other[kColumnPart] == row[kColumnPart];
    });
  }

  MixedEvent& say(ingest::Op op, ModelValues values) {
    return out_.emplace_back(MixedEvent{op, origin_, ts_us_, std::move(values), {}, {}, {}, false});
  }
  void say_removed(const ModelValues& row) {
    ModelValues key(5);
    key[kColumnKey] = row[kColumnKey];
    key[kColumnPart] = row[kColumnPart];
    MixedEvent& event = say(ingest::Op::remove, key);
    if (lacks_key(shape_, row)) event.before = row;
  }

  void insert() {
    const ModelValues row = new_row();
    if (is_taken(row)) return;
    MixedEvent& event = say(ingest::Op::create, row);
    // Then the source knows of a row that is not here.
    event.is_bad = random_.one_in(12);
    rows_.push_back(row);
  }
  void remove(size_t at) {
    say_removed(rows_[at]);
    rows_.erase(rows_.begin() + static_cast<ptrdiff_t>(at));
  }
  void update(size_t at) {
    const ModelValues before = rows_[at];
    ModelValues& row = rows_[at];
    const bool changes = !random_.one_in(5);
    for (const size_t column : {kColumnA, kColumnB, kColumnC}) {
      if (changes && random_.one_in(2)) row[column] = value();
    }
    MixedEvent& event = say(ingest::Op::update, row);
    if (lacks_key(shape_, row)) event.before = before;
    withhold(event, before);
    event.is_bad = random_.one_in(15);
  }
  // What did not change may be unavailable.
  void withhold(MixedEvent& event, const ModelValues& before) {
    for (const size_t column : {kColumnA, kColumnB}) {
      if (event.values[column] == before[column] && random_.one_in(2))
        event.unavailable.push_back(column);
    }
  }
  bool move(size_t at) {
    ModelValues to = rows_[at];
    to[kColumnKey] = std::to_string(random_.below(6));
    if (is_taken(to) || to == rows_[at]) return false;
    move_to(at, to);
    return true;
  }
  void move_to(size_t at, const ModelValues& to) {
    const ModelValues from = rows_[at];
    say_removed(from);
    MixedEvent& event = say(ingest::Op::create, to);
    if (!lacks_key(shape_, from)) {
      event.old_key = from;
      withhold(event, from);
    }
    rows_[at] = to;
  }
  // Two rows take each other's key, by way of a third one.
  void swap() {
    const size_t one = pick();
    const size_t other = pick();
    ModelValues aside = rows_[one];
    if (one == other || lacks_key(shape_, rows_[one]) || lacks_key(shape_, rows_[other])) return;
    aside[kColumnKey] = "99";
    if (is_taken(aside)) return;
    ModelValues to_one = rows_[other];
    ModelValues to_other = rows_[one];
    for (const size_t column : {kColumnKey, kColumnPart})
      std::swap(to_one[column], to_other[column]);
    move_to(one, aside);
    move_to(other, to_one);
    move_to(one, to_other);
  }

  const MixedShape& shape_;
  std::string origin_;
  Random& random_;
  int64_t ts_us_ = 0;
  std::vector<ModelValues> rows_;
  std::vector<MixedEvent> out_;
};

}  // namespace metadb::tests
