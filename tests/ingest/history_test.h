// What property tests of the merge share: a database for the suite, tables as stored, and how they
// are compared with the model.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "ingest/apply.h"
#include "tests/fakes/test_database.h"
#include "tests/ingest/changes.h"
#include "tests/ingest/rows_model.h"

namespace metadb::tests {

constexpr int64_t kBaseUs = 1'700'000'000'000'000;  // 2023-11-14
constexpr int64_t kDayUs = 86'400LL * 1'000'000;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(engine_); }
  bool one_in(int bound) { return below(bound) == 0; }
  // The next event's time: clocks step back now and then, many events share one commit time.
  int64_t time_us() {
    if (!one_in(4)) clock_us_ += below(3) * kDayUs * 20 + below(1000);
    return clock_us_ - (one_in(6) ? below(60) * kDayUs : 0);
  }

 private:
  std::mt19937 engine_;
  int64_t clock_us_ = kBaseUs;
};

inline std::string line_of(const ModelRow& row) {
  std::string out = fmt::format("{}| {} - {}", row.origin, row.start_us,
                                row.end_us == INT64_MAX ? "now" : std::to_string(row.end_us));
  for (const auto& value : row.values) out += " " + value.value_or("NULL");
  return out + "\n";
}

// In order, one version a line.
inline std::string shown(std::vector<ModelRow> rows) {
  std::vector<std::string> lines;
  for (const ModelRow& row : rows) lines.push_back(line_of(row));
  std::ranges::sort(lines);
  std::string out;
  for (const std::string& line : lines) out += line;
  return out;
}

// All versions of the table with these columns; a column that is not there yet counts as NULL.
inline std::vector<ModelRow> stored_rows(catalog::Connection& connection, const std::string& schema,
                                         const std::string& table,
                                         const std::vector<std::string>& columns) {
  std::string list;
  for (const std::string& column : columns) {
    const bool is_there =
        connection
            .exec(
                "SELECT 1 FROM information_schema.columns WHERE table_schema = $1 AND "
                "table_name = $2 AND column_name = $3",
                {schema, table + "__", column})
            .rows() > 0;
    list += is_there ? ", " + catalog::quote_identifier(column) + "::text" : ", NULL";
  }
  const catalog::Result rows = connection.exec(fmt::format(
      "SELECT __origin, (extract(epoch FROM __start) * 1000000)::bigint, CASE WHEN __current THEN "
      "9223372036854775807 ELSE (extract(epoch FROM __end) * 1000000)::bigint END{} FROM {}.{}",
      list, catalog::quote_identifier(schema), catalog::quote_identifier(table + "__")));
  std::vector<ModelRow> out;
  for (int row = 0; row < rows.rows(); ++row) {
    ModelRow one{std::string(rows.text(row, 0)), rows.int64(row, 1), rows.int64(row, 2), {}};
    for (size_t column = 0; column < columns.size(); ++column)
      one.values.push_back(rows.optional_text(row, 3 + static_cast<int>(column)));
    out.push_back(std::move(one));
  }
  return out;
}

// One database for all tests of a suite.
class HistoryTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    database_ = new TestDatabase();
    catalog_ = new catalog::Catalog({database_->conninfo(), database_->conninfo()});
    catalog_->open("test");
  }
  static void TearDownTestSuite() {
    delete catalog_;
    delete database_;
  }

  static int64_t dead_letters() {
    return database_->connect().exec("SELECT count(*) FROM metadb.dead_letter").int64(0, 0);
  }

  // Two data origins, whose tables go to one.
  static void have_origins() {
    catalog::Connection connection = database_->connect();
    connection.exec("INSERT INTO metadb.origin VALUES ('east'), ('west') ON CONFLICT DO NOTHING");
    catalog_->reload(connection);
  }

  inline static TestDatabase* database_ = nullptr;
  inline static catalog::Catalog* catalog_ = nullptr;
};

}  // namespace metadb::tests
