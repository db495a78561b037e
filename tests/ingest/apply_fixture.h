// What tests of the applier share: tables named after the test, and what they hold.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "tests/ingest/history_test.h"

namespace metadb::tests {

class Apply : public HistoryTest {
 protected:
  void SetUp() override {
    table_ = testing::UnitTest::GetInstance()->current_test_info()->name();
    keyed_ = {event_table(table_),
              schema_of({{"id", catalog::PgType::int4}, {"v", catalog::PgType::text}}, {0})};
    keyless_ = {event_table(table_),
                schema_of({{"a", catalog::PgType::int4}, {"v", catalog::PgType::text}}, {})};
  }

  // One row a line, its columns joined by commas.
  static std::vector<std::string> rows(const std::string& sql) {
    const catalog::Result result = database_->connect().exec(sql);
    std::vector<std::string> out;
    for (int row = 0; row < result.rows(); ++row) {
      std::string line;
      for (int column = 0; column < result.columns(); ++column)
        line += (column > 0 ? "," : "") + result.optional_text(row, column).value_or("NULL");
      out.push_back(line);
    }
    return out;
  }
  [[nodiscard]] std::vector<std::string> current() const {
    return rows(fmt::format("SELECT {} , v FROM public.\"{}\" ORDER BY 1, 2",
                            keyed_.schema->columns[0].name, table_));
  }
  [[nodiscard]] int64_t versions() const {
    return database_->connect()
        .exec(fmt::format("SELECT count(*) FROM public.\"{}__\"", table_))
        .int64(0, 0);
  }
  // The first column cast to text, the rest as they are: dead letters of this test's topic.
  [[nodiscard]] std::vector<std::string> letters(const std::string& columns) const {
    return rows(
        fmt::format("SELECT {} FROM metadb.dead_letter WHERE topic = '{}' ORDER BY \"offset\"",
                    columns, topic()));
  }
  [[nodiscard]] std::string topic() const { return "srv.public." + table_; }
  [[nodiscard]] ingest::Message message(int64_t offset) const {
    return message_at(offset, topic());
  }

  std::string table_;
  ChangeMaker keyed_;
  ChangeMaker keyless_;
};

}  // namespace metadb::tests
