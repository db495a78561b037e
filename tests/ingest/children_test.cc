#include "ingest/children.h"

#include <gmock/gmock.h>

#include "catalog/consistency.h"
#include "catalog/transformed_tables.h"
#include "tests/ingest/children_fixture.h"

namespace metadb::tests {
namespace {

using ingest::Op;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class Children : public ChildrenTest {};

TEST_F(Children, AreTablesOfTypedColumns) {
  map({{"$", "t"}, {"$.meta", "meta"}, {"$.tags", "tags"}, {"$.notes", "notes"}});
  put(1, R"({"name":"A","pageCount":12.50,"isOpen":true,"at":"2026-01-02T03:04:05+01:00",
            "local":"2026-01-02 03:04:05","none":null,"meta":{"createdBy":"x"},
            "tags":["a","b"],"notes":[{"noteText":"n","@n":1}]})");
  EXPECT_THAT(columns("t"),
              ElementsAre("__root__id|integer", "name|text", "page_count|numeric",
                          "is_open|boolean", "at|timestamp with time zone",
                          "local|timestamp without time zone", "meta__created_by|text"));
  EXPECT_THAT(
      current("t", "*"),
      ElementsAre(testing::HasSubstr("|1|A|12.50|t|2026-01-02 02:04:05+00|2026-01-02 03:04:05|x")));
  EXPECT_THAT(columns("tags"),
              ElementsAre("__root__id|integer", "__ord__tags|integer", "tags|text"));
  EXPECT_THAT(current("tags", "__root__id, __ord__tags, tags"), ElementsAre("1|1|a", "1|2|b"));
  EXPECT_THAT(current("notes", "__ord__notes, note_text, n"), ElementsAre("1|n|1"));
  EXPECT_THAT(rows(fmt::format("SELECT table_name, transformed, parent_schema_name, "
                               "parent_table_name, source_name FROM metadb.base_table WHERE "
                               "table_name LIKE '{}%' ORDER BY 1",
                               table_)),
              ElementsAre(table_ + "|f|||src", table_ + "__notes|t|public|" + table_ + "|src",
                          table_ + "__t|t|public|" + table_ + "|src",
                          table_ + "__tags|t|public|" + table_ + "|src"));
}

TEST_F(Children, UnchangedRowsKeepTheirVersionAndWhatIsGoneEnds) {
  map({{"$", "t"}, {"$.tags", "tags"}});
  put(1, R"({"n":1,"tags":["a","b","c"]})");
  put(1, R"({"n":1,"tags":["a","x"]})");
  put(1, R"({"n":2,"tags":["a","x"]})", "v");
  EXPECT_THAT(versions("t", "n"), ElementsAre("1|1|3", "2|3|0"));
  EXPECT_THAT(versions("tags", "__ord__tags, tags"),
              ElementsAre("1|a|1|0", "2|b|1|2", "3|c|1|2", "2|x|2|0"));
}

TEST_F(Children, FollowEveryVersionOfOneBatch) {
  map({{"$", "t"}, {"$.tags", "tags"}});
  put(7, "{}");
  apply({change(Op::update, 1, Cell::text(R"({"n":1,"tags":["a","b"]})")),
         change(Op::update, 1, Cell::text(R"({"n":2,"tags":["a"]})")),
         change(Op::remove, 1, Cell::null()),
         change(Op::update, 1, Cell::text(R"({"n":2,"tags":[null,"b"]})")),
         change(Op::update, 2, Cell::text(R"({"n":5})")), change(Op::remove, 2, Cell::null())});
  EXPECT_THAT(versions("t", "__root__id, n"),
              ElementsAre("7|NULL|1|0", "1|1|2|3", "1|2|3|4", "1|2|5|0", "2|5|6|7"));
  EXPECT_THAT(versions("tags", "__ord__tags, tags"),
              ElementsAre("1|a|2|4", "2|b|2|3", "1|NULL|5|0", "2|b|5|0"));
}

TEST_F(Children, EndWithTheirRoots) {
  map({{"$", "t"}, {"$.tags", "tags"}});
  put(1, R"({"tags":[1]})");
  put(2, R"({"tags":[2]})");
  put(3, R"({"tags":[3]})");
  apply({change(Op::remove, 2, Cell::null())});
  EXPECT_THAT(current("tags", "__root__id"), ElementsAre("1", "3"));
  apply({change(Op::truncate, 0, Cell::null())});
  EXPECT_THAT(current("tags", "__root__id"), IsEmpty());
  EXPECT_THAT(versions("tags", "tags"), ElementsAre("1|1|5", "2|2|4", "3|3|5"));
  EXPECT_THAT(versions("t", "__root__id"), ElementsAre("1|1|5", "2|2|4", "3|3|5"));
}

TEST_F(Children, OfRowsThatALateTruncateSparesStay) {
  map({{"$", "t"}, {"$.tags", "tags"}});
  put(1, R"({"tags":[1]})");
  const ingest::Change truncate = change(Op::truncate, 0, Cell::null());
  put(2, R"({"tags":[2]})");
  ingest::Batch batch;
  batch.add(truncate, message_at(offset_++, topic()));
  batch.spare_newer(truncate.table);
  applier_->apply(batch);
  EXPECT_THAT(versions("tags", "tags"), ElementsAre("1|1|2", "2|3|0"));
}

TEST_F(Children, ANullDocumentHasNoneAndAnUnavailableOneChangesNothing) {
  map({{"$", "t"}});
  put(1, R"({"n":1})");
  apply({change(Op::update, 1, Cell::unavailable(), "v")});
  EXPECT_THAT(versions("t", "n"), ElementsAre("1|1|0"));
  apply({change(Op::update, 1, Cell::null(), "v")});
  EXPECT_THAT(versions("t", "n"), ElementsAre("1|1|3"));
  // Whose document was never seen.
  apply({change(Op::create, 2, Cell::unavailable(), "v")});
  apply({change(Op::update, 2, Cell::unavailable(), "w")});
  EXPECT_THAT(versions("t", "n"), ElementsAre("1|1|3"));
}

TEST_F(Children, OfARowThatGetsAnotherKeyGoWithIt) {
  map({{"$", "t"}});
  put(1, R"({"n":1})");
  ingest::Change insert = change(Op::create, 2, Cell::unavailable(), "v");
  ingest::append_text(insert.fill_key.emplace(), Cell::int4(1).bytes);
  ingest::Change gone = change(Op::remove, 1, Cell::null());
  apply({gone, insert});
  EXPECT_THAT(current("t", "__root__id, n"), ElementsAre("2|1"));
  EXPECT_THAT(versions("t", "__root__id, n"), testing::SizeIs(2));
}

TEST_F(Children, AMappingAppliesFromTheNextVersionOfARecord) {
  put(1, R"({"n":1})");
  put(2, R"({"n":2})");
  map({{"$", "t"}});
  // Its document does not change, nor is it sent.
  apply({change(Op::update, 1, Cell::unavailable(), "v")});
  EXPECT_THAT(versions("t", "__root__id, n"), ElementsAre("1|1|3|0"));
}

TEST_F(Children, AColumnBecomesTextWithWhatStandsInTheDocuments) {
  map({{"$", "t"}, {"$.list", "list"}, {"$.list.o", "o"}});
  put(1, R"({"at":"2026-01-02T03:04:05.60Z","x":1e2,"b":true})");
  put(1, R"({"at":"2026-01-02T03:04:05+02:00","x":1.0,"b":true})");
  put(2, R"({"list":[{"o":{"k":1}},{"o":{"k":2.50}},3]})");
  put(3, R"({"at":"never","x":"y","b":0,"list":[{"o":{"k":"z"}},"e"]})");
  EXPECT_THAT(versions("t", "at, x, b"), ElementsAre("2026-01-02T03:04:05.60Z|1e2|true|1|2",
                                                     "2026-01-02T03:04:05+02:00|1.0|true|2|0",
                                                     "NULL|NULL|NULL|3|0", "never|y|0|4|0"));
  EXPECT_THAT(current("list", "__ord__list, o__k, list"),
              ElementsAre("1|1|NULL", "2|2.50|NULL", "3|NULL|3", "1|z|NULL", "2|NULL|e"));
}

// Also of documents in texts, of those with escapes that PostgreSQL refuses to read, and of objects
// that stand where an array may be.
TEST_F(Children, BecomeTextWithWhatStandsInDocumentsOfAnyKind) {
  have_table(catalog::PgType::text);
  map({{"$", "t"}, {"$.a", "a"}, {"$.a.b", "b"}});
  const std::string long_name(300, 'n');
  put(1, R"({"x":1e2,"s":"\u0000 \ud800","a":{"b":[1.5e1]},")" + long_name + R"(":1e3})");
  put(2, R"({"x":"text","a":[{"b":[[2e1],"text"]}],")" + long_name + R"(":"text"})");
  EXPECT_THAT(current("t", "*"), ElementsAre(testing::HasSubstr("|1|1e2|\uFFFD \uFFFD|1e3"),
                                             testing::HasSubstr("|2|text|NULL|text")));
  EXPECT_THAT(current("b", "b"), ElementsAre("1.5e1", "2e1", "text"));
}

// Inputs of types word that in many ways: as an error in the syntax, as an internal one.
TEST_F(Children, BecomeTextAtWhatATypeByHandRefuses) {
  map({{"$", "t"}});
  put(1, R"({"q":"'a' & 'b'","k":"1"})");
  catalog::Connection connection = database_->connect();
  connection.exec(
      "CREATE FUNCTION public.check_odd(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF $1 = "
      "'even' THEN RAISE EXCEPTION 'odd' USING ERRCODE = 'XX000'; END IF; RETURN true; END $$; "
      "CREATE DOMAIN public.odd AS text CHECK (public.check_odd(VALUE))");
  choose("t", {"q", "tsquery", std::nullopt, catalog::TypeChoice::by_hand});
  choose("t", {"k", "public.odd", std::nullopt, catalog::TypeChoice::by_hand});
  put(2, R"({"q":"'c'","k":"3"})");
  EXPECT_THAT(columns("t"), ElementsAre("__root__id|integer", "q|tsquery", "k|odd"));
  put(3, R"({"q":"a b","k":"5"})");
  EXPECT_THAT(columns("t"), ElementsAre("__root__id|integer", "q|text", "k|odd"));
  put(4, R"({"q":"a b","k":"even"})");
  EXPECT_THAT(columns("t"), ElementsAre("__root__id|integer", "q|text", "k|text"));
  EXPECT_THAT(current("t", "q, k"), ElementsAre("'a' & 'b'|1", "'c'|3", "a b|5", "a b|even"));
}

// What a document has at that place now was never in the column.
TEST_F(Children, BecomeTextWithoutValuesOfOtherDocuments) {
  map({{"$", "t"}});
  put(1, R"({"x":100,"y":1e2})");
  catalog::Connection connection = database_->connect();
  connection.exec(fmt::format("UPDATE public.{} SET doc = '{{\"x\":200,\"y\":1e2}}'", table_));
  put(2, R"({"x":"a","y":"b"})");
  EXPECT_THAT(current("t", "x, y"), ElementsAre("100|1e2", "a|b"));
}

TEST_F(Children, TimesOfBothKindsInOneColumnAreTexts) {
  map({{"$", "t"}});
  put(1, R"({"at":"2026-01-02T03:04:05Z"})");
  put(2, R"({"at":"2026-01-02T03:04:05"})");
  EXPECT_THAT(current("t", "at"), ElementsAre("2026-01-02T03:04:05Z", "2026-01-02T03:04:05"));
}

TEST_F(Children, NamesThatMeetAreToldApart) {
  map({{"$", "t"}, {"$.a", "a"}});
  const std::string long_name(200, 'x');
  put(1,
      R"({"fooBar":1,"foo_bar":2,"#fooBar":3,"":4,"a":{"b":5},"a__b":6,"__id":7,"tableoid":8,")" +
          long_name + R"(":9,")" + long_name + R"(y":10})");
  EXPECT_THAT(current("t", "foo_bar, foo_bar_2, foo_bar_3, _2, a__b_2, a__b, __id_2, tableoid_2"),
              ElementsAre("1|2|3|4|5|6|7|8"));
  EXPECT_EQ(columns("t").size(), 11U);
  // Named once and for all.
  put(1, R"({"foo_bar":22})");
  EXPECT_THAT(current("t", "foo_bar, foo_bar_2"), ElementsAre("NULL|22"));
}

TEST_F(Children, AnObjectWhereAnArrayMayBeCountsAsItsFirstElement) {
  map({{"$", "t"}, {"$.a", "a"}, {"$.a.b", "b"}});
  put(1, R"({"a":{"b":[1,2]}})");
  EXPECT_THAT(current("b", "__ord__b, b"), ElementsAre("1|1", "2|2"));
  put(2, R"({"a":[{"b":[3]},{"b":[4,5]}]})");
  put(1, R"({"a":{"b":[1,7]}})");
  EXPECT_THAT(current("b", "__root__id, __ord__a, __ord__b, b"),
              ElementsAre("1|1|1|1", "1|1|2|7", "2|1|1|3", "2|2|1|4", "2|2|2|5"));
  EXPECT_THAT(versions("b", "__root__id, b"), testing::SizeIs(6));
}

TEST_F(Children, ArraysDirectlyInArraysHaveAnOrdinalForEachLevel) {
  map({{"$", "t"}, {"$.a", "a"}});
  put(1, R"({"a":[1,2]})");
  put(1, R"({"a":[1,[2,[1e1],{"x":true}]]})");
  put(1, R"({"a":[1,["y",[1e1],{"x":"z"}]]})");
  EXPECT_THAT(columns("a"), ElementsAre("__root__id|integer", "__ord__a|integer", "a|text",
                                        "__ord__a_2|integer", "__ord__a_3|integer", "x|text"));
  EXPECT_THAT(versions("a", "__ord__a, __ord__a_2, __ord__a_3, a, x"),
              ElementsAre("1|1|1|1|NULL|1|0", "2|1|1|2|NULL|1|3", "2|2|1|1e1|NULL|2|0",
                          "2|3|1|NULL|true|2|3", "2|1|1|y|NULL|3|0", "2|3|1|NULL|z|3|0"));
  catalog::Connection connection = database_->connect();
  const catalog::Table child = catalog::load_tables(connection, name("a")).at(0);
  catalog::Transaction transaction(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ");
  EXPECT_EQ(catalog::check_table(connection, child).total, 0);
}

TEST_F(Children, HaveOrdinalsThatAnotherWriterHasMadeMeanwhile) {
  map({{"$", "t"}, {"$.a", "a"}, {"$.a.b", "b"}});
  put(1, R"({"a":{"b":[1]}})");
  catalog::Catalog other({database_->conninfo(), database_->conninfo()});
  other.open("test");
  auto late = std::make_unique<ingest::Applier>(other, ingest::TableShaper::Context{"src", {}});
  put(2, R"({"a":[{"b":[2]}]})");
  std::swap(applier_, late);
  put(3, R"({"a":{"b":[3]}})");
  EXPECT_THAT(current("b", "__ord__a, __ord__b, b"), ElementsAre("1|1|1", "1|1|2", "1|1|3"));
  std::swap(applier_, late);
}

TEST_F(Children, OfTextsThatAreNoJsonThereAreNone) {
  have_table(catalog::PgType::text);
  map({{"$", "t"}});
  put(1, R"({"n":1,"s":"a\u0000b"})");
  put(2, "not JSON");
  put(3, R"("scalar")");
  EXPECT_THAT(current("t", "__root__id, s"), ElementsAre("1|a\xEF\xBF\xBD"
                                                         "b"));
  put(1, "{");
  EXPECT_THAT(current("t", "__root__id"), IsEmpty());
}

TEST_F(Children, OfManyElementsComeAndGo) {
  map({{"$", "t"}, {"$.e", "e"}});
  std::string document = R"({"e":[)";
  for (int i = 1; i <= 30'000; ++i) document += fmt::format("{}{}", i > 1 ? "," : "", i);
  put(1, document + "]}");
  const auto sums = [&] {
    return rows(fmt::format("SELECT count(*), sum(e), sum(__ord__e) FROM public.{}__e", table_));
  };
  EXPECT_THAT(sums(), ElementsAre("30000|450015000|450015000"));
  put(1, R"({"e":[1,2,4]})");
  EXPECT_THAT(sums(), ElementsAre("3|7|6"));
  EXPECT_THAT(rows(fmt::format("SELECT count(*) FROM public.{}__e__", table_)),
              ElementsAre("30001"));
}

TEST_F(Children, EndAfterASweepOfTheirRoots) {
  map({{"$", "t"}});
  put(1, R"({"n":1})");
  put(2, R"({"n":2})");
  catalog::Connection connection = database_->connect();
  connection.exec(fmt::format("DELETE FROM public.{} WHERE id = 1", table_));
  const auto tables = catalog_->snapshot()->tables;
  const auto& parent = *tables.at({"public", table_});
  const auto& child = *tables.at({"public", table_ + "__t"});
  EXPECT_EQ(catalog::end_rows_without_root(connection, parent, child, {"east", kBaseUs}), 0);
  EXPECT_EQ(catalog::end_rows_without_root(connection, parent, child, {"", kBaseUs + 9'000'000}),
            1);
  EXPECT_THAT(versions("t", "n"), ElementsAre("1|1|9", "2|2|0"));
}

TEST_F(Children, AFieldWhoseColumnSomebodyDroppedHasANewOne) {
  map({{"$", "t"}});
  put(1, R"({"theName":"x"})");
  database_->connect().exec(fmt::format("ALTER TABLE public.{}__t__ DROP COLUMN the_name", table_));
  put(2, R"({"theName":"y"})");
  EXPECT_THAT(current("t", "__root__id, the_name"), ElementsAre("1|NULL", "2|y"));
}

// A row of a document that does not change is older than the version of its record.
TEST_F(Children, OfAYearThatSomebodyDroppedEndAllTheSame) {
  map({{"$", "t"}, {"$.tags", "tags"}});
  put(1, R"({"tags":["a"]})");
  seconds_ += 400LL * 86'400;
  put(1, R"({"tags":["a"]})", "v");
  database_->connect().exec(
      fmt::format("DROP TABLE public.zzz___{0}___2023, public.zzz___{0}__tags___2023", table_));
  put(1, R"({"tags":["b"]})", "v");
  EXPECT_THAT(current("tags", "tags"), ElementsAre("b"));
  EXPECT_EQ(versions("tags", "tags").size(), 2U);
}

TEST_F(Children, OfSeveralOriginsShareATable) {
  have_origins();
  catalog::Connection connection = database_->connect();
  connection.exec("INSERT INTO metadb.transform_json VALUES ('lib', 'both', 'doc', '$', 't')");
  catalog_->reload(connection);
  for (const char* schema : {"east_lib", "west_lib"}) {
    maker_.table = std::make_shared<const ingest::EventTable>(
        ingest::EventTable{"srv", "shop", schema, "both"});
    put(1, fmt::format(R"({{"from":"{}"}})", schema));
  }
  apply({change(Op::remove, 1, Cell::null())});
  EXPECT_THAT(rows("SELECT __origin, \"from\", __current FROM lib.both__t__ ORDER BY 1"),
              ElementsAre("east|east_lib|t", "west|west_lib|f"));
}

TEST_F(Children, TheirRootsFollowTheTypeOfTheKey) {
  map({{"$", "t"}});
  put(1, R"({"n":1})");
  maker_.schema = schema_of(
      {{"id", catalog::PgType::int8}, {"doc", catalog::PgType::json}, {"v", catalog::PgType::text}},
      {0});
  apply({maker_.make(Op::update, kBaseUs + 9'000'000,
                     {Cell::int8(5'000'000'000), Cell::text("{\"n\":2}"), Cell::null()})});
  EXPECT_THAT(current("t", "__root__id, n"), ElementsAre("1|1", "5000000000|2"));
}

TEST_F(Children, ATableThatSomebodyElseHasIsNotTaken) {
  database_->connect().exec(fmt::format("CREATE TABLE public.{}__t (x int)", table_));
  map({{"$", "t"}});
  try {
    put(1, R"({"n":1})");
    ADD_FAILURE();
  } catch (const ingest::LaneStopped& stopped) {
    EXPECT_EQ(stopped.sqlstate, "42P07");
    EXPECT_EQ(stopped.topic, topic());
  }
}

// As external SQL requires it before there is a document.
TEST_F(Children, ATableThatNothingFeedsIsTheirs) {
  catalog::Connection connection = database_->connect();
  catalog::Table table;
  const ingest::TableNames names(table_ + "__t");
  table.schema = "public";
  table.current_name = names.current;
  table.main_name = names.main;
  table.history_name = names.history;
  table.sync_name = names.sync;
  table.source_name = "src";
  table.columns = {{"the_name", "text", catalog::PgType::text},
                   {"size", "uuid", catalog::PgType::uuid}};
  {
    catalog::Transaction transaction(connection);
    catalog::create_table(connection, table);
    transaction.commit();
  }
  map({{"$", "t"}});
  put(1, R"({"theName":"x","size":3})");
  EXPECT_THAT(current("t", "__root__id, the_name, size"), ElementsAre("1|x|3"));
  EXPECT_THAT(columns("t"), ElementsAre("the_name|text", "size|text", "__root__id|integer"));
}

// The batch is written twice, since a column is missing.
TEST_F(Children, WhatABatchHasEndedIsKnownHoweverOftenItIsWritten) {
  map({{"$", "t"}});
  put(1, R"({"n":1})");
  apply({change(Op::remove, 1, Cell::null()), change(Op::update, 2, Cell::text(R"({"m":2})"))});
  EXPECT_THAT(rows(fmt::format("SELECT (extract(epoch FROM last_end) - {})::int FROM "
                               "metadb.source_table WHERE table_name = '{}'",
                               kBaseUs / 1'000'000, table_)),
              ElementsAre("2"));
}

// A command ends rows now, and what comes next has an earlier time.
TEST_F(Children, DoNotOverlapWhatACommandHasEnded) {
  map({{"$", "t"}});
  put(1, R"({"n":1})");
  catalog::Connection connection = database_->connect();
  const catalog::Table parent = catalog::load_tables(connection, name()).at(0);
  const catalog::Table child = catalog::load_tables(connection, name("t")).at(0);
  {
    catalog::Transaction transaction(connection);
    catalog::add_year(
        connection, child,
        static_cast<int>(connection.exec("SELECT extract(year FROM now())::int").int64(0, 0)));
    EXPECT_EQ(catalog::end_rows_now(connection, child), 1);
    catalog::raise_last_end_to_now(connection, name());
    catalog::revise(connection, parent);
    transaction.commit();
  }
  catalog_->reload(connection);
  for (int n = 2; n < 4; ++n) put(1, fmt::format(R"({{"n":{}}})", n));
  EXPECT_THAT(current("t", "n"), ElementsAre("3"));
  catalog::Transaction transaction(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ");
  EXPECT_EQ(catalog::check_table(connection, child).total, 0);
}

TEST_F(Children, OfATableThatHasLostItsKeyStopTheTopicUntilTheyArePurged) {
  map({{"$", "t"}});
  put(1, R"({"n":1})");
  maker_.schema = schema_of(maker_.schema->columns, {});
  try {
    apply({change(Op::create, 2, Cell::text(R"({"n":2})"))});
    ADD_FAILURE();
  } catch (const ingest::LaneStopped& stopped) {
    EXPECT_EQ(stopped.sqlstate, "55006");
    EXPECT_THAT(stopped.hint, testing::HasSubstr(table_ + "__t__"));
  }
}

TEST_F(Children, EndWithTheNextVersionOfTheirRootWhenTheColumnIsGone) {
  map({{"$", "t"}});
  put(1, R"({"n":1})");
  put(2, R"({"n":2})");
  catalog::Connection connection = database_->connect();
  connection.exec(fmt::format("ALTER TABLE public.{}__ DROP COLUMN doc", table_));
  catalog_->reload(connection);
  maker_.schema = schema_of({{"id", catalog::PgType::int4}, {"v", catalog::PgType::text}}, {0});
  apply({maker_.make(Op::remove, kBaseUs + 7'000'000, {Cell::int4(1), Cell::null()}),
         maker_.make(Op::update, kBaseUs + 8'000'000, {Cell::int4(2), Cell::text("new")})});
  EXPECT_THAT(versions("t", "n"), ElementsAre("1|1|7", "2|2|8"));
}

TEST_F(Children, AFieldGetsTheNameOfAColumnThatSomebodyDropped) {
  map({{"$", "t"}});
  put(1, R"({"theName":"x"})");
  catalog::Connection connection = database_->connect();
  connection.exec(fmt::format("ALTER TABLE public.{}__t__ DROP COLUMN the_name", table_));
  catalog_->reload(connection);
  put(2, R"({"the_name":"y"})");
  put(3, R"({"the_name":"y","theName":"z"})");
  EXPECT_THAT(current("t", "__root__id, the_name, the_name_2"),
              ElementsAre("1|NULL|NULL", "2|y|NULL", "3|y|z"));
}

TEST_F(Children, NameTheirRootsWhateverTypeTheKeyHasMeanwhile) {
  map({{"$", "t"}});
  put(1, R"({"n":1})");
  put(2, R"({"n":2})");
  catalog::Connection connection = database_->connect();
  connection.exec(fmt::format("DELETE FROM public.{} WHERE id = 1", table_));
  connection.exec(fmt::format("ALTER TABLE public.{}__ ALTER COLUMN id TYPE text", table_));
  catalog::Table parent = catalog::load_tables(connection, name()).at(0);
  const catalog::Table child = catalog::load_tables(connection, name("t")).at(0);
  ASSERT_TRUE(catalog::names_roots(parent, child));
  EXPECT_EQ(catalog::check_roots(connection, child, parent).total, 1);
  EXPECT_EQ(catalog::end_rows_without_root(connection, parent, child, {"", kBaseUs}), 1);
  EXPECT_EQ(catalog::check_roots(connection, child, parent).total, 0);
  parent.key_columns = {"id", "v"};
  EXPECT_FALSE(catalog::names_roots(parent, child));
  parent.key_columns = {"v"};
  EXPECT_FALSE(catalog::names_roots(parent, child));
  parent.key_columns = {};
  EXPECT_FALSE(catalog::names_roots(parent, child));
}

// 1.0 and 1.00 are one key.
TEST_F(Children, HaveRootsWhoseKeyIsSpelledInAnotherWayMeanwhile) {
  map({{"$", "t"}});
  maker_.schema = schema_of({{"id", catalog::PgType::numeric},
                             {"doc", catalog::PgType::json},
                             {"v", catalog::PgType::text}},
                            {0});
  for (const char* id : {"1.0", "1.00"}) {
    apply({maker_.make(Op::update, kBaseUs + ++seconds_ * 1'000'000,
                       {Cell::numeric(id), Cell::text(R"({"n":1})"), Cell::text(id)})});
  }
  EXPECT_THAT(versions("t", "__root__id"), ElementsAre("1.0|1|0"));
  catalog::Connection connection = database_->connect();
  const catalog::Table parent = catalog::load_tables(connection, name()).at(0);
  const catalog::Table child = catalog::load_tables(connection, name("t")).at(0);
  EXPECT_EQ(catalog::check_roots(connection, child, parent).total, 0);
}

TEST_F(Children, AKeyColumnThatSomebodyDroppedStopsTheTopic) {
  map({{"$", "t"}, {"$.tags", "tags"}});
  put(1, R"({"tags":[1]})");
  catalog::Connection connection = database_->connect();
  connection.exec(fmt::format("ALTER TABLE public.{}__tags__ DROP COLUMN __ord__tags", table_));
  catalog_->reload(connection);
  try {
    put(1, R"({"tags":[2]})");
    ADD_FAILURE();
  } catch (const ingest::LaneStopped& stopped) {
    EXPECT_EQ(stopped.sqlstate, "42703");
    EXPECT_THAT(stopped.hint, testing::HasSubstr(table_ + "__tags__"));
  }
}

// What has vanished is looked for by root.
TEST_F(Children, NoStatementReadsAWholeTable) {
  map({{"$", "t"}, {"$.tags", "tags"}});
  std::vector<ingest::Change> changes;
  for (int id = 0; id < 20'000; ++id)
    changes.push_back(change(Op::create, id, Cell::text(R"({"n":1,"tags":[1]})")));
  apply(changes);
  catalog::Connection connection = database_->connect();
  connection.exec(fmt::format("ANALYZE public.{0}__t, public.{0}__tags", table_));
  const auto tables = catalog_->snapshot()->tables;
  const catalog::Table& parent = *tables.at(name());
  connection.exec(ingest::ChildSql::create_roots(parent, "roots"));
  connection.exec(
      "INSERT INTO roots SELECT n, n, n, false, now(), NULL, n FROM generate_series(1, 3000) n");
  for (const char* id : {"t", "tags"}) {
    const catalog::Table& child = *tables.at(name(id));
    const ingest::ChildShape shape(child);
    const ingest::ChildSql sql(
        parent, child, shape,
        {"roots", fmt::format("{}_rows", id), fmt::format("{}_stage", id), ""});
    connection.exec(sql.create_rows());
    for (const std::string& statement : sql.merge().create_stage()) connection.exec(statement);
    const catalog::Result lines = connection.exec("EXPLAIN " + sql.stage_vanished(1));
    for (int row = 0; row < lines.rows(); ++row) {
      EXPECT_THAT(std::string(lines.text(row, 0)),
                  Not(testing::HasSubstr("Seq Scan on " + table_)));
    }
  }
}

}  // namespace
}  // namespace metadb::tests
