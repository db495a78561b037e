#include "ingest/apply.h"

#include <gmock/gmock.h>

#include "ingest/debezium.h"
#include "ingest/outcome.h"
#include "tests/ingest/apply_fixture.h"
#include "tests/ingest/debezium_message.h"
#include "tests/ingest/heard_log.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
using ingest::Applier;
using ingest::Batch;
using ingest::LaneStopped;
using ingest::Op;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// The source has changed the scale of its numeric key: the rows are the same.
TEST_F(Apply, NumericKeysAreEqualHoweverBatchesAreCut) {
  for (const bool is_one_batch : {true, false}) {
    SCOPED_TRACE(is_one_batch);
    const std::string name = table_ + (is_one_batch ? "1" : "2");
    const ChangeMaker maker{event_table(name),
                            schema_of({{"id", PgType::numeric}, {"v", PgType::text}}, {0})};
    Applier applier(*catalog_, {"src", {}});
    auto batch = std::make_unique<Batch>();
    int64_t offset = 0;
    const auto add = [&](Op op, std::string_view id, const Cell& value) {
      batch->add(maker.make(op, kBaseUs + offset, {Cell::numeric(id), value}), message(offset));
      ++offset;
      if (is_one_batch) return;
      applier.apply(*batch);
      batch = std::make_unique<Batch>();
    };
    add(Op::create, "1.0", Cell::text("a"));
    add(Op::update, "1.00", Cell::text("b"));
    add(Op::update, "1", Cell::unavailable());
    add(Op::create, "10", Cell::text("ten"));
    add(Op::remove, "10.000", Cell::null());
    add(Op::create, "-0.50", Cell::text("half"));
    if (is_one_batch) applier.apply(*batch);
    EXPECT_THAT(rows(fmt::format("SELECT v FROM public.\"{}\" ORDER BY __id", name)),
                ElementsAre("b", "half"));
    EXPECT_THAT(rows(fmt::format("SELECT count(*) FROM public.\"{}__\"", name)), ElementsAre("4"));
  }
}

// Equal as jsonb, other texts: the unique index tells them apart, and so does a batch.
TEST_F(Apply, JsonbKeysAreToldApartHoweverBatchesAreCut) {
  for (const bool is_one_batch : {true, false}) {
    SCOPED_TRACE(is_one_batch);
    const std::string name = table_ + (is_one_batch ? "1" : "2");
    const ChangeMaker maker{event_table(name),
                            schema_of({{"id", PgType::jsonb}, {"v", PgType::text}}, {0})};
    Applier applier(*catalog_, {"src", {}});
    auto batch = std::make_unique<Batch>();
    int64_t offset = 0;
    for (const char* id : {"\1{\"a\": 1.0}", "\1{\"a\": 1.00}", "\1{\"a\":1.0}"}) {
      const std::string value = "v" + std::to_string(offset);
      batch->add(maker.make(Op::update, kBaseUs + offset, {Cell::text(id), Cell::text(value)}),
                 message(offset));
      ++offset;
      if (is_one_batch) continue;
      applier.apply(*batch);
      batch = std::make_unique<Batch>();
    }
    applier.apply(*batch);
    EXPECT_THAT(rows(fmt::format("SELECT v FROM public.\"{}\" ORDER BY v", name)),
                ElementsAre("v1", "v2"));
  }
}

TEST_F(Apply, RepeatedKeysOfASnapshotMakeOneRow) {
  Applier applier(*catalog_, {"src", {}});
  for (const int64_t at : {0, 10}) {
    Batch batch;
    for (const int id : {1, 2, 1}) {
      batch.add(keyed_.make(Op::read, kBaseUs, {Cell::int4(id), Cell::text("same")}),
                message(at + id));
    }
    applier.apply(batch);
  }
  EXPECT_THAT(current(), ElementsAre("1,same", "2,same"));
  EXPECT_EQ(versions(), 2);
}

TEST_F(Apply, RowsWithNullInTheKeyStandForThemselves) {
  Applier applier(*catalog_, {"src", {}});
  Batch batch;
  for (int i = 0; i < 2; ++i)
    batch.add(keyed_.make(Op::create, kBaseUs, {Cell::null(), Cell::text("same")}), message(i));
  batch.add(keyed_.make(Op::create, kBaseUs, {Cell::int4(1), Cell::text("keyed")}), message(2));
  applier.apply(batch);
  EXPECT_THAT(current(), ElementsAre("1,keyed", "NULL,same", "NULL,same"));
}

// As the messages come: message.key.columns over nullable columns, REPLICA IDENTITY FULL.
TEST_F(Apply, DecodedChangesOfRowsWithNullInTheKeyAreApplied) {
  const std::vector<TestField> row = {{"id", "int32", "", ""}, {"v", "string", "", ""}};
  const std::string key = key_json({{"id", "int32", "", ""}}, R"({"id":null})");
  std::string source(kTestSource);
  source.replace(source.find(R"("table":"t")"), 11, R"("table":")" + table_ + "\"");
  const auto image = [](const std::string& v) { return R"({"id":null,"v":")" + v + "\"}"; };
  const std::vector<std::string> values = {
      change_json(row, {.op = "c", .after = image("kept"), .source = source}),
      change_json(row, {.op = "c", .after = image("old"), .source = source}),
      change_json(row, {.op = "c", .after = image("gone"), .source = source}),
      change_json(row,
                  {.op = "u", .before = image("old"), .after = image("new"), .source = source}),
      change_json(row, {.op = "d", .before = image("gone"), .source = source})};
  ingest::Decoder decoder;
  Applier applier(*catalog_, {"src", {}});
  Batch batch;
  int64_t offset = 0;
  for (const std::string& value : values) {
    ingest::Message its_message = message(offset++);
    its_message.key = key;
    its_message.value = value;
    batch.add(std::get<ingest::Change>(decoder.decode(its_message)), its_message);
  }
  applier.apply(batch);
  EXPECT_THAT(current(), ElementsAre("NULL,kept", "NULL,new"));
  EXPECT_EQ(versions(), 4);
}

TEST_F(Apply, UpdateWithoutKeyTakesWhatItLacksFromTheOldRow) {
  Applier applier(*catalog_, {"src", {}});
  Batch batch;
  batch.add(keyless_.make(Op::create, kBaseUs, {Cell::int4(1), Cell::text("long")}), message(0));
  ingest::Change change =
      keyless_.make(Op::update, kBaseUs + 1, {Cell::int4(2), Cell::unavailable()});
  change.before = row_of({Cell::int4(1), Cell::text("long")});
  batch.add(change, message(1));
  applier.apply(batch);
  EXPECT_THAT(rows(fmt::format("SELECT a, v FROM public.\"{}\"", table_)), ElementsAre("2,long"));
  EXPECT_EQ(database_->connect().exec("SELECT count(*) FROM metadb.unresolved").int64(0, 0), 0);
}

TEST_F(Apply, ValueThatWasNeverSeenIsNullAndListed) {
  Applier applier(*catalog_, {"src", {}});
  Batch batch;
  batch.add(keyed_.make(Op::update, kBaseUs, {Cell::int4(1), Cell::unavailable()}), message(0));
  const HeardLog log;
  applier.apply(batch);
  EXPECT_THAT(log.text(), HasSubstr("warning \"public\".\"" + table_ +
                                    "__\": an update leaves as it is a large value"));
  const HeardLog later;
  Batch more;
  more.add(keyed_.make(Op::update, kBaseUs, {Cell::int4(2), Cell::unavailable()}), message(1));
  applier.apply(more);
  EXPECT_EQ(later.text().find("an update leaves"), std::string::npos);
  EXPECT_THAT(current(), ElementsAre("1,NULL", "2,NULL"));
  EXPECT_THAT(rows(fmt::format("SELECT column_name FROM metadb.unresolved u JOIN public.\"{}\" t "
                               "ON t.__id = u.row_id WHERE u.table_name = '{}'",
                               table_, table_)),
              ElementsAre("v", "v"));
}

TEST_F(Apply, NeverSeenValueIsListedForEveryVersion) {
  const ChangeMaker maker{
      keyed_.table,
      schema_of({{"id", PgType::int4}, {"v", PgType::text}, {"w", PgType::text}}, {0})};
  Applier applier(*catalog_, {"src", {}});
  int64_t offset = 0;
  const auto apply_one = [&](ingest::Change change) {
    change.ts_us = kBaseUs + offset;
    Batch batch;
    batch.add(change, message(offset++));
    applier.apply(batch);
  };
  const auto update = [&](const Cell& v, const Cell& w) {
    apply_one(maker.make(Op::update, 0, {Cell::int4(1), v, w}));
  };
  update(Cell::unavailable(), Cell::text("w1"));
  update(Cell::unavailable(), Cell::text("w2"));
  apply_one(maker.make(Op::remove, 0, {Cell::int4(1), Cell::null(), Cell::null()}));
  ingest::Change moved =
      maker.make(Op::create, 0, {Cell::int4(2), Cell::unavailable(), Cell::unavailable()});
  std::string old_key;
  ingest::append_text(old_key, Cell::int4(1).bytes);
  moved.fill_key = old_key;
  apply_one(moved);
  apply_one(maker.make(Op::update, 0, {Cell::int4(2), Cell::unavailable(), Cell::text("w3")}));
  apply_one(maker.make(Op::update, 0, {Cell::int4(2), Cell::text("seen"), Cell::text("w3")}));
  apply_one(maker.make(Op::update, 0, {Cell::int4(2), Cell::unavailable(), Cell::text("w4")}));
  EXPECT_THAT(rows(fmt::format("SELECT id, v, w, (SELECT string_agg(column_name, ' ') FROM "
                               "metadb.unresolved WHERE table_name = '{0}' AND row_id = __id) FROM "
                               "public.\"{0}__\" ORDER BY __id",
                               table_)),
              ElementsAre("1,NULL,w1,v", "1,NULL,w2,v", "2,NULL,w2,v", "2,NULL,w3,v",
                          "2,seen,w3,NULL", "2,seen,w4,NULL"));
}

// By an incremental snapshot, say: NULL is what it was taken for. In one batch and in several.
TEST_F(Apply, ValueThatCameAfterAllIsListedNoMore) {
  const ChangeMaker maker{
      keyed_.table,
      schema_of({{"id", PgType::int4}, {"v", PgType::text}, {"w", PgType::text}}, {0})};
  Applier applier(*catalog_, {"src", {}});
  int64_t offset = 0;
  auto batch = std::make_unique<Batch>();
  for (const int id : {1, 2}) {
    const auto add = [&](Op op, const Cell& v, const std::string& w) {
      batch->add(maker.make(op, kBaseUs + offset, {Cell::int4(id), v, Cell::text(w)}),
                 message(offset));
      ++offset;
      if (id == 1) return;
      applier.apply(*batch);
      batch = std::make_unique<Batch>();
    };
    add(Op::update, Cell::unavailable(), "w1");
    add(Op::update, Cell::unavailable(), "w2");
    add(Op::read, Cell::null(), "w2");
    add(Op::update, Cell::unavailable(), "w3");
  }
  EXPECT_THAT(rows(fmt::format("SELECT id, v, w, (SELECT string_agg(column_name, ' ') FROM "
                               "metadb.unresolved WHERE table_name = '{0}' AND row_id = __id) FROM "
                               "public.\"{0}__\" ORDER BY id, __id",
                               table_)),
              ElementsAre("1,NULL,w1,v", "1,NULL,w2,v", "1,NULL,w3,NULL", "2,NULL,w1,v",
                          "2,NULL,w2,NULL", "2,NULL,w3,NULL"));
}

TEST_F(Apply, MovedRowFillsFromItsOldKeyEvenIfThatIsStillCurrent) {
  Applier applier(*catalog_, {"src", {}});
  Batch batch;
  int64_t offset = 0;
  for (const auto& [op, id, value] : std::vector<std::tuple<Op, int, std::string>>{
           {Op::create, 1, "first life"}, {Op::remove, 1, ""}, {Op::create, 1, "second life"}}) {
    batch.add(keyed_.make(op, kBaseUs + offset,
                          {Cell::int4(id), op == Op::remove ? Cell::null() : Cell::text(value)}),
              message(offset));
    ++offset;
  }
  ingest::Change moved = keyed_.make(Op::create, kBaseUs + 9, {Cell::int4(2), Cell::unavailable()});
  std::string old_key;
  ingest::append_text(old_key, Cell::int4(1).bytes);
  moved.fill_key = old_key;
  batch.add(moved, message(offset));
  applier.apply(batch);
  EXPECT_THAT(current(), ElementsAre("1,second life", "2,second life"));
}

TEST_F(Apply, ColumnsMayHaveAnyName) {
  const std::vector<std::string> names = {
      "ended_at", "ended_at_", "n", "d",      "ts",   "u",       "c0",   "t",    "w",   "s",
      "at",       "cur_id",    "g", "a \"b'", "__id", "__start", "ctid", "user", "E\\", "%s{}"};
  std::vector<ingest::EventColumn> columns;
  for (const std::string& name : names) columns.push_back({name, PgType::text});
  const ChangeMaker maker{event_table(table_), schema_of(std::move(columns), {0, 14})};
  Applier applier(*catalog_, {"src", {}});
  for (int i = 0; i < 3; ++i) {
    Batch batch;
    for (int step = 0; step < 2; ++step) {
      std::vector<Cell> cells;
      for (size_t column = 0; column < names.size(); ++column) {
        const bool is_key = column == 0 || column == 14;
        cells.push_back(Cell::text(is_key ? "k" : fmt::format("{}.{}.{}", i, step, column)));
      }
      if (step == 1) cells[5] = Cell::unavailable();
      batch.add(maker.make(Op::update, kBaseUs + i, cells), message(2 * i + step));
    }
    applier.apply(batch);
  }
  EXPECT_EQ(versions(), 6);
  EXPECT_THAT(rows(fmt::format("SELECT ended_at, u, g FROM public.\"{}\"", table_)),
              ElementsAre("k,2.0.5,2.1.12"));
}

TEST_F(Apply, ColumnThatAUserMadeVarcharIsStillCompared) {
  Applier applier(*catalog_, {"src", {}});
  const auto apply_value = [&](int64_t offset, const std::string& value) {
    Batch batch;
    batch.add(keyed_.make(Op::update, kBaseUs + offset, {Cell::int4(1), Cell::text(value)}),
              message(offset));
    applier.apply(batch);
  };
  apply_value(0, "a");
  catalog::Connection connection = database_->connect();
  connection.exec(fmt::format("ALTER TABLE public.\"{}__\" ALTER v TYPE varchar(10)", table_));
  catalog_->reload(connection);
  apply_value(1, "a");
  apply_value(2, "b");
  EXPECT_THAT(rows(fmt::format("SELECT v FROM public.\"{}__\" ORDER BY __id", table_)),
              ElementsAre("a", "b"));
}

TEST_F(Apply, TruncateOfATableThatWasNeverSeenDoesNothing) {
  Applier applier(*catalog_, {"src", {}});
  Batch batch;
  batch.add(keyed_.make(Op::truncate, kBaseUs, {}), message(0));
  applier.apply(batch);
  EXPECT_THAT(
      rows(fmt::format("SELECT 1 FROM metadb.source_table WHERE source_table = '{}'", table_)),
      ElementsAre());
}

// A late truncate is known to come behind changes that were made after it.
TEST_F(Apply, LateTruncateSparesWhatBeganLater) {
  Applier applier(*catalog_, {"src", {}});
  Batch batch;
  int64_t offset = 0;
  const auto put = [&](int32_t id, int64_t after_us, const std::string& v) {
    batch.add(keyed_.make(Op::update, kBaseUs + after_us, {Cell::int4(id), Cell::text(v)}),
              message(offset++));
  };
  put(1, 0, "before");
  put(2, 0, "before");
  put(2, 500 * kDayUs, "after");
  put(3, 10, "beside");  // in the transaction of the truncate
  put(4, 20, "after");
  put(5, 0, "before");
  put(5, 5, "ended before");
  batch.add(keyed_.make(Op::remove, kBaseUs + 8, {Cell::int4(5), Cell::null()}), message(offset++));
  batch.add(keyed_.make(Op::truncate, kBaseUs + 10, {}), message(offset++));
  batch.spare_newer(keyed_.table);
  applier.apply(batch);
  EXPECT_THAT(current(), ElementsAre("2,after", "3,beside", "4,after"));
  EXPECT_THAT(
      rows(fmt::format("SELECT id, v, (extract(epoch FROM __start) * 1000000)::bigint - {0}, "
                       "(extract(epoch FROM __end) * 1000000)::bigint - {0} FROM public.\"{1}__\" "
                       "WHERE NOT __current ORDER BY 1, 3",
                       kBaseUs, table_)),
      ElementsAre("1,before,0,10", "2,before,0,10", "5,before,0,5", "5,ended before,5,8"));
}

TEST_F(Apply, MoreShapesInOneBatchThanStagingTablesAreKept) {
  Applier applier(*catalog_, {"src", {}});
  Batch batch;
  for (int i = 0; i < 260; ++i) {
    // Schemas of equal content that are not the same object, kept apart by truncates.
    const ChangeMaker maker{keyed_.table,
                            schema_of({{"id", PgType::int4}, {"v", PgType::text}}, {0})};
    batch.add(maker.make(Op::update, kBaseUs + i, {Cell::int4(1), Cell::text("x")}),
              message(2 * i));
    batch.add(maker.make(Op::truncate, kBaseUs + i, {}), message(2 * i + 1));
  }
  applier.apply(batch);
  EXPECT_EQ(versions(), 260);
  EXPECT_TRUE(current().empty());
}

TEST_F(Apply, StagingTablesThatAreNotUsedAreDropped) {
  Applier applier(*catalog_, {"src", {}});
  const auto apply_one = [&](int32_t id) {
    Batch batch;
    batch.add(keyed_.make(Op::update, kBaseUs, {Cell::int4(id), Cell::text("x")}), message(id));
    applier.apply(batch);
  };
  // Other tests' sessions may still be ending.
  const auto temporary = [&](const std::string& columns) {
    return rows(fmt::format(
        "SELECT {} FROM pg_class WHERE relpersistence = 't' AND relnamespace = "
        "(SELECT relnamespace FROM pg_class WHERE relname = 'work' ORDER BY oid DESC LIMIT 1) AND "
        "relkind = 'r' AND relname <> 'ended' ORDER BY relname",
        columns));
  };
  apply_one(1);
  const auto now = Applier::Clock::now();
  applier.tidy_up(now);
  EXPECT_THAT(temporary("relname"), ElementsAre("stage_1", "work"));
  const auto before = temporary("relfilenode");
  applier.tidy_up(now + std::chrono::hours(2));
  EXPECT_THAT(temporary("relname"), ElementsAre("work"));
  EXPECT_NE(temporary("relfilenode").at(0), before.at(1)) << "work is as old as it was";
  apply_one(2);
  EXPECT_THAT(current(), ElementsAre("1,x", "2,x"));
}

TEST_F(Apply, OriginsMustAgreeBeforeTheKeyChanges) {
  have_origins();
  int64_t offset = 0;
  // One row, by a connection of its own, as after any error.
  const auto apply_one = [&](const std::string& schema, std::vector<uint16_t> key, int32_t k) {
    const ChangeMaker maker{std::make_shared<const ingest::EventTable>(
                                ingest::EventTable{"srv", "shop", schema, table_}),
                            schema_of({{"id", PgType::int4}, {"k", PgType::int4}}, std::move(key))};
    Batch batch;
    batch.add(maker.make(Op::create, kBaseUs, {Cell::int4(1), Cell::int4(k)}), message(offset++));
    Applier(*catalog_, {"src", {}}).apply(batch);
  };
  const auto index = [&] {
    return rows(fmt::format("SELECT 's.\"zzz___{}___key\"'::regclass::oid", table_)).at(0);
  };
  for (const char* origin : {"east_s", "west_s"})
    for (int32_t k = 0; k < 2; ++k) apply_one(origin, {0, 1}, k);
  const std::string before = index();
  for (int i = 0; i < 2; ++i) {
    try {
      apply_one("west_s", {0}, 1);
      FAIL() << "rows of one origin were ended by the key of another";
    } catch (const LaneStopped& stopped) {
      EXPECT_EQ(stopped.sqlstate, "55006");
      EXPECT_THAT(stopped.message(), AllOf(HasSubstr("east_s."), HasSubstr("west_s.")));
    }
    apply_one("east_s", {0, 1}, 1);
  }
  EXPECT_EQ(index(), before) << "the indexes were built anew";
  EXPECT_THAT(rows(fmt::format("SELECT count(*) FROM s.\"{}\"", table_)), ElementsAre("4"));
  apply_one("east_s", {0}, 3);
  apply_one("west_s", {0}, 4);
  EXPECT_THAT(rows(fmt::format("SELECT __origin, id, k FROM s.\"{}\" ORDER BY 1", table_)),
              ElementsAre("east,1,3", "west,1,4"));
}

// West says what it wants, and takes it back.
TEST_F(Apply, OriginThatReturnsToTheKeyHasItsSay) {
  have_origins();
  const auto apply_one = [&](const std::string& schema, std::vector<uint16_t> key) {
    const ChangeMaker maker{std::make_shared<const ingest::EventTable>(
                                ingest::EventTable{"srv", "shop", schema, table_}),
                            schema_of({{"id", PgType::int4}, {"k", PgType::int4}}, std::move(key))};
    Batch batch;
    batch.add(maker.make(Op::create, kBaseUs, {Cell::int4(1), Cell::int4(1)}), message(0));
    Applier(*catalog_, {"src", {}}).apply(batch);
  };
  apply_one("east_s", {0, 1});
  EXPECT_THROW(apply_one("west_s", {0}), LaneStopped);
  apply_one("west_s", {0, 1});
  EXPECT_THROW(apply_one("east_s", {0}), LaneStopped);
}

TEST_F(Apply, KeyChangeKeepsRowsWhoseNewKeyIsNull) {
  Applier applier(*catalog_, {"src", {}});
  Batch first;
  for (int id = 1; id <= 3; ++id)
    first.add(keyed_.make(Op::create, kBaseUs, {Cell::int4(id), Cell::text("x")}), message(id));
  applier.apply(first);
  const ChangeMaker rekeyed{
      keyed_.table,
      schema_of({{"id", PgType::int4}, {"v", PgType::text}, {"code", PgType::int4}}, {2})};
  Batch second;
  second.add(rekeyed.make(Op::update, kBaseUs + 1, {Cell::int4(9), Cell::text("y"), Cell::int4(7)}),
             message(4));
  applier.apply(second);
  EXPECT_THAT(current(), ElementsAre("1,x", "2,x", "3,x", "9,y"));
}

}  // namespace
}  // namespace metadb::tests
