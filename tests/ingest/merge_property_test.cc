// Random histories: the tables equal the model, however the changes are cut into batches.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "ingest/apply.h"
#include "tests/fakes/test_database.h"
#include "tests/ingest/changes.h"
#include "tests/ingest/history_model.h"
#include "tests/ingest/history_test.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
using ingest::Change;
using ingest::Op;

struct Step {
  enum class Kind { upsert, remove, truncate, move };
  Kind kind = Kind::upsert;
  int key = 0;
  int old_key = 0;  // of a move
  int64_t ts_us = 0;
  std::vector<ModelCell> cells;
};

// How keys look in the tables of one round.
struct KeyShape {
  std::string_view name;
  std::vector<PgType> types;
};

class RandomHistory {
 public:
  explicit RandomHistory(unsigned seed) : random_(seed) {}

  std::vector<Step> steps(int count) {
    std::vector<Step> out;
    for (int i = 0; i < count; ++i) {
      clock_us_ += below(4) == 0 ? 0 : below(3) * kDayUs * 20 + below(1000);
      Step step;
      // Clocks step back now and then, and many changes share one commit time.
      step.ts_us = clock_us_ - (below(6) == 0 ? below(60) * kDayUs : 0);
      step.key = below(5);
      const int dice = below(20);
      if (dice < 3) {
        step.kind = Step::Kind::remove;
      } else if (dice == 3) {
        step.kind = Step::Kind::truncate;
      } else if (dice == 4) {
        step.kind = Step::Kind::move;
        step.old_key = below(5);
      }
      const bool may_lack = dice >= 4 && dice < 12;
      for (int column = 0; column < 3; ++column) step.cells.push_back(cell(may_lack));
      out.push_back(std::move(step));
    }
    return out;
  }

  int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }

 private:
  ModelCell cell(bool may_lack) {
    if (may_lack && below(3) == 0) return {false, std::nullopt};
    const int dice = below(5);
    if (dice == 0) return {true, std::nullopt};
    return {true, "v" + std::to_string(dice)};
  }

  std::mt19937 random_;
  int64_t clock_us_ = kBaseUs;
};

// A numeric key comes in any scale.
Cell key_cell(PgType type, int key, int64_t step) {
  if (type == PgType::numeric)
    return Cell::numeric(std::to_string(key) + (step % 2 == 0 ? ".0" : ".00"));
  return type == PgType::int4 ? Cell::int4(key) : Cell::text("key " + std::to_string(key));
}

Cell value_cell(const ModelCell& cell) {
  if (!cell.is_available) return Cell::unavailable();
  return cell.value ? Cell::text(*cell.value) : Cell::null();
}

class MergeFeeder {
 public:
  MergeFeeder(const KeyShape& shape, std::string table)
      : shape_(shape), table_(event_table(std::move(table))) {
    std::vector<ingest::EventColumn> columns = {{"a", PgType::text}};
    std::vector<uint16_t> key;
    for (size_t i = 0; i < shape.types.size(); ++i) {
      key.push_back(static_cast<uint16_t>(columns.size()));
      columns.push_back({"k" + std::to_string(i), shape.types[i]});
    }
    columns.push_back({"b", PgType::json});
    columns.push_back({"c", PgType::text});
    schema_ = schema_of(std::move(columns), std::move(key));
  }

  // A move is the delete of the old key and the insert of the new one, as Debezium sends it.
  std::vector<Change> changes(const Step& step) const {
    if (step.kind == Step::Kind::truncate) return {change(Op::truncate, step)};
    if (step.kind != Step::Kind::move) {
      return {change(step.kind == Step::Kind::remove ? Op::remove : Op::update, step)};
    }
    Step gone = step;
    gone.key = step.old_key;
    Change insert = change(Op::create, step);
    std::string fields;
    for (const PgType type : shape_.types)
      ingest::append_text(fields, key_cell(type, step.old_key, 0).bytes);
    insert.fill_key = fields;
    return {change(Op::remove, gone), insert};
  }

 private:
  Change change(Op op, const Step& step) const {
    Change out;
    out.op = op;
    out.ts_us = step.ts_us;
    out.table = table_;
    if (op == Op::truncate) return out;
    out.schema = schema_;
    std::vector<Cell> cells;
    cells.push_back(op == Op::remove ? Cell::null() : value_cell(step.cells[0]));
    for (const PgType type : shape_.types) cells.push_back(key_cell(type, step.key, step.ts_us));
    cells.push_back(op == Op::remove ? Cell::null() : json_cell(step.cells[1]));
    cells.push_back(op == Op::remove ? Cell::null() : value_cell(step.cells[2]));
    out.row = row_of(cells);
    return out;
  }

  static Cell json_cell(const ModelCell& cell) {
    if (!cell.is_available) return Cell::unavailable();
    return cell.value ? Cell::text("\"" + *cell.value + "\"") : Cell::null();
  }

  KeyShape shape_;
  std::shared_ptr<const ingest::EventTable> table_;
  std::shared_ptr<const ingest::RowSchema> schema_;
};

void feed_model(HistoryModel& model, const Step& step) {
  const std::string key = std::to_string(step.key);
  switch (step.kind) {
    case Step::Kind::upsert:
      model.upsert(key, step.ts_us, step.cells);
      break;
    case Step::Kind::remove:
      model.remove(key, step.ts_us);
      break;
    case Step::Kind::truncate:
      model.truncate(step.ts_us);
      break;
    case Step::Kind::move:
      model.remove(std::to_string(step.old_key), step.ts_us);
      model.upsert(key, step.ts_us, step.cells, std::to_string(step.old_key));
      break;
  }
}

std::map<std::string, std::vector<Version>> stored(catalog::Connection& connection,
                                                   const std::string& table) {
  const catalog::Result rows = connection.exec(
      "SELECT substring(k0::text FROM '\\d+'), (extract(epoch FROM __start) * 1000000)::bigint, "
      "CASE WHEN __end = '9999-12-31 00:00:00+00' THEN 9223372036854775807 "
      "ELSE (extract(epoch FROM __end) * 1000000)::bigint END, __current, a, b #>> '{}', c FROM "
      "public." +
      table + "__ ORDER BY __id");
  std::map<std::string, std::vector<Version>> out;
  for (int row = 0; row < rows.rows(); ++row) {
    Version version{rows.int64(row, 1), rows.int64(row, 2), {}};
    for (int column = 4; column <= 6; ++column)
      version.values.push_back(rows.optional_text(row, column));
    EXPECT_EQ(rows.boolean(row, 3), version.end_us == INT64_MAX);
    out[std::string(rows.text(row, 0))].push_back(std::move(version));
  }
  return out;
}

std::string shown(const std::map<std::string, std::vector<Version>>& all) {
  std::string out;
  for (const auto& [key, versions] : all) {
    for (const Version& version : versions) {
      out += fmt::format("{}: {} - {}:", key, version.start_us, version.end_us);
      for (const Value& value : version.values) out += " " + value.value_or("NULL");
      out += "\n";
    }
  }
  return out;
}

class MergeProperty : public testing::Test {
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

  static void check(const KeyShape& shape, unsigned seed) {
    SCOPED_TRACE(fmt::format("keys {}, seed {}", shape.name, seed));
    const std::string table = fmt::format("t_{}_{}", shape.name, seed);
    const MergeFeeder feeder(shape, table);
    RandomHistory history(seed);
    HistoryModel model;
    ingest::Applier applier(*catalog_, {"src", {}});
    auto batch = std::make_unique<ingest::Batch>();
    int64_t offset = 0;
    const int cut_one_in = 1 + history.below(12);
    for (const Step& step : history.steps(60)) {
      feed_model(model, step);
      for (const Change& change : feeder.changes(step)) batch->add(change, message_at(offset++));
      if (history.below(cut_one_in) != 0) continue;
      applier.apply(*batch);
      batch = std::make_unique<ingest::Batch>();
    }
    applier.apply(*batch);
    catalog::Connection connection = database_->connect();
    EXPECT_EQ(shown(stored(connection, table)), shown(model.versions()));
    EXPECT_EQ(connection.exec("SELECT count(*) FROM metadb.dead_letter").int64(0, 0), 0);
  }

  inline static TestDatabase* database_ = nullptr;
  inline static catalog::Catalog* catalog_ = nullptr;
};

TEST_F(MergeProperty, IntegerKeys) {
  for (unsigned seed = 1; seed <= 12; ++seed) check({"int", {PgType::int4}}, seed);
}

TEST_F(MergeProperty, TextKeys) {
  for (unsigned seed = 1; seed <= 6; ++seed) check({"text", {PgType::text}}, seed);
}

TEST_F(MergeProperty, NumericKeys) {
  for (unsigned seed = 1; seed <= 4; ++seed) check({"numeric", {PgType::numeric}}, seed);
}

TEST_F(MergeProperty, CompositeKeys) {
  for (unsigned seed = 1; seed <= 6; ++seed) check({"both", {PgType::int4, PgType::text}}, seed);
}

}  // namespace
}  // namespace metadb::tests
