// What tests of transformed tables share: a table (id integer, doc json, v text) named after the
// test, whose documents are mapped.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/ingest/history_test.h"

namespace metadb::tests {

class ChildrenTest : public HistoryTest {
 protected:
  void SetUp() override {
    table_ = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::ranges::transform(table_, table_.begin(), [](unsigned char c) { return std::tolower(c); });
    have_table(catalog::PgType::json);
  }
  void have_table(catalog::PgType document) {
    maker_ = {
        event_table(table_),
        schema_of({{"id", catalog::PgType::int4}, {"doc", document}, {"v", catalog::PgType::text}},
                  {0})};
    applier_ =
        std::make_unique<ingest::Applier>(*catalog_, ingest::TableShaper::Context{"src", {}});
  }

  void map(const std::vector<std::pair<std::string, std::string>>& paths) {
    catalog::Connection connection = database_->connect();
    for (const auto& [path, id] : paths) {
      catalog::insert_json_mapping(connection, {"public", table_, "doc", path, id});
    }
    catalog_->reload(connection);
  }

  // As `alter table` does it.
  void choose(const std::string& id, const catalog::Column& column) {
    catalog::Connection connection = database_->connect();
    connection.exec("SET search_path = pg_catalog");
    const catalog::Table table = catalog::load_tables(connection, name(id)).at(0);
    {
      catalog::Transaction transaction(connection);
      catalog::change_types(connection, table, {column});
      catalog::revise(connection, table);
      transaction.commit();
    }
    catalog_->reload(connection);
  }

  // A change that comes a second after the one before it.
  ingest::Change change(ingest::Op op, int id, const Cell& document, const std::string& v = "") {
    ++seconds_;
    const bool is_delete = op == ingest::Op::remove;
    return maker_.make(op, kBaseUs + seconds_ * 1'000'000,
                       {Cell::int4(id), is_delete ? Cell::null() : document,
                        is_delete ? Cell::null() : Cell::text(v)});
  }
  void apply(const std::vector<ingest::Change>& changes) {
    ingest::Batch batch;
    for (const ingest::Change& one : changes) batch.add(one, message_at(offset_++, topic()));
    applied_ = applier_->apply(batch);
    EXPECT_EQ(applied_.dead_letters, 0);
  }
  void put(int id, const std::string& document, const std::string& v = "") {
    apply({change(ingest::Op::update, id, Cell::text(document), v)});
  }
  [[nodiscard]] std::string topic() const { return "srv.public." + table_; }
  // The table, or the transformed one of that id.
  [[nodiscard]] catalog::TableName name(const std::string& id = "") const {
    return {"public", id.empty() ? table_ : table_ + "__" + id};
  }

  // One row a line, its columns joined by bars.
  static std::vector<std::string> rows(const std::string& sql) {
    const catalog::Result result = database_->connect().exec("SET TimeZone = 'UTC'; " + sql);
    std::vector<std::string> out;
    for (int row = 0; row < result.rows(); ++row) {
      std::string line;
      for (int column = 0; column < result.columns(); ++column)
        line += (column > 0 ? "|" : "") + result.optional_text(row, column).value_or("NULL");
      out.push_back(line);
    }
    return out;
  }
  // Current rows of the transformed table of that id.
  [[nodiscard]] std::vector<std::string> current(const std::string& id,
                                                 const std::string& columns) const {
    return rows(fmt::format("SELECT {} FROM public.{}__{} ORDER BY {}", columns, table_, id,
                            "__root__id, __id"));
  }
  // All versions with the seconds of their start and end; a current one ends at 0.
  [[nodiscard]] std::vector<std::string> versions(const std::string& id,
                                                  const std::string& columns) const {
    return rows(fmt::format(
        "SELECT {}, (extract(epoch FROM __start) - {})::int, CASE WHEN __current THEN 0 ELSE "
        "(extract(epoch FROM __end) - {})::int END FROM public.{}__{}__ ORDER BY __id",
        columns, kBaseUs / 1'000'000, kBaseUs / 1'000'000, table_, id));
  }
  [[nodiscard]] std::vector<std::string> columns(const std::string& id) const {
    return rows(fmt::format(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = "
        "'public.{}__{}__'::regclass AND attnum > 5 AND NOT attisdropped ORDER BY attnum",
        table_, id));
  }

  std::string table_;
  ChangeMaker maker_;
  std::unique_ptr<ingest::Applier> applier_;
  ingest::Applied applied_;
  int64_t seconds_ = 0;
  int64_t offset_ = 0;
};

}  // namespace metadb::tests
