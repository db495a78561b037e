// How the merge finds rows: by their key or their place, whatever is known of the table.
#include <gmock/gmock.h>

#include "ingest/apply.h"
#include "ingest/writer.h"
#include "tests/fakes/eventually.h"
#include "tests/ingest/apply_fixture.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
using ingest::Applier;
using ingest::Batch;
using ingest::Keys;
using ingest::MergeSql;
using ingest::Op;
using testing::ElementsAre;

class ApplyPlans : public Apply {
 protected:
  void apply(Op op, int from, int to, int64_t ts_us, const std::string& value) {
    Batch batch;
    for (int id = from; id < to; ++id)
      batch.add(keyed_.make(op, ts_us, {Cell::int4(id), Cell::text(value)}), message(offset_++));
    applier_.apply(batch);
  }
  static std::string plan(catalog::Connection& connection, const std::string& sql) {
    const catalog::Result lines = connection.exec("EXPLAIN " + sql);
    std::string out;
    for (int row = 0; row < lines.rows(); ++row) out += std::string(lines.text(row, 0)) + "\n";
    return out;
  }

  // Scans of the test's table that no condition bounds.
  [[nodiscard]] std::vector<std::string> whole_scans(catalog::Connection& connection,
                                                     const std::string& sql) const {
    const catalog::Result lines = connection.exec("EXPLAIN " + sql);
    std::vector<std::string> out;
    for (int row = 0; row < lines.rows(); ++row) {
      const std::string line(lines.text(row, 0));
      const size_t scan = line.find("Scan ");
      if (scan == std::string::npos || line.find(table_, scan) == std::string::npos) continue;
      const std::string next = row + 1 < lines.rows() ? std::string(lines.text(row + 1, 0)) : "";
      if (next.find("Index Cond") == std::string::npos &&
          next.find("Recheck Cond") == std::string::npos &&
          next.find("TID Cond") == std::string::npos)
        out.push_back(line);
    }
    return out;
  }

  Applier applier_{*catalog_, {"src", {}}};
  int64_t offset_ = 0;
};

// Statistics of a few rows that were all alike, of a table that has grown since.
TEST_F(ApplyPlans, NoStatementReadsTheWholeTable) {
  const ChangeMaker pairs{
      keyed_.table,
      schema_of({{"id", PgType::int4}, {"part", PgType::int4}, {"v", PgType::text}}, {0, 1})};
  const auto apply_rows = [&](int from, int to, const std::string& value) {
    Batch batch;
    for (int i = from; i < to; ++i) {
      batch.add(pairs.make(Op::update, kBaseUs + offset_,
                           {Cell::int4(i % 2), Cell::int4(i / 2), Cell::text(value)}),
                message(offset_));
      ++offset_;
    }
    applier_.apply(batch);
  };
  apply_rows(0, 8, "a");
  for (int i = 0; i < 10; ++i) apply_rows(0, 8, fmt::format("b{}", i));
  catalog::Connection connection = database_->connect();
  const auto table = catalog_->snapshot()->tables.at({"public", table_});
  const std::string leaf = table->leaf(2023);
  connection.exec(fmt::format("ANALYZE {}; ANALYZE {}", table->current(), leaf));
  apply_rows(8, 20'000, "a");
  apply_rows(0, 20'000, "b");  // fills the history
  const MergeSql sql(*table, *pairs.schema, {"staged", ""});
  for (const std::string& statement : ingest::WorkTables::create()) connection.exec(statement);
  for (const std::string& statement : sql.create_stage()) connection.exec(statement);
  connection.exec(
      "INSERT INTO staged SELECT n, false, now(), n % 2 = 0, '{2}', n % 2, n / 2, 'c' FROM "
      "generate_series(1, 2000) n");
  connection.exec(
      "INSERT INTO work SELECT n, n, false, now(), NULL, n, '(0,1)' FROM "
      "generate_series(1, 2000) n");
  ASSERT_TRUE(sql.tells_keys_apart());
  const catalog::Transaction transaction(connection);
  connection.exec(std::string(ingest::Plans::kByIndex));
  for (const std::string& statement :
       {sql.pair({Keys::once, Keys::repeated}), sql.pair({Keys::all}), sql.fill({2}, Keys::once),
        sql.fill({2}, Keys::repeated), sql.end_current(), sql.look_up_ends(kBaseUs + 2),
        sql.find_old_row({leaf}), sql.find_covering(leaf, {kBaseUs, kBaseUs + 1}),
        sql.find_next(leaf, kBaseUs), sql.mark_keys(1), sql.forget_unresolved()}) {
    EXPECT_THAT(whole_scans(connection, statement), ElementsAre()) << plan(connection, statement);
  }
}

TEST_F(ApplyPlans, KeysThatOccurOnceAndOthersShareARun) {
  apply(Op::create, 0, 3, kBaseUs, "a");
  Batch batch;
  const auto add = [&](Op op, int id, const Cell& value) {
    batch.add(keyed_.make(op, kBaseUs + offset_, {Cell::int4(id), value}), message(offset_));
    ++offset_;
  };
  add(Op::update, 1, Cell::text("b"));
  add(Op::remove, 0, Cell::null());
  add(Op::update, 2, Cell::unavailable());
  add(Op::create, 0, Cell::text("c"));
  add(Op::update, 0, Cell::unavailable());
  add(Op::create, 7, Cell::unavailable());
  EXPECT_TRUE(batch.tables()[0].runs[0].has_repeats);
  applier_.apply(batch);
  EXPECT_THAT(current(), ElementsAre("0,c", "1,b", "2,a", "7,NULL"));
  EXPECT_EQ(versions(), 6);
}

// Two rows of them together are more than a target list may hold (1,664).
TEST_F(ApplyPlans, TablesOfManyColumnsAreMerged) {
  constexpr int kColumns = 900;
  std::vector<ingest::EventColumn> columns = {{"id", PgType::int4}};
  for (int i = 1; i < kColumns; ++i) columns.push_back({fmt::format("v{}", i), PgType::int4});
  const ChangeMaker wide{keyed_.table, schema_of(columns, {0})};
  const auto apply_to = [&](const std::vector<int>& ids, const Cell& last) {
    Batch batch;
    for (const int id : ids) {
      std::vector<Cell> cells(kColumns, Cell::int4(id));
      cells.back() = last;
      batch.add(wide.make(Op::update, kBaseUs + offset_, cells), message(offset_));
      ++offset_;
    }
    applier_.apply(batch);
  };
  apply_to({1, 2}, Cell::int4(7));
  apply_to({1, 2, 2}, Cell::unavailable());
  EXPECT_EQ(versions(), 2) << "nothing has changed";
  apply_to({1, 2, 2}, Cell::int4(8));
  EXPECT_EQ(versions(), 4);
  EXPECT_THAT(
      rows(fmt::format("SELECT id, v{} FROM public.\"{}\" ORDER BY id", kColumns - 1, table_)),
      ElementsAre("1,8", "2,8"));
}

// A row that somebody else has ended, or moved by an update, is not where it was found.
TEST_F(ApplyPlans, RowsThatAreNotEndedAreNoticed) {
  apply(Op::create, 0, 2, kBaseUs, "a");
  catalog::Connection connection = database_->connect();
  connection.exec(fmt::format(
      "CREATE FUNCTION public.keeps() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; "
      "END'; CREATE TRIGGER keeps BEFORE DELETE ON public.\"{}\" FOR EACH ROW WHEN (OLD.id = 1) "
      "EXECUTE FUNCTION public.keeps()",
      table_));
  try {
    apply(Op::remove, 0, 2, kBaseUs + 1, "");
    ADD_FAILURE() << "one of two rows was ended";
  } catch (const catalog::Error& error) {
    EXPECT_EQ(error.sqlstate, "40001");
  }
  EXPECT_EQ(versions(), 2);
  EXPECT_THAT(current(), ElementsAre("0,a", "1,a"));
}

TEST_F(ApplyPlans, SaysWhereItsTimeWent) {
  Batch batch;
  for (int id = 0; id < 100; ++id)
    batch.add(keyed_.make(Op::create, kBaseUs, {Cell::int4(id), Cell::text("x")}), message(id));
  const auto before = std::chrono::steady_clock::now();
  const ingest::StageTimes times = applier_.apply(batch).times;
  const auto passed = std::chrono::steady_clock::now() - before;
  for (const auto& each : {times.shape, times.stage, times.merge, times.commit})
    EXPECT_GT(each.count(), 0);
  EXPECT_LE(times.shape + times.stage + times.merge + times.commit, passed);
  EXPECT_EQ(times.decode.count(), 0) << "that is the stream's";
}

TEST_F(ApplyPlans, SnapshotOfANewTableIsNotStaged) {
  const auto read = [&](int from, int to) {
    Batch batch;
    for (int id = from; id < to; ++id)
      batch.add(keyed_.make(Op::read, kBaseUs, {Cell::int4(id), Cell::text("x")}), message(id));
    return applier_.apply(batch).times.stage.count();
  };
  EXPECT_EQ(read(0, 10), 0);
  EXPECT_EQ(read(10, 20), 0);
  EXPECT_GT(read(19, 30), 0) << "a key came twice";
  EXPECT_GT(read(30, 40), 0);
  EXPECT_EQ(versions(), 40);
}

// As after any error, in the middle of a snapshot.
TEST_F(ApplyPlans, NextConnectionGoesOnCopyingUntilSomethingWasDeleted) {
  const auto read = [&](int id) {
    Batch batch;
    batch.add(keyed_.make(Op::read, kBaseUs, {Cell::int4(id), Cell::text("x")}), message(id));
    return Applier(*catalog_, {"src", {}}).apply(batch).times.stage.count();
  };
  EXPECT_EQ(read(1), 0);
  EXPECT_EQ(read(2), 0);
  apply(Op::update, 2, 3, kBaseUs + 1, "y");
  EXPECT_EQ(read(3), 0);
  EXPECT_GT(read(2), 0) << "it has a row";
  apply(Op::remove, 3, 4, kBaseUs + 2, "");
  EXPECT_GT(read(3), 0) << "it had one that ended";
  EXPECT_THAT(rows(fmt::format("SELECT __start >= (SELECT max(__end) FROM public.\"{0}__\" WHERE "
                               "id = 3 AND NOT __current) FROM public.\"{0}\" WHERE id = 3",
                               table_)),
              ElementsAre("t"));
  EXPECT_THAT(current(), ElementsAre("1,x", "2,x", "3,x"));
}

// A new version of a row leaves a dead one.
TEST_F(ApplyPlans, CurrentRowsAreVacuumedEarly) {
  apply(Op::create, 0, 1, kBaseUs, "a");
  EXPECT_THAT(
      rows(fmt::format("SELECT c.reloptions, t.reloptions FROM pg_class c JOIN pg_class t "
                       "ON t.oid = c.reltoastrelid WHERE c.relname = '{}'",
                       table_)),
      ElementsAre("{autovacuum_vacuum_scale_factor=0.05,autovacuum_vacuum_cost_limit=2000},"
                  "{autovacuum_vacuum_scale_factor=0.05,autovacuum_vacuum_cost_limit=2000}"));
  EXPECT_THAT(rows(fmt::format("SELECT count(reloptions) FROM pg_class WHERE relname LIKE "
                               "'zzz___{}___%'",
                               table_)),
              ElementsAre("0"))
      << "history only grows";
}

TEST_F(ApplyPlans, StatisticsComeWhenThereIsNothingElseToDo) {
  ingest::Writer writer(*catalog_, {"src", {}});
  auto batch = std::make_unique<Batch>();
  for (int id = 0; id < 10'000; ++id)
    batch->add(keyed_.make(Op::read, kBaseUs, {Cell::int4(id), Cell::text("x")}), message(id));
  writer.submit(std::move(batch));
  ASSERT_TRUE(writer.take_result(std::chrono::seconds(30)));
  EXPECT_TRUE(eventually([&] {
    return rows(fmt::format("SELECT reltuples FROM pg_class WHERE relname = '{}'", table_)) ==
           std::vector<std::string>{"10000"};
  }));
}

}  // namespace
}  // namespace metadb::tests
