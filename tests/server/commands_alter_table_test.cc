#include "catalog/stream_lock.h"
#include "tests/server/tables_fixture.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kOne = "00000000-0000-0000-0000-000000000001";
const std::string kTwo = "00000000-0000-0000-0000-000000000002";

class AlterTable : public TablesTest {
 protected:
  // What the source calls v comes as `extra`.
  void add_extra(int id, const std::string& value) {
    ingest::RecordedMessage message = recorded(RowEvent{.id = id, .value = value});
    std::string& text = *message.value;
    for (size_t at = 0; (at = text.find("\"v\"", at)) != std::string::npos; at += 3)
      text.replace(at, 3, "\"extra\"");
    topics_.add(message);
  }
};

TEST_F(AlterTable, AddsAColumnThatIsFilledOnceTheSourceHasIt) {
  add(1, "a");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(run("alter table public.t__ add column extra text").tag, "ALTER TABLE");
  EXPECT_EQ(type_of("extra"), "text");
  EXPECT_EQ(type_of("extra", "public.t"), "text");
  add(2, "b");
  ASSERT_TRUE(catches_up());
  add_extra(3, "c");
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(rows("SELECT id, v, extra FROM public.t ORDER BY 1"),
              ElementsAre("1|a|NULL", "2|b|NULL", "3|NULL|c"));
  EXPECT_TRUE(workers_->status("s")->stopped_lanes.empty());
}

TEST_F(AlterTable, AddedUuidIsIndexedAndTakesTheSourcesTextsWhileTheyAreUuids) {
  add(1, "a");
  ASSERT_TRUE(catches_up());
  run("alter table public.t__ add column extra uuid");
  EXPECT_EQ(indexes_of("extra").size(), 1U);
  add_extra(2, kTwo);
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("extra"), "uuid");
  EXPECT_THAT(rows("SELECT extra FROM public.t WHERE id = 2"), ElementsAre(kTwo));
  add_extra(3, "none");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("extra"), "text");
  EXPECT_THAT(rows("SELECT extra FROM public.t WHERE id > 1 ORDER BY id"),
              ElementsAre(kTwo, "none"));
  EXPECT_THAT(rows("SELECT * FROM metadb.chosen_type"), IsEmpty());
}

TEST_F(AlterTable, NamesThatAreTakenOrUnknownArePointedAt) {
  add(1, "a");
  ASSERT_TRUE(catches_up());
  const auto before = everything();
  Error error = failure("alter table public.t__ add column v text");
  EXPECT_EQ(error.sqlstate, "42701");
  EXPECT_EQ(error.message(), "column \"v\" of relation \"t__\" already exists");
  EXPECT_EQ(error.position, 35);
  EXPECT_EQ(failure("alter table public.t__ add column __id text").sqlstate, "42701");
  EXPECT_EQ(failure("alter table public.t__ add column xmin text").sqlstate, "42701");
  error = failure("alter table public.t__ add column c nonesuch");
  EXPECT_EQ(error.sqlstate, "42704");
  EXPECT_EQ(error.message(), "type \"nonesuch\" does not exist");
  EXPECT_EQ(error.position, 37);
  error = failure("alter table public.t__ alter column c type text");
  EXPECT_EQ(error.sqlstate, "42703");
  EXPECT_EQ(error.message(), "column \"c\" of relation \"t__\" does not exist");
  EXPECT_EQ(error.position, 37);
  EXPECT_EQ(failure("alter table public.t__ alter column __start type text").sqlstate, "0A000");
  error = failure("alter table public.u__ add column c text");
  EXPECT_EQ(error.sqlstate, "42P01");
  EXPECT_EQ(error.position, 13);
  for (const char* type : {"integer[]", "record", "pg_class"}) {
    error = failure("alter table public.t__ add column c " + std::string(type));
    EXPECT_TRUE(error.sqlstate == "0A000" || error.sqlstate == "42704") << type;
    EXPECT_EQ(error.position, 37) << type;
  }
  EXPECT_EQ(everything(), before);
}

TEST_F(AlterTable, IsForAdministrators) {
  add(1, "a");
  ASSERT_TRUE(catches_up());
  create_role("ann");
  for (const char* sql :
       {"alter table public.t__ add column c text",
        "alter table public.t__ alter column v type uuid", "purge data drop table public.t__",
        "refresh inferred column types", "verify consistency"}) {
    EXPECT_EQ(failure_as(role("ann"), sql).sqlstate, "42501") << sql;
  }
}

TEST_F(AlterTable, EveryScalarTypeTakesTheNullsOfAColumn) {
  superuser_.exec(
      "CREATE TYPE public.mood AS ENUM ('sad', 'ok'); CREATE DOMAIN public.small AS int CHECK "
      "(VALUE < 10)");
  add(1, std::nullopt);
  add(2, std::nullopt);
  ASSERT_TRUE(catches_up());
  for (const char* type :
       {"smallint",    "integer",     "bigint",       "real",     "double precision", "numeric",
        "boolean",     "bytea",       "date",         "time",     "timetz",           "timestamp",
        "timestamptz", "uuid",        "json",         "jsonb",    "varchar",          "char(3)",
        "bit(3)",      "varbit",      "inet",         "cidr",     "macaddr",          "interval",
        "money",       "xml",         "point",        "tsvector", "int4range",        "oid",
        "name",        "public.mood", "public.small", "text"}) {
    EXPECT_EQ(run(std::string("alter table public.t__ alter column v type ") + type).tag,
              "ALTER TABLE");
  }
  EXPECT_EQ(type_of("v"), "text");
  EXPECT_THAT(versions(), ElementsAre("1|NULL|t", "2|NULL|t"));
}

TEST_F(AlterTable, TypeHoldsForCurrentAndEndedRowsAndForEventsToCome) {
  add(1, "1");
  add(1, "2");
  add(2, "3");
  ASSERT_TRUE(catches_up());
  run("alter table public.t__ alter column v type integer");
  EXPECT_EQ(type_of("v"), "integer");
  EXPECT_THAT(rows("SELECT v + 1 FROM public.t__ ORDER BY __id"), ElementsAre("2", "3", "4"));
  add(1, "2");
  add(2, "10");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "integer");
  EXPECT_THAT(versions(), ElementsAre("1|1|f", "1|2|t", "2|3|f", "2|10|t"));
  // Nothing is lost and nothing set aside when a value does not fit any more.
  add(1, "many");
  add(2, "11");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "text");
  EXPECT_THAT(current(), ElementsAre("1|many", "2|11"));
  EXPECT_THAT(rows("SELECT * FROM metadb.dead_letter"), IsEmpty());
  EXPECT_TRUE(workers_->status("s")->stopped_lanes.empty());
}

TEST_F(AlterTable, TypesThatIngestNeverMakesAreKeptToo) {
  superuser_.exec("CREATE TYPE public.mood AS ENUM ('sad', 'ok')");
  add(1, "ok");
  ASSERT_TRUE(catches_up());
  run("alter table public.t__ alter column v type public.mood");
  add(2, "sad");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "mood");
  EXPECT_THAT(current(), ElementsAre("1|ok", "2|sad"));
  add(3, "angry");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "text");
  EXPECT_THAT(current(), ElementsAre("1|ok", "2|sad", "3|angry"));
}

// PostgreSQL's cast would cut the one, and fill up the other.
TEST_F(AlterTable, BitsStayWhileTheyHaveTheLength) {
  add(1, "101");
  ASSERT_TRUE(catches_up());
  run("alter table public.t__ alter column v type bit(3)");
  add(2, "110");
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(rows("SELECT v & B'011' FROM public.t ORDER BY id"), ElementsAre("001", "010"));
  add(2, "1011");
  add(3, "10");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "text");
  EXPECT_THAT(current(), ElementsAre("1|101", "2|1011", "3|10"));
  EXPECT_THAT(rows("SELECT * FROM metadb.dead_letter"), IsEmpty());
  const Error error = failure("alter table public.t__ alter column v type bit(3)");
  EXPECT_EQ(error.sqlstate.substr(0, 2), "22");
  EXPECT_THAT(error.message(), HasSubstr("not bit(3)"));
}

TEST_F(AlterTable, UuidStaysWhileValuesAreUuidsAndIsIndexed) {
  add(1, kOne);
  ASSERT_TRUE(catches_up());
  run("alter table public.t__ alter column v type uuid");
  EXPECT_EQ(indexes_of("v").size(), 1U);
  add(1, kTwo);
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "uuid");
  EXPECT_THAT(versions(), ElementsAre("1|" + kOne + "|f", "1|" + kTwo + "|t"));
  add(1, "x" + std::string(5000, 'y'));
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "text");
  EXPECT_THAT(indexes_of("v"), IsEmpty());
}

TEST_F(AlterTable, FirstValueThatDoesNotCastIsNamedAndNothingChanges) {
  for (int id = 1; id <= 40; ++id) add(id, std::to_string(id));
  add(17, "seventeen");
  add(17, "17");
  add(30, "thirty");
  ASSERT_TRUE(catches_up());
  const auto before = everything();
  const auto rows_before = versions();
  const Error error = failure("alter table public.t__ alter column v type integer");
  EXPECT_EQ(error.sqlstate, "22P02");
  EXPECT_EQ(error.message(), "invalid input syntax for type integer: \"seventeen\"");
  EXPECT_THAT(error.detail, HasSubstr("key (id)=(17)"));
  EXPECT_THAT(error.detail, HasSubstr("\"seventeen\""));
  EXPECT_EQ(everything(), before);
  EXPECT_EQ(versions(), rows_before);
  add(41, "x");
  EXPECT_TRUE(catches_up());
}

TEST_F(AlterTable, ValueOutsideADomainIsNamed) {
  superuser_.exec("CREATE DOMAIN public.small AS int CHECK (VALUE < 10)");
  add(1, "1");
  add(2, "20");
  ASSERT_TRUE(catches_up());
  const Error error = failure("alter table public.t__ alter column v type public.small");
  EXPECT_EQ(error.sqlstate, "23514");
  EXPECT_THAT(error.detail, HasSubstr("key (id)=(2)"));
}

TEST_F(AlterTable, ModifierIsToldNotToBeCarried) {
  add(1, "1.255");
  ASSERT_TRUE(catches_up());
  run("alter table public.t__ alter column v type numeric(10,2)");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_THAT(notices_[0].message, HasSubstr("numeric(10,2)"));
  EXPECT_EQ(type_of("v"), "numeric");
  EXPECT_THAT(current(), ElementsAre("1|1.255"));
}

TEST_F(AlterTable, KeyColumnTakesItsUniqueIndexAlong) {
  add(1, "a");
  add(2, "b");
  ASSERT_TRUE(catches_up());
  for (const char* type : {"bigint", "text", "numeric"}) {
    run(std::string("alter table public.t__ alter column id type ") + type);
    add(1, std::string("after ") + type);
    add(3, type);
    ASSERT_TRUE(catches_up());
    EXPECT_EQ(type_of("id"), type);
  }
  EXPECT_THAT(current(), ElementsAre("1|after numeric", "2|b", "3|numeric"));
  EXPECT_EQ(only("SELECT count(*) FROM pg_index WHERE indrelid = 'public.t'::regclass AND "
                 "indisunique AND indisvalid"),
            "1");
  EXPECT_EQ(run("verify consistency").tag, "VERIFY CONSISTENCY");
}

TEST_F(AlterTable, KeyTakesNoTypeWhoseTextDependsOnSettings) {
  superuser_.exec("CREATE TYPE public.level AS ENUM ('1')");
  add(1, "1");
  ASSERT_TRUE(catches_up());
  for (const char* type : {"public.level", "money"}) {
    EXPECT_EQ(failure(std::string("alter table public.t__ alter column id type ") + type).sqlstate,
              "42P17")
        << type;
    EXPECT_EQ(type_of("id"), "integer");
  }
}

TEST_F(AlterTable, NumbersOutOfRangeAreNamed) {
  add(1, "99999");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(failure("alter table public.t__ alter column v type smallint").sqlstate, "22003");
  EXPECT_EQ(type_of("v"), "text");
}

// Not of class 22: what is not implemented, and an error in the syntax.
TEST_F(AlterTable, ValueThatPostgresRefusesInOtherWordsIsNamed) {
  add(1, "1");
  add(2, "NaN");
  ASSERT_TRUE(catches_up());
  run("alter table public.t__ alter column v type numeric");
  Error error = failure("alter table public.t__ alter column v type integer");
  EXPECT_EQ(error.sqlstate, "0A000");
  EXPECT_EQ(error.message(), "cannot convert NaN to integer");
  EXPECT_THAT(error.detail, HasSubstr("key (id)=(2)"));
  EXPECT_EQ(type_of("v"), "numeric");
  add(2, "two words");
  ASSERT_TRUE(catches_up());
  error = failure("alter table public.t__ alter column v type tsquery");
  EXPECT_EQ(error.sqlstate, "42601");
  EXPECT_THAT(error.detail, HasSubstr("has the value \"two words\""));
}

TEST_F(AlterTable, KeysThatBecomeOneAreRefused) {
  add(1, "a");
  add(2, "b");
  ASSERT_TRUE(catches_up());
  const auto before = everything();
  const Error error = failure("alter table public.t__ alter column id type boolean");
  EXPECT_EQ(error.sqlstate, "23505");
  EXPECT_THAT(error.detail, HasSubstr("is duplicated"));
  EXPECT_EQ(everything(), before);
  add(1, "c");
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(current(), ElementsAre("1|c", "2|b"));
}

TEST_F(AlterTable, ViewInTheWayIsNamedWithItsOwner) {
  add(1, "1");
  ASSERT_TRUE(catches_up());
  superuser_.exec("CREATE VIEW public.\"My View\" AS SELECT v FROM public.t");
  const auto before = everything();
  const Error error = failure("alter table public.t__ alter column v type integer");
  EXPECT_EQ(error.sqlstate, "0A000");
  EXPECT_THAT(error.message(), HasSubstr("view"));
  EXPECT_THAT(error.hint, HasSubstr("view public.\"My View\" of postgres"));
  EXPECT_EQ(everything(), before);
}

// The type of its events is no reason to take back what was chosen by hand, nor to leave a type
// that nobody chose.
TEST_F(AlterTable, JsonByHandBecomesTextAtWhatIsNone) {
  add(1, R"({\"a\": 1})");
  ASSERT_TRUE(catches_up());
  run("alter table public.t__ alter column v type jsonb");
  add(2, "[1, 2]");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "jsonb");
  add(3, "[1, 2");
  ASSERT_TRUE(catches_up());
  EXPECT_EQ(type_of("v"), "text");
  EXPECT_EQ(only("SELECT v FROM public.t WHERE id = 3"), "[1, 2");
}

TEST_F(AlterTable, WaitsForTheBatchInHandAndKeepsTheNextOut) {
  add(1, "1");
  ASSERT_TRUE(catches_up());
  catalog::Connection batch = database_.connect();
  const auto table = catalog_->snapshot()->tables.at({"public", "t"});
  catalog::Transaction in_hand(batch);
  ASSERT_FALSE(catalog::share_streams(batch, {table.get()}));
  run_waiting("alter table public.t__ alter column v type integer", [&] {
    // Behind the command that waits, its table's topic stands, and the others go on.
    add(1, "2");
    add(1, "x", 'u', "other");
    EXPECT_TRUE(catches_up({topic_of({})}));
    EXPECT_TRUE(
        eventually([&] { return workers_->status("s")->stopped_lanes.contains(topic_of({})); }));
    EXPECT_THAT(workers_->status("s")->stopped_lanes.at(topic_of({})).reason,
                HasSubstr("a command works on table \"public\".\"t__\""));
    EXPECT_EQ(type_of("v"), "text");
    in_hand.commit();
  });
  EXPECT_EQ(error_, "");
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(versions(), ElementsAre("1|1|f", "1|2|t"));
  EXPECT_EQ(type_of("v"), "integer");
  EXPECT_TRUE(eventually([&] { return workers_->status("s")->stopped_lanes.empty(); }));
}

TEST_F(AlterTable, TellsEveryTenSecondsWhatItWaitsForUntilItIsCanceled) {
  add(1, "1");
  ASSERT_TRUE(catches_up());
  catalog::Connection batch = database_.connect();
  const auto table = catalog_->snapshot()->tables.at({"public", "t"});
  const auto before = everything();
  const catalog::Transaction in_hand(batch);
  ASSERT_FALSE(catalog::share_streams(batch, {table.get()}));
  std::vector<std::string> told;
  std::mutex mutex;
  server::Context context({.user = "postgres", .database = database_.name()}, stop_.get_token(),
                          [&](const server::Notice& notice) {
                            const std::scoped_lock lock(mutex);
                            told.push_back(notice.severity + " " + notice.message);
                          });
  std::string sqlstate;
  std::jthread running([&] {
    try {
      commands_->run(command("alter table public.t__ alter column v type integer"), context);
    } catch (const Error& error) {
      sqlstate = error.sqlstate;
    }
  });
  EXPECT_TRUE(eventually([&] {
    const std::scoped_lock lock(mutex);
    return !told.empty();
  }));
  EXPECT_THAT(told[0], HasSubstr("NOTICE waiting for the ingest of table \"public\".\"t__\""));
  stop_.request_stop();
  running.join();
  EXPECT_EQ(sqlstate, "57014");
  EXPECT_EQ(everything(), before);
}

TEST_F(AlterTable, WaitsForReadersWithoutHoldingUpOthersAndNamesThem) {
  add(1, "1");
  ASSERT_TRUE(catches_up());
  catalog::Connection reader = database_.connect();
  std::optional<catalog::Transaction> reading(reader);
  reader.exec("SELECT * FROM public.t__");
  std::atomic<bool> is_told = false;
  std::string detail;
  server::Context context({.user = "postgres", .database = database_.name()}, stop_.get_token(),
                          [&](const server::Notice& notice) {
                            detail = notice.detail;
                            is_told = true;
                          });
  std::jthread running(
      [&] { commands_->run(command("alter table public.t__ add column c text"), context); });
  EXPECT_TRUE(eventually([&] { return is_told.load(); }));
  EXPECT_THAT(detail, HasSubstr("process " + std::to_string(reader.backend_pid())));
  // Who comes now does not queue behind it for longer than its lock_timeout.
  EXPECT_EQ(rows("SELECT id FROM public.t").size(), 1U);
  reading->commit();
  running.join();
  EXPECT_EQ(type_of("c"), "text");
}

// A rewrite that takes until the test lets it go on.
class SlowRewrite : public AlterTable {
 protected:
  void SetUp() override {
    superuser_.exec(
        "CREATE FUNCTION public.lingers(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM "
        "pg_advisory_xact_lock_shared(42); RETURN true; END $$; CREATE DOMAIN public.slow AS text "
        "CHECK (public.lingers(VALUE))");
    add(1, "1");
    ASSERT_TRUE(catches_up());
  }
  const std::string kAlter = "alter table public.t__ alter column v type public.slow";
};

TEST_F(SlowRewrite, OtherTablesGoOnMeanwhileAndTheTableAfterwards) {
  catalog::Connection holder = database_.connect();
  holder.exec("SELECT pg_advisory_lock(42)");
  run_waiting(kAlter, [&] {
    for (int i = 0; i < 3; ++i) {
      add(i, "2");
      add(i, "x", 'u', "other");
      add(i, "x", 'u', "new" + std::to_string(i));
      EXPECT_TRUE(catches_up({topic_of({})}));
    }
    EXPECT_EQ(only("SELECT count(*) FROM public.other"), "3");
    EXPECT_TRUE(workers_->status("s")->stopped_lanes.contains(topic_of({})));
    holder.exec("SELECT pg_advisory_unlock(42)");
  });
  EXPECT_EQ(error_, "");
  ASSERT_TRUE(catches_up());
  EXPECT_THAT(current(), ElementsAre("0|2", "1|2", "2|2"));
  EXPECT_EQ(type_of("v"), "slow");
}

TEST_F(SlowRewrite, CanBeCanceled) {
  const auto before = everything();
  catalog::Connection holder = database_.connect();
  holder.exec("SELECT pg_advisory_lock(42)");
  run_waiting(kAlter, [&] { stop_.request_stop(); });
  EXPECT_EQ(error_, "57014");
  EXPECT_EQ(everything(), before);
  // The locks went with the command.
  add(1, "2");
  EXPECT_TRUE(catches_up());
}

TEST_F(AlterTable, AddedColumnWhoseIndexFailsIsTakenBack) {
  add(1, "1");
  ASSERT_TRUE(catches_up());
  const auto columns = rows(
      "SELECT attname FROM pg_attribute WHERE attrelid = "
      "'public.t__'::regclass AND NOT attisdropped");
  superuser_.exec(
      "CREATE FUNCTION public.no_index() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
      "'no' USING ERRCODE = '53100'; END $$; CREATE EVENT TRIGGER no_index ON ddl_command_start "
      "WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION public.no_index()");
  EXPECT_EQ(failure("alter table public.t__ add column c uuid").sqlstate, "53100");
  superuser_.exec("DROP EVENT TRIGGER no_index");
  EXPECT_EQ(rows("SELECT attname FROM pg_attribute WHERE attrelid = 'public.t__'::regclass AND NOT "
                 "attisdropped"),
            columns);
  EXPECT_THAT(rows("SELECT * FROM metadb.chosen_type"), IsEmpty());
  EXPECT_EQ(catalog_->snapshot()->tables.at({"public", "t"})->column("c"), nullptr);
  run("alter table public.t__ add column c uuid");
  EXPECT_EQ(indexes_of("c").size(), 1U);
}

// Its index takes until the test lets it go on.
class SlowIndex : public AlterTable {
 protected:
  void SetUp() override {
    add(1, "1");
    ASSERT_TRUE(catches_up());
    superuser_.exec(
        "CREATE FUNCTION public.linger() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM pg_advisory_xact_lock_shared(42); END $$; CREATE EVENT TRIGGER linger ON "
        "ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION public.linger()");
    holder_.exec("SELECT pg_advisory_lock(42)");
  }
  void release() { holder_.exec("SELECT pg_advisory_unlock(42)"); }
  bool has_column() {
    const bool is_known = catalog_->snapshot()->tables.at({"public", "t"})->column("c") != nullptr;
    const bool is_there =
        only(
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.t__'::regclass AND "
            "attname = 'c' AND NOT attisdropped") == "1";
    EXPECT_EQ(is_known, is_there);
    return is_there;
  }
  const std::string kAdd = "alter table public.t__ add column c uuid";
  catalog::Connection holder_ = database_.connect();
};

TEST_F(SlowIndex, ThatIsCanceledTakesItsColumnAlong) {
  run_waiting(kAdd, [&] { stop_.request_stop(); });
  EXPECT_EQ(error_, "57014");
  EXPECT_FALSE(has_column());
  EXPECT_THAT(rows("SELECT * FROM metadb.chosen_type"), IsEmpty());
  release();
  add(1, "2");
  EXPECT_TRUE(catches_up());
}

TEST_F(SlowIndex, IsFinishedWhereReadersKeepTheColumnFromBeingTakenBack) {
  std::optional<catalog::Transaction> reading;
  catalog::Connection reader = database_.connect();
  run_waiting(kAdd, [&] {
    reading.emplace(reader);
    reader.exec("SELECT * FROM public.t__");
    stop_.request_stop();
    EXPECT_TRUE(eventually([&] {
      return only(
                 "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%DROP COLUMN%' AND "
                 "wait_event_type = 'Lock'") == "1";
    }));
    release();
  });
  reading->commit();
  EXPECT_EQ(error_, "57014");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_THAT(notices_[0].message, HasSubstr("stays: readers kept it from being taken back"));
  EXPECT_TRUE(has_column());
  EXPECT_EQ(indexes_of("c").size(), 1U);
}

}  // namespace
}  // namespace metadb::tests
