// What a recording must become: its messages, decoded one by one, told to a model of each table.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ingest/debezium.h"
#include "ingest/replay_source.h"
#include "tests/ingest/changes.h"
#include "tests/ingest/history_test.h"

namespace metadb::tests {

class RecordedRows {
 public:
  // `connection` prints values as the tables' own are printed.
  RecordedRows(catalog::Connection& connection, const std::vector<ingest::RecordedMessage>& log)
      : connection_(connection) {
    ingest::Decoder decoder;
    std::vector<ingest::Change> changes;
    for (const ingest::RecordedMessage& recorded : log) {
      const ingest::Message message = view_of(recorded);
      ingest::Decoded decoded = decoder.decode(message);
      if (auto* change = std::get_if<ingest::Change>(&decoded))
        changes.push_back(std::move(*change));
    }
    for (const ingest::Change& change : changes) note_columns(change);
    for (const ingest::Change& change : changes) take(change);
  }

  // Names are those of the source: the recordings have none that must be changed.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, table] : tables_) out.push_back(name.first + "." + name.second);
    return out;
  }
  void expect_stored() const {
    for (const auto& [name, table] : tables_) {
      EXPECT_EQ(shown(stored_rows(connection_, name.first, name.second, table.columns)),
                shown(table.model->rows()))
          << name.first << "." << name.second;
    }
  }

 private:
  struct Table {
    std::vector<std::string> columns;  // all that it ever gets
    std::vector<size_t> key;
    std::unique_ptr<RowsModel> model;
  };
  using Texts = std::vector<std::optional<std::string>>;

  static ingest::Message view_of(const ingest::RecordedMessage& recorded) {
    ingest::Message message;
    message.topic = recorded.topic;
    message.partition = recorded.partition;
    message.offset = recorded.offset;
    message.timestamp_ms = recorded.timestamp_ms;
    message.key = recorded.key;
    message.value = recorded.value;
    message.headers = recorded.headers;
    return message;
  }

  Table& table_of(const ingest::Change& change) {
    return tables_[{change.table->schema, change.table->table}];
  }
  static size_t index_of(const Table& table, const std::string& column) {
    return static_cast<size_t>(std::ranges::find(table.columns, column) - table.columns.begin());
  }

  void note_columns(const ingest::Change& change) {
    Table& table = table_of(change);
    if (!change.schema) return;
    for (const auto& column : change.schema->columns) {
      if (index_of(table, column.name) == table.columns.size())
        table.columns.push_back(column.name);
    }
    std::vector<size_t> key;
    for (const uint16_t index : change.schema->key)
      key.push_back(index_of(table, change.schema->columns[index].name));
    if (!table.model) {
      table.key = key;
      table.model = std::make_unique<RowsModel>(key);
    }
    EXPECT_EQ(key, table.key) << "a recording in which a key changes is not modelled";
  }

  void take(const ingest::Change& change) {
    Table& table = table_of(change);
    if (change.op == ingest::Op::truncate) {
      table.model->truncate("", change.ts_us);
    } else if (table.key.empty()) {
      take_keyless(change, table);
    } else if (change.op == ingest::Op::remove) {
      table.model->remove("", change.ts_us, values_of(change, change.row, table));
    } else {
      upsert(change, table);
    }
  }

  void upsert(const ingest::Change& change, Table& table) {
    ModelValues values = values_of(change, change.row, table);
    std::vector<size_t> unavailable;
    for (const uint16_t index : change.row.unavailable)
      unavailable.push_back(index_of(table, change.schema->columns[index].name));
    if (change.fill_key) {
      // The row has moved: what was not sent is what it had under its old key.
      const ModelRow* before = newest_of(old_key_of(change), table);
      ASSERT_NE(before, nullptr) << "a row that moved was nowhere before";
      for (const size_t column : unavailable) values[column] = before->values[column];
      unavailable.clear();
    }
    table.model->upsert("", change.ts_us, std::move(values), unavailable);
  }

  void take_keyless(const ingest::Change& change, Table& table) {
    const bool is_removed = change.op == ingest::Op::remove;
    std::optional<ModelValues> after;
    if (!is_removed) after = values_of(change, change.row, table);
    if (change.op == ingest::Op::create || change.op == ingest::Op::read) {
      table.model->insert("", change.ts_us, std::move(*after));
      return;
    }
    ASSERT_TRUE(change.before) << "a change of a row that nothing identifies";
    table.model->replace("", change.ts_us, values_of(change, *change.before, table), after);
  }

  ModelValues values_of(const ingest::Change& change, const ingest::Row& row, const Table& table) {
    const Texts texts = printed(change.schema->columns, row.fields);
    ModelValues values(table.columns.size());
    for (size_t i = 0; i < texts.size(); ++i)
      values[index_of(table, change.schema->columns[i].name)] = texts[i];
    return values;
  }

  Texts old_key_of(const ingest::Change& change) {
    std::vector<ingest::EventColumn> columns;
    for (const uint16_t index : change.schema->key)
      columns.push_back(change.schema->columns[index]);
    return printed(columns, *change.fill_key);
  }

  static const ModelRow* newest_of(const Texts& key, const Table& table) {
    const ModelRow* found = nullptr;
    for (const ModelRow& row : table.model->rows()) {
      bool is_same = true;
      for (size_t i = 0; i < key.size(); ++i) is_same &= row.values[table.key[i]] == key[i];
      if (is_same) found = &row;
    }
    return found;
  }

  // The cells as PostgreSQL reads and prints them.
  Texts printed(const std::vector<ingest::EventColumn>& columns, const std::string& fields) {
    std::string definitions;
    std::string texts;
    for (size_t i = 0; i < columns.size(); ++i) {
      const char* comma = i > 0 ? ", " : "";
      definitions += fmt::format("{}c{} {}", comma, i, catalog::row_of(columns[i].type).name);
      texts += fmt::format("{}c{}::text", comma, i);
    }
    connection_.exec("CREATE TEMP TABLE printed (" + definitions + ")");
    std::string tuple;
    ingest::append_big_endian<int16_t>(tuple, static_cast<int16_t>(columns.size()));
    tuple += fields;
    const std::string_view chunks[] = {tuple};
    connection_.copy_binary("COPY printed FROM STDIN (FORMAT binary)", chunks);
    const catalog::Result row = connection_.exec("SELECT " + texts + " FROM printed");
    Texts out;
    for (int column = 0; column < row.columns(); ++column)
      out.push_back(row.optional_text(0, column));
    connection_.exec("DROP TABLE printed");
    return out;
  }

  catalog::Connection& connection_;
  std::map<std::pair<std::string, std::string>, Table> tables_;
};

}  // namespace metadb::tests
