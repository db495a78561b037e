#include "ingest/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "ingest/copy_format.h"

namespace metadb::ingest {
namespace {

// Partitions are made by year, and a row's __end of 9999 means "current".
constexpr int kFirstYear = 1900;
constexpr int kLastYear = 9998;

struct Tuple {
  int64_t n = 0;
  bool is_delete = false;
  int64_t ts_us = 0;
};

// Of the byte that says whether the key occurs again, from the beginning of a tuple.
constexpr size_t kRepeatedAt = 2 + 12 + 5 + 12 + 4;
// The array of the unavailable columns, behind it; NULL if there are none.
constexpr size_t kUnavailableAt = kRepeatedAt + 1;

void append_tuple(std::string& out, const Tuple& tuple, size_t columns, const Row& row) {
  append_big_endian<int16_t>(out, static_cast<int16_t>(5 + columns));
  append_int8(out, tuple.n);
  append_boolean(out, tuple.is_delete);
  append_timestamptz(out, tuple.ts_us);
  append_boolean(out, false);
  if (row.unavailable.empty()) {
    append_null(out);
  } else {
    append_int2_array(out, row.unavailable);
  }
  out += row.fields;
}

// Position of each cell in a Row's fields.
std::vector<size_t> cell_offsets(const std::string& fields, size_t columns) {
  std::vector<size_t> offsets;
  offsets.reserve(columns);
  size_t at = 0;
  for (size_t i = 0; i < columns; ++i) {
    offsets.push_back(at);
    const int32_t length = read_int32(fields.data() + at);
    at += 4 + (length > 0 ? static_cast<size_t>(length) : 0);
  }
  return offsets;
}

// That cell of a Row's fields.
const char* cell(const std::string& fields, size_t column) {
  const char* at = fields.data();
  for (size_t i = 0; i < column; ++i) at += 4 + std::max(0, read_int32(at));
  return at;
}

bool has_null_key(const Change& change) {
  const RowSchema& schema = *change.schema;
  if (schema.key.empty()) return true;
  return std::ranges::any_of(
      schema.key, [&](uint16_t column) { return read_int32(cell(change.row.fields, column)) < 0; });
}

// FNV-1a.
uint64_t key_hash(const RowSchema& schema, const std::string& fields) {
  constexpr uint64_t kPrime = 1099511628211ULL;
  uint64_t hash = 14695981039346656037ULL;
  for (const uint16_t column : schema.key) {
    const char* bytes = cell(fields, column);
    const int32_t size = 4 + std::max(0, read_int32(bytes));
    for (int32_t i = 0; i < size; ++i)
      hash = (hash ^ static_cast<unsigned char>(bytes[i])) * kPrime;
  }
  return hash;
}

// The tuple at `begin` is that of a change that was just appended.
void note_key(Run& run, const Change& change, size_t begin) {
  const auto [found, is_first] =
      run.by_key.try_emplace(key_hash(*run.schema, change.row.fields), begin);
  if (is_first) return;
  run.rows[found->second + kRepeatedAt] = '\1';
  run.rows[begin + kRepeatedAt] = '\1';
  run.has_repeats = true;
}

// A row that holds only the old key, in its columns.
Row key_row(const RowSchema& schema, const std::string& key_fields) {
  const std::vector<size_t> cells = cell_offsets(key_fields, schema.key.size());
  std::vector<std::string_view> by_column(schema.columns.size());
  for (size_t i = 0; i < schema.key.size(); ++i) {
    const size_t end = i + 1 < cells.size() ? cells[i + 1] : key_fields.size();
    by_column[schema.key[i]] = std::string_view(key_fields).substr(cells[i], end - cells[i]);
  }
  Row row;
  for (const std::string_view cell : by_column) {
    if (cell.empty()) {
      append_null(row.fields);
    } else {
      row.fields += cell;
    }
  }
  return row;
}

std::vector<std::string> key_names(const RowSchema& schema) {
  std::vector<std::string> names;
  for (const uint16_t column : schema.key) names.push_back(schema.columns[column].name);
  return names;
}

void append_rows(Run& run, const Change& change) {
  const size_t columns = run.schema->columns.size();
  const bool is_by_image = run.kind == RunKind::replace;
  const auto number = static_cast<int64_t>(run.changes()) + 1;
  const int64_t n = is_by_image ? 2 * number : number;
  const bool is_delete = change.op == Op::remove;
  if (is_by_image && change.before)
    append_tuple(run.rows, {n - 1, true, change.ts_us}, columns, *change.before);
  if (run.kind == RunKind::moved) {
    append_tuple(run.rows, {0, false, change.ts_us}, columns,
                 key_row(*run.schema, *change.fill_key));
  }
  const size_t begin = run.rows.size();
  if (!is_by_image || !is_delete)
    append_tuple(run.rows, {n, is_delete, change.ts_us}, columns, change.row);
  if (run.kind == RunKind::merge) note_key(run, change, begin);
  run.row_ends.push_back(run.rows.size());
}

// Rows without key that a snapshot confirms are looked for among those that are there; what is
// inserted is not.
bool is_continued(const Run& run, RunKind kind, const Change& change, int64_t generation) {
  const bool is_same_kind = run.kind == kind && run.generation == generation;
  if (!is_same_kind || (run.schema != change.schema && *run.schema != *change.schema)) return false;
  return kind != RunKind::insert || generation == 0 || run.is_snapshot == (change.op == Op::read);
}

}  // namespace

RunKind kind_of(const Change& change) {
  if (change.op == Op::truncate) return RunKind::truncate;
  if (!has_null_key(change)) {
    const bool is_moved =
        change.op == Op::create && change.fill_key && !change.row.unavailable.empty();
    return is_moved ? RunKind::moved : RunKind::merge;
  }
  if (change.op == Op::create || change.op == Op::read) return RunKind::insert;
  if (!change.before) {
    throw catalog::Error("0A000", fmt::format("{} of a row without key in {}.{}",
                                              change.op == Op::remove ? "delete" : "update",
                                              change.table->schema, change.table->table))
        .with_hint(
            "Give the table a primary key, or ALTER TABLE ... REPLICA IDENTITY FULL in the "
            "source.");
  }
  return RunKind::replace;
}

int utc_year(int64_t unix_us) {
  const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(unix_us)};
  return static_cast<int>(
      std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(time)).year());
}

int64_t Run::earliest_us() const {
  return times_us.empty() ? INT64_MAX : *std::ranges::min_element(times_us);
}

Run Run::slice(size_t begin, size_t end) const {
  std::vector<size_t> kept(end - begin);
  std::iota(kept.begin(), kept.end(), begin);
  return of_changes(kept);
}

Run Run::of_changes(const std::vector<size_t>& kept) const {
  Run out;
  out.kind = kind;
  out.schema = schema;
  for (const size_t i : kept) {
    const size_t from = i == 0 ? 0 : row_ends[i - 1];
    out.rows.append(rows, from, row_ends[i] - from);
    out.row_ends.push_back(out.rows.size());
    out.messages.push_back(messages[i]);
    out.times_us.push_back(times_us[i]);
  }
  out.unavailable = unavailable;
  out.years = years;
  out.is_snapshot = is_snapshot;
  out.has_delete = has_delete;
  out.key_changes = key_changes;
  out.generation = generation;
  out.begins_anew = begins_anew && !kept.empty() && kept.front() == 0;
  out.has_repeats = has_repeats;
  out.old_key = old_key;
  return out;
}

bool Run::leaves_values_out(size_t change) const {
  if (kind == RunKind::moved) return true;
  const size_t begin = change == 0 ? 0 : row_ends[change - 1];
  return !unavailable.empty() && read_int32(rows.data() + begin + kUnavailableAt) >= 0;
}

bool Batch::must_cut(const Change& change) const {
  if (change.schema == nullptr) return false;
  const std::optional<size_t> index = index_of(change.table);
  if (!index) return false;
  for (const Run& run : tables_[*index].runs) {
    if (run.schema == nullptr || run.schema == change.schema) continue;
    if (key_names(*run.schema) != key_names(*change.schema)) return true;
  }
  return false;
}

TableChanges& Batch::changes_of(const Change& change, const Message& from) {
  std::optional<size_t> index = index_of(change.table);
  if (!index) {
    index = tables_.size();
    tables_.push_back({change.table, std::string(from.topic), {}, {}});
  }
  by_table_.emplace(change.table, *index);
  return tables_[*index];
}

void Batch::set_target(const std::shared_ptr<const EventTable>& table,
                       const catalog::TableName& target) {
  tables_[index_of(table).value()].target = target;
}

bool Batch::holds(const std::shared_ptr<const EventTable>& table) const {
  return index_of(table).has_value();
}

std::optional<size_t> Batch::index_of(const std::shared_ptr<const EventTable>& table) const {
  const auto known = by_table_.find(table);
  if (known != by_table_.end()) return known->second;
  for (size_t i = 0; i < tables_.size(); ++i) {
    if (*tables_[i].table == *table) return i;
  }
  return std::nullopt;
}

Run& Batch::open_run(TableChanges& table, RunKind kind, const Change& change,
                     const Confirmation& confirmation) {
  const bool is_joinable =
      kind == RunKind::merge || kind == RunKind::insert || kind == RunKind::replace;
  if (is_joinable && !confirmation.begins_anew && !table.runs.empty()) {
    Run& last = table.runs.back();
    if (is_continued(last, kind, change, confirmation.generation)) return last;
    // Its row may be what the next change is about.
    if (kind == RunKind::insert && change.op == Op::create &&
        is_continued(last, RunKind::replace, change, confirmation.generation))
      return last;
  }
  Run& run = table.runs.emplace_back();
  run.kind = kind;
  run.schema = change.schema;
  run.generation = confirmation.generation;
  run.begins_anew = confirmation.begins_anew;
  return run;
}

void Batch::add(const Change& change, const Message& from, const Confirmation& confirmation) {
  const int year = utc_year(change.ts_us);
  if (year < kFirstYear || year > kLastYear) {
    throw catalog::Error("22008", fmt::format("source time {} us is outside the years {} to {}",
                                              change.ts_us, kFirstYear, kLastYear));
  }
  Run& run = open_run(changes_of(change, from), kind_of(change), change, confirmation);
  if (run.kind != RunKind::truncate) append_rows(run, change);
  if (run.kind == RunKind::moved) run.old_key = change.old_key;
  run.messages.push_back(messages_.keep(from));
  if (change.op == Op::create && change.fill_key)
    run.key_changes.push_back(static_cast<int64_t>(run.changes()));
  run.times_us.push_back(change.ts_us);
  run.unavailable.insert(change.row.unavailable.begin(), change.row.unavailable.end());
  run.years.insert(year);
  run.is_snapshot = run.is_snapshot && change.op == Op::read;
  run.has_delete = run.has_delete || change.op == Op::remove;
  ++changes_;
  bytes_ += change.row.fields.size() + (from.value ? from.value->size() : 0) +
            (from.key ? from.key->size() : 0);
}

void Batch::spare_newer(const std::shared_ptr<const EventTable>& table) {
  tables_[index_of(table).value()].runs.back().spares_newer = true;
}

void Batch::add_dead_letter(catalog::DeadLetter letter) {
  bytes_ += letter.value ? letter.value->size() : 0;
  dead_letters_.push_back(std::move(letter));
}

}  // namespace metadb::ingest
