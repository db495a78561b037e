// Changes made by hand, for tests of what happens to them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/batch.h"
#include "ingest/change.h"
#include "ingest/copy_format.h"
#include "ingest/numeric.h"

namespace metadb::tests {

// One cell: a text column's value, NULL, or unavailable.
struct Cell {
  enum class Kind { null, value, unavailable };
  Kind kind = Kind::null;
  std::string bytes;  // in the type's binary format

  static Cell null() { return {}; }
  static Cell unavailable() { return {Kind::unavailable, ""}; }
  static Cell text(std::string value) { return {Kind::value, std::move(value)}; }
  static Cell int4(int32_t value) {
    Cell cell{Kind::value, ""};
    ingest::append_big_endian<int32_t>(cell.bytes, value);
    return cell;
  }
  // As numeric_send writes it. `value`: digits, perhaps with a point.
  static Cell numeric(std::string_view value) {
    Cell cell{Kind::value, ""};
    std::string framed;
    ingest::append_numeric_cell(framed, value);
    cell.bytes = framed.substr(sizeof(int32_t));
    return cell;
  }
  static Cell int8(int64_t value) {
    Cell cell{Kind::value, ""};
    ingest::append_big_endian<int64_t>(cell.bytes, value);
    return cell;
  }
};

inline ingest::Row row_of(const std::vector<Cell>& cells) {
  ingest::Row row;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (cells[i].kind == Cell::Kind::value) {
      ingest::append_text(row.fields, cells[i].bytes);
    } else {
      ingest::append_null(row.fields);
    }
    if (cells[i].kind == Cell::Kind::unavailable)
      row.unavailable.push_back(static_cast<uint16_t>(i));
  }
  return row;
}

inline std::shared_ptr<const ingest::RowSchema> schema_of(std::vector<ingest::EventColumn> columns,
                                                          std::vector<uint16_t> key) {
  return std::make_shared<const ingest::RowSchema>(
      ingest::RowSchema{std::move(columns), std::move(key)});
}

inline std::shared_ptr<const ingest::EventTable> event_table(std::string table,
                                                             std::string db = "shop") {
  return std::make_shared<const ingest::EventTable>(
      ingest::EventTable{"srv", std::move(db), "public", std::move(table)});
}

// A message with an offset, to stand behind a change.
inline ingest::Message message_at(int64_t offset, std::string name = "srv.public.t",
                                  std::string key = "key bytes") {
  struct Bytes {
    std::string topic;
    std::string key;
  };
  auto bytes = std::make_shared<const Bytes>(Bytes{std::move(name), std::move(key)});
  ingest::Message message;
  message.topic = bytes->topic;
  message.offset = offset;
  message.key = bytes->key;
  message.value = "value bytes";
  message.owner = bytes;
  return message;
}
// One that no other record has the key of: nothing waits behind it, should it be set aside.
inline ingest::Message message_alone_at(int64_t offset, std::string name) {
  return message_at(offset, std::move(name), "key " + std::to_string(offset));
}

// Changes of one table in one shape.
struct ChangeMaker {
  std::shared_ptr<const ingest::EventTable> table;
  std::shared_ptr<const ingest::RowSchema> schema;

  [[nodiscard]] ingest::Change make(ingest::Op op, int64_t ts_us,
                                    const std::vector<Cell>& cells) const {
    ingest::Change change;
    change.op = op;
    change.ts_us = ts_us;
    change.table = table;
    change.snapshot = op == ingest::Op::read ? ingest::SnapshotMark::in_snapshot
                                             : ingest::SnapshotMark::streaming;
    if (op == ingest::Op::truncate) return change;
    change.schema = schema;
    change.row = row_of(cells);
    return change;
  }
};

}  // namespace metadb::tests
