// The changes of a MixedSource as the decoder makes them, in the model, and in the tables.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/ingest/mixed_source.h"

namespace metadb::tests {

// Events as the decoder makes them.
class MixedFeeder {
 public:
  MixedFeeder(const MixedShape& shape, const std::string& origin, const std::string& table)
      : shape_(shape),
        table_(std::make_shared<const ingest::EventTable>(
            ingest::EventTable{"srv", "shop", origin + "_sales", table})) {
    std::vector<ingest::EventColumn> columns = {{"a", catalog::PgType::text}, {"k", shape.key}};
    std::vector<uint16_t> key = {1};
    if (shape.has_part) {
      key.push_back(2);
      columns.push_back({"m", catalog::PgType::text});
    }
    columns.push_back({"b", catalog::PgType::json});
    columns.push_back({"c", catalog::PgType::text});
    if (!shape.has_key) key.clear();
    schema_ = schema_of(std::move(columns), std::move(key));
  }

  ingest::Change change(const MixedEvent& event) {
    ingest::Change out = ChangeMaker{table_, schema_}.make(
        event.op, event.ts_us,
        event.op == ingest::Op::truncate ? std::vector<Cell>{} : cells(event));
    if (event.before) {
      MixedEvent old;
      old.values = *event.before;
      out.before = row_of(cells(old));
    }
    if (!event.old_key) return out;
    out.fill_key.emplace();
    ingest::append_text(*out.fill_key, key_cell(*(*event.old_key)[kColumnKey]).bytes);
    if (shape_.has_part) ingest::append_text(*out.fill_key, *(*event.old_key)[kColumnPart]);
    return out;
  }

 private:
  std::vector<Cell> cells(const MixedEvent& event) {
    const auto lacks = [&](size_t column) {
      return std::ranges::find(event.unavailable, column) != event.unavailable.end();
    };
    const auto cell = [&](size_t column, const std::string& around) {
      if (lacks(column)) return Cell::unavailable();
      const auto& value = event.values[column];
      return value ? Cell::text(around + *value + around) : Cell::null();
    };
    std::vector<Cell> out = {cell(kColumnA, ""), key_cell(*event.values[kColumnKey])};
    if (shape_.has_part) out.push_back(cell(kColumnPart, ""));
    out.push_back(event.is_bad ? Cell::text("no json") : cell(kColumnB, "\""));
    out.push_back(cell(kColumnC, ""));
    return out;
  }

  // Equal keys come in all their spellings; of a row without key they are part of its image.
  Cell key_cell(const std::string& key) {
    const bool is_other = !shape_.may_lack_key() && ++spelled_ % 2 == 0;
    switch (shape_.key) {
      case catalog::PgType::int4:
        return Cell::int4(std::stoi(key));
      case catalog::PgType::numeric:
        return Cell::numeric(key + (is_other ? ".0" : ".00"));
      case catalog::PgType::interval: {
        // Microseconds, days, months.
        Cell cell{Cell::Kind::value, ""};
        const int days = std::stoi(key);
        ingest::append_big_endian<int64_t>(cell.bytes, is_other ? days * kDayUs : 0);
        ingest::append_big_endian<int32_t>(cell.bytes, is_other ? 0 : days);
        ingest::append_big_endian<int32_t>(cell.bytes, 0);
        return cell;
      }
      default:
        return Cell::text(key);
    }
  }

  const MixedShape& shape_;
  std::shared_ptr<const ingest::EventTable> table_;
  std::shared_ptr<const ingest::RowSchema> schema_;
  int spelled_ = 0;
};

// Returns whether the event was set aside.
inline bool feed(const MixedShape& shape, RowsModel& model, const MixedEvent& event) {
  if (event.is_bad) return true;
  const bool is_keyless = event.op != ingest::Op::truncate && lacks_key(shape, event.values);
  switch (event.op) {
    case ingest::Op::truncate:
      model.truncate(event.origin, event.ts_us);
      return false;
    case ingest::Op::create:
    case ingest::Op::read:
      if (is_keyless) {
        model.insert(event.origin, event.ts_us, event.values);
      } else {
        model.upsert(event.origin, event.ts_us, event.values, event.unavailable, event.old_key);
      }
      return false;
    case ingest::Op::remove:
      if (is_keyless) return !model.replace(event.origin, event.ts_us, *event.before, std::nullopt);
      model.remove(event.origin, event.ts_us, event.values);
      return false;
    case ingest::Op::update:
      if (!is_keyless) {
        model.upsert(event.origin, event.ts_us, event.values, event.unavailable);
        return false;
      }
      return !model.replace(event.origin, event.ts_us, *event.before, event.values);
  }
  return false;
}

inline std::vector<ModelRow> stored(catalog::Connection& connection, const MixedShape& shape,
                                    const std::string& table) {
  const catalog::Result rows = connection.exec(fmt::format(
      "SELECT __origin, (extract(epoch FROM __start) * 1000000)::bigint, CASE WHEN __current THEN"
      " 9223372036854775807 ELSE (extract(epoch FROM __end) * 1000000)::bigint END, {}, {}, {},"
      " (SELECT string_agg(column_name, '+' ORDER BY column_name) FROM metadb.unresolved u WHERE"
      " u.schema_name = 'sales' AND u.table_name = '{}' AND u.row_id = __id AND __current) FROM"
      " sales.{}",
      shape.stored, shape.has_part ? "m" : "NULL", "a, b #>> '{}', c", table,
      catalog::quote_identifier(table + "__")));
  std::vector<ModelRow> out;
  for (int row = 0; row < rows.rows(); ++row) {
    ModelRow one{std::string(rows.text(row, 0)), rows.int64(row, 1), rows.int64(row, 2), {}};
    for (int column = 3; column < 9; ++column)
      one.values.push_back(rows.optional_text(row, column));
    out.push_back(std::move(one));
  }
  return out;
}
// With a last value that names the columns of current rows which never came. Whether they came
// after a version of the past began depends on how batches were cut.
inline std::vector<ModelRow> with_unseen(std::vector<ModelRow> rows) {
  for (ModelRow& row : rows) {
    std::optional<std::string> names;
    for (const size_t column : row.end_us == INT64_MAX ? row.unseen : std::set<size_t>{})
      names = (names ? *names + "+" : "") + (column == kColumnA ? "a" : "b");
    row.values.push_back(names);
  }
  return rows;
}

}  // namespace metadb::tests
