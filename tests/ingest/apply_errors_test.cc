// What an error in a batch costs: one event, one topic, or a new try.
#include <gmock/gmock.h>

#include "ingest/apply.h"
#include "ingest/outcome.h"
#include "tests/ingest/apply_fixture.h"

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

using ApplyErrors = Apply;

// A text column that a user made narrower: what does not fit is the value's fault.
TEST_F(ApplyErrors, OneBadValueAmongManyIsSetAsideAlone) {
  Applier applier(*catalog_, {"src", {}});
  Batch first;
  first.add(keyed_.make(Op::create, kBaseUs, {Cell::int4(0), Cell::text("old")}), message(0));
  applier.apply(first);
  catalog::Connection connection = database_->connect();
  connection.exec(fmt::format(
      "ALTER TABLE public.\"{}__\" ADD CONSTRAINT short CHECK (length(v) < 8)", table_));
  Batch batch;
  for (int i = 1; i <= 50; ++i) {
    const std::string value = i == 23 ? "far too long" : "v" + std::to_string(i);
    batch.add(keyed_.make(Op::create, kBaseUs + i, {Cell::int4(i), Cell::text(value)}), message(i));
  }
  const ingest::Applied applied = applier.apply(batch);
  EXPECT_EQ(applied.dead_letters, 1);
  EXPECT_EQ(applied.versions, 49);
  EXPECT_EQ(current().size(), 50U);
  EXPECT_THAT(letters("source_name, part, \"offset\", convert_from(key, 'UTF8'), "
                      "convert_from(value, 'UTF8'), sqlstate, schema_name, table_name"),
              ElementsAre("src,0,23,key bytes,value bytes,23514,public," + table_));
  EXPECT_THAT(letters("error").at(0), HasSubstr("check constraint \"short\""));
}

// Old history that somebody had no use for. Rows that are current since then end all the same.
TEST_F(ApplyErrors, YearThatSomebodyDroppedIsMadeAgain) {
  constexpr int64_t kYearUs = 366 * kDayUs;
  Applier applier(*catalog_, {"src", {}});
  const auto apply_one = [&](Op op, int64_t ts_us, int id, const std::string& value) {
    Batch batch;
    batch.add(keyed_.make(op, ts_us, {Cell::int4(id), Cell::text(value)}), message(ts_us));
    applier.apply(batch);
  };
  for (const int id : {1, 2}) apply_one(Op::create, kBaseUs, id, "old");
  apply_one(Op::create, kBaseUs + 2 * kYearUs, 3, "new");
  database_->connect().exec(fmt::format("DROP TABLE public.\"zzz___{}___2023\"", table_));
  apply_one(Op::update, kBaseUs + 2 * kYearUs, 1, "new");
  EXPECT_THAT(current(), ElementsAre("1,new", "2,old", "3,new"));
  database_->connect().exec(fmt::format("DROP TABLE public.\"zzz___{}___2023\"", table_));
  Batch truncate;
  truncate.add(keyed_.make(Op::truncate, kBaseUs + 2 * kYearUs, {}), message(9));
  applier.apply(truncate);
  EXPECT_TRUE(current().empty());
  EXPECT_EQ(versions(), 3);
}

// What a command has committed while a batch waited must be seen by it.
TEST_F(ApplyErrors, IsolationIsOursWhateverTheDatabaseHas) {
  database_->connect().exec(
      fmt::format("ALTER DATABASE {} SET default_transaction_isolation = 'repeatable read'",
                  database_->name()));
  Applier applier(*catalog_, {"src", {}});
  const auto apply_one = [&](int id) {
    Batch batch;
    batch.add(keyed_.make(Op::create, kBaseUs, {Cell::int4(id), Cell::text("x")}), message(id));
    applier.apply(batch);
  };
  apply_one(1);
  catalog::Connection connection = database_->connect();
  connection.exec(fmt::format(
      "CREATE FUNCTION public.sees() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.v := "
      "current_setting('transaction_isolation'); RETURN NEW; END $$; CREATE TRIGGER sees BEFORE "
      "INSERT ON public.\"{}\" FOR EACH ROW EXECUTE FUNCTION public.sees()",
      table_));
  apply_one(2);
  connection.exec(
      fmt::format("ALTER DATABASE {} RESET default_transaction_isolation", database_->name()));
  EXPECT_THAT(current(), ElementsAre("1,x", "2,read committed"));
}

// Each event of a key that once had a letter would ask for it again.
TEST_F(ApplyErrors, LetterThatIsClosedIsNotAskedForAgain) {
  const ChangeMaker maker{keyed_.table,
                          schema_of({{"id", PgType::int4}, {"v", PgType::json}}, {0})};
  Applier applier(*catalog_, {"src", {}});
  const auto apply_one = [&](int64_t offset, const std::string& value) {
    Batch batch;
    batch.add(maker.make(Op::update, kBaseUs + offset, {Cell::int4(1), Cell::text(value)}),
              message(offset));
    applier.apply(batch);
  };
  apply_one(0, "no json");
  apply_one(1, "1");
  EXPECT_THAT(letters("closed IS NOT NULL"), ElementsAre("t"));
  catalog::Connection connection = database_->connect();
  connection.exec(
      "CREATE FUNCTION public.refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
      "EXCEPTION 'asked again'; END $$; CREATE TRIGGER refuses BEFORE UPDATE ON "
      "metadb.dead_letter EXECUTE FUNCTION public.refuses()");
  EXPECT_NO_THROW(apply_one(2, "2"));
  connection.exec("DROP TRIGGER refuses ON metadb.dead_letter");
  apply_one(3, "no json either");
  apply_one(4, "3");
  EXPECT_THAT(letters("closed IS NOT NULL"), ElementsAre("t", "t"));
}

TEST_F(ApplyErrors, DeadLetterTellsTheColumnAndWhatIsWrongWithIt) {
  const ChangeMaker maker{
      keyed_.table,
      schema_of({{"id", PgType::int4}, {"v", PgType::text}, {"the \"doc\"", PgType::json}}, {0})};
  Applier applier(*catalog_, {"src", {}});
  Batch batch;
  batch.add(
      maker.make(Op::create, kBaseUs, {Cell::int4(1), Cell::text("x"), Cell::text("{not json}")}),
      message(0));
  applier.apply(batch);
  EXPECT_THAT(
      letters("error").at(0),
      AllOf(testing::StartsWith("invalid input syntax for type json (22P02); "),
            HasSubstr("Token \"not\" is invalid"), HasSubstr("column c2 (\"the \"\"doc\"\"\")")));
}

TEST_F(ApplyErrors, BadValuesKeepTheOrderOfTheirNeighbours) {
  Applier applier(*catalog_, {"src", {}});
  Batch first;
  first.add(keyed_.make(Op::create, kBaseUs, {Cell::int4(1), Cell::text("0")}), message(0));
  applier.apply(first);
  database_->connect().exec(
      fmt::format("ALTER TABLE public.\"{}__\" ADD CHECK (v <> 'bad')", table_));
  Batch batch;
  int64_t offset = 1;
  for (const char* value : {"1", "bad", "2", "bad", "3"}) {
    batch.add(keyed_.make(Op::update, kBaseUs + offset, {Cell::int4(1), Cell::text(value)}),
              message(offset));
    ++offset;
  }
  applier.apply(batch);
  EXPECT_THAT(rows(fmt::format("SELECT v FROM public.\"{}__\" ORDER BY __id", table_)),
              ElementsAre("0", "1", "2", "3"));
  EXPECT_THAT(letters("\"offset\""), ElementsAre("2", "4"));
}

TEST_F(ApplyErrors, SnapshotRowThatTheTableRefusesIsSetAsideAlone) {
  Applier applier(*catalog_, {"src", {}});
  Batch first;
  first.add(keyed_.make(Op::read, kBaseUs, {Cell::int4(0), Cell::text("0")}), message(0));
  applier.apply(first);
  database_->connect().exec(
      fmt::format("ALTER TABLE public.\"{}__\" ADD CHECK (v <> 'bad')", table_));
  Batch batch;
  batch.add(keyed_.make(Op::read, kBaseUs, {Cell::int4(1), Cell::text("1")}), message(1));
  batch.add(keyed_.make(Op::read, kBaseUs, {Cell::int4(2), Cell::text("bad")}), message(2));
  batch.add(keyed_.make(Op::read, kBaseUs, {Cell::int4(3), Cell::text("3")}), message(3));
  applier.apply(batch);
  EXPECT_THAT(current(), ElementsAre("0,0", "1,1", "3,3"));
  EXPECT_THAT(letters("\"offset\""), ElementsAre("2"));
}

TEST_F(ApplyErrors, KeylessChangeWhoseOldRowIsNotHereIsSetAside) {
  Applier applier(*catalog_, {"src", {}});
  Batch batch;
  batch.add(keyless_.make(Op::create, kBaseUs, {Cell::int4(1), Cell::text("here")}), message(0));
  for (const Op op : {Op::update, Op::remove}) {
    ingest::Change change = keyless_.make(op, kBaseUs + 1, {Cell::int4(3), Cell::text("new")});
    change.before = row_of({Cell::int4(2), Cell::text("never seen")});
    batch.add(change, message(op == Op::update ? 1 : 2));
  }
  ingest::Change touched =
      keyless_.make(Op::update, kBaseUs + 2, {Cell::int4(1), Cell::text("here")});
  touched.before = row_of({Cell::int4(1), Cell::text("here")});
  batch.add(touched, message(3));
  EXPECT_EQ(applier.apply(batch).dead_letters, 2);
  EXPECT_THAT(rows(fmt::format("SELECT a, v FROM public.\"{}__\"", table_)), ElementsAre("1,here"));
  EXPECT_THAT(letters("\"offset\", sqlstate"), ElementsAre("1,02000", "2,02000"));
  EXPECT_THAT(letters("error"), testing::Each(HasSubstr("equals the old row")));
}

TEST_F(ApplyErrors, FencedBatchWritesNothing) {
  catalog::Connection connection = database_->connect();
  Batch batch;
  batch.touched.insert({topic(), 0});
  batch.positions[{topic(), 0}] = take_over(connection, "src", {{topic(), 0}}, "").at({topic(), 0});
  batch.positions[{topic(), 0}].next_offset = 1;
  batch.add(keyed_.make(Op::create, kBaseUs, {Cell::int4(1), Cell::text("x")}), message(0));
  take_over(connection, "src", {{topic(), 0}}, "");
  Applier applier(*catalog_, {"src", {}});
  try {
    applier.apply(batch);
    FAIL() << "a fenced batch was applied";
  } catch (const catalog::Error& error) {
    EXPECT_EQ(error.sqlstate, "40001");
  }
  EXPECT_EQ(versions(), 0);
  EXPECT_EQ(take_over(connection, "src", {{topic(), 0}}, "").at({topic(), 0}).next_offset, -1);
}

TEST_F(ApplyErrors, TableThatSomebodyDroppedNeedsAResync) {
  Applier applier(*catalog_, {"src", {}});
  Batch first;
  first.add(keyed_.make(Op::create, kBaseUs, {Cell::int4(1), Cell::text("x")}), message(0));
  applier.apply(first);
  database_->connect().exec(fmt::format("DROP TABLE public.\"{}__\"", table_));
  Batch second;
  second.add(keyed_.make(Op::create, kBaseUs, {Cell::int4(2), Cell::text("x")}), message(1));
  try {
    applier.apply(second);
    FAIL() << "a dropped table was written";
  } catch (const LaneStopped& stopped) {
    EXPECT_TRUE(stopped.needs_resync);
    EXPECT_EQ(stopped.topic, topic());
    EXPECT_THAT(stopped.message(), HasSubstr(table_));
  }
}

TEST_F(ApplyErrors, ColumnThatSomebodyAddedIsFoundByReloading) {
  Applier applier(*catalog_, {"src", {}});
  Batch first;
  first.add(keyed_.make(Op::create, kBaseUs, {Cell::int4(1), Cell::text("x")}), message(0));
  applier.apply(first);
  database_->connect().exec(fmt::format("ALTER TABLE public.\"{}__\" ADD w text", table_));
  const ChangeMaker wider{
      keyed_.table,
      schema_of({{"id", PgType::int4}, {"v", PgType::text}, {"w", PgType::text}}, {0})};
  Batch second;
  second.add(wider.make(Op::update, kBaseUs + 1, {Cell::int4(1), Cell::text("x"), Cell::text("w")}),
             message(1));
  // Adding the column fails, since the catalog in memory does not know it.
  applier.apply(second);
  EXPECT_THAT(rows(fmt::format("SELECT w FROM public.\"{}\"", table_)), ElementsAre("w"));
}

TEST_F(ApplyErrors, ErrorAboutNoTableStopsTheLaneOfItsTopic) {
  catalog::Connection connection = database_->connect();
  Applier applier(*catalog_, {"src", {}});
  connection.exec("ALTER TABLE metadb.dead_letter RENAME TO elsewhere");
  Batch batch;
  batch.touched.insert({topic(), 0});
  batch.add_dead_letter({"src", topic(), 0, 1, -1, {}, {}, "22P02", "no JSON", {}, {}});
  try {
    applier.apply(batch);
    ADD_FAILURE() << "a dead letter was lost";
  } catch (const LaneStopped& stopped) {
    EXPECT_EQ(stopped.topic, topic());
    EXPECT_EQ(stopped.sqlstate, "42P01");
  }
  connection.exec("ALTER TABLE metadb.elsewhere RENAME TO dead_letter");
}

TEST_F(ApplyErrors, StagingTableThatFailsStopsTheLaneOfItsTopic) {
  catalog::Connection connection = database_->connect();
  connection.exec(
      "CREATE FUNCTION public.refuse_stage() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN IF "
      "pg_catalog.current_query() LIKE 'CREATE TEMP TABLE stage%bytea%' THEN RAISE 'no' USING "
      "ERRCODE = '42501'; END IF; END $$; CREATE EVENT TRIGGER refuse_stage ON ddl_command_start "
      "EXECUTE FUNCTION public.refuse_stage()");
  const ChangeMaker refused{keyed_.table,
                            schema_of({{"id", PgType::int4}, {"v", PgType::bytea}}, {0})};
  const ChangeMaker other{event_table(table_ + "_other"), keyed_.schema};
  Applier applier(*catalog_, {"src", {}});
  Batch batch;
  batch.add(refused.make(Op::create, kBaseUs, {Cell::int4(1), Cell::text("x")}), message(0));
  batch.add(other.make(Op::create, kBaseUs, {Cell::int4(1), Cell::text("x")}),
            message_at(0, topic() + "_other"));
  try {
    applier.apply(batch);
    ADD_FAILURE() << "the staging table was made";
  } catch (const LaneStopped& stopped) {
    EXPECT_EQ(stopped.topic, topic());
    EXPECT_EQ(stopped.sqlstate, "42501");
  }
  connection.exec("DROP EVENT TRIGGER refuse_stage");
}

TEST_F(ApplyErrors, StatisticsThatFailStopNothing) {
  Applier applier(*catalog_, {"src", {}});
  Batch first;
  first.add(keyless_.make(Op::create, kBaseUs, {Cell::int4(0), Cell::text("x")}), message(0));
  applier.apply(first);
  // ANALYZE evaluates the expression of the index, which fails by then.
  catalog::Connection connection = database_->connect();
  connection.exec(fmt::format(
      "CREATE FUNCTION public.fails(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN IF "
      "pg_catalog.current_query() LIKE 'ANALYZE%' THEN RAISE EXCEPTION 'no' USING ERRCODE = "
      "'42501'; END IF; RETURN $1; END $$; CREATE INDEX ON public.\"{}\" (public.fails(a))",
      table_));
  Batch batch;
  for (int i = 1; i <= 10'000; ++i)
    batch.add(keyless_.make(Op::create, kBaseUs, {Cell::int4(i), Cell::text("x")}), message(i));
  applier.apply(batch);
  EXPECT_NO_THROW(applier.tidy_up(Applier::Clock::now()));
  EXPECT_EQ(versions(), 10'001);
}

// Others of the batch are not to blame, and nothing of it is written.
TEST_F(ApplyErrors, LockOfAUserStopsTheLaneOfItsTable) {
  Applier applier(*catalog_, {"src", {}});
  const auto apply_all = [&](int32_t id, bool is_trial = false) {
    Batch batch;
    batch.is_trial = is_trial;
    for (const char* suffix : {"", "_2", "_3"}) {
      const ChangeMaker maker{event_table(table_ + suffix), keyed_.schema};
      batch.add(maker.make(Op::create, kBaseUs, {Cell::int4(id), Cell::text("x")}),
                message_at(id, topic() + suffix));
      batch.touched.insert({topic() + suffix, 0});
    }
    applier.apply(batch);
  };
  apply_all(1);
  catalog::Connection user = database_->connect();
  user.exec("SET idle_in_transaction_session_timeout = '20s'");
  const catalog::Transaction transaction(user);
  user.exec(fmt::format("LOCK TABLE public.\"{}_2\" IN SHARE MODE", table_));
  const auto waited = [&](bool is_trial) {
    const auto begun = std::chrono::steady_clock::now();
    try {
      apply_all(2, is_trial);
      ADD_FAILURE() << "a locked table was written";
    } catch (const LaneStopped& stopped) {
      EXPECT_EQ(stopped.sqlstate, "55P03");
      EXPECT_EQ(stopped.topic, topic() + "_2");
      EXPECT_THAT(stopped.locked_tables,
                  testing::ElementsAre(fmt::format("\"public\".\"{}_2__\"", table_)));
    }
    return std::chrono::steady_clock::now() - begun;
  };
  const auto in_trial = waited(true);
  EXPECT_LT(in_trial, waited(false)) << "a lane that stood holds up the others as long as it did";
  EXPECT_EQ(versions(), 1);
}

TEST_F(ApplyErrors, LackOfLocksIsWeatherAndSaysWhatHelps) {
  Applier applier(*catalog_, {"src", {}});
  Batch first;
  first.add(keyed_.make(Op::create, kBaseUs, {Cell::int4(1), Cell::text("x")}), message(0));
  applier.apply(first);
  database_->connect().exec(fmt::format(
      "CREATE FUNCTION public.lacks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'out of "
      "shared memory' USING ERRCODE = '53200', HINT = 'You might need to increase "
      "max_locks_per_transaction.'; END $$; CREATE TRIGGER lacks BEFORE INSERT ON public.\"{}\" "
      "FOR EACH ROW EXECUTE FUNCTION public.lacks()",
      table_));
  Batch batch;
  batch.add(keyed_.make(Op::create, kBaseUs, {Cell::int4(2), Cell::text("x")}), message(1));
  try {
    applier.apply(batch);
    FAIL() << "the row was written";
  } catch (const catalog::Error& error) {
    EXPECT_EQ(dynamic_cast<const LaneStopped*>(&error), nullptr);
    EXPECT_EQ(ingest::disposition(error), ingest::Disposition::weather);
    EXPECT_THAT(error.hint, HasSubstr("tables_per_transaction"));
  }
}

TEST_F(ApplyErrors, StatisticsDoNotWaitForAUser) {
  Applier applier(*catalog_, {"src", {}});
  Batch first;
  first.add(keyless_.make(Op::create, kBaseUs, {Cell::int4(0), Cell::text("x")}), message(0));
  applier.apply(first);
  catalog::Connection user = database_->connect();
  user.exec("SET idle_in_transaction_session_timeout = '20s'");
  const catalog::Transaction transaction(user);
  user.exec(fmt::format("LOCK TABLE public.\"{}\" IN SHARE UPDATE EXCLUSIVE MODE", table_));
  Batch batch;
  for (int i = 1; i <= 10'000; ++i)
    batch.add(keyless_.make(Op::create, kBaseUs, {Cell::int4(i), Cell::text("x")}), message(i));
  applier.apply(batch);
  EXPECT_NO_THROW(user.exec("SELECT 1")) << "the lock was waited for until its holder was ended";
}

}  // namespace
}  // namespace metadb::tests
