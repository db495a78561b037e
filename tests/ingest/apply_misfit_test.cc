// Values of events that a type which is wider than theirs does not take all the same: the column
// becomes text, and nothing is set aside.
#include <gmock/gmock.h>

#include "ingest/apply.h"
#include "tests/ingest/apply_fixture.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
using ingest::Applier;
using ingest::Batch;
using ingest::Op;
using testing::ElementsAre;
using testing::IsEmpty;

class ApplyMisfit : public Apply {
 protected:
  // Updates of row 1, all in one batch, from events that have v in that type.
  void update(PgType type, const std::vector<Cell>& values) {
    const ChangeMaker maker{keyed_.table, schema_of({{"id", PgType::int4}, {"v", type}}, {0})};
    Batch batch;
    for (const Cell& value : values) {
      ++offset_;
      batch.add(maker.make(Op::update, kBaseUs + offset_, {Cell::int4(1), value}),
                message(offset_));
    }
    applier_.apply(batch);
    EXPECT_THAT(letters("error"), IsEmpty());
  }
  [[nodiscard]] std::vector<std::string> history() const {
    return rows(fmt::format("SELECT v FROM public.\"{}__\" ORDER BY __id", table_));
  }
  [[nodiscard]] std::vector<std::string> type() const {
    return rows(fmt::format("SELECT pg_typeof(v) FROM public.\"{}__\" LIMIT 1", table_));
  }

  Applier applier_{*catalog_, {"src", {}}};
  int64_t offset_ = 0;
};

// As jsonb_send has it.
Cell jsonb(const std::string& document) {
  return Cell::text('\1' + document);
}

TEST_F(ApplyMisfit, ADateThatIsNoTimestampMakesTheColumnText) {
  Cell timestamp{Cell::Kind::value, ""};
  ingest::append_big_endian<int64_t>(timestamp.bytes, 0);
  update(PgType::timestamp, {timestamp});
  update(PgType::date, {Cell::int4(1)});
  EXPECT_THAT(type(), ElementsAre("timestamp without time zone"));
  constexpr int32_t kLast = 2145031948;  // days from 2000 on
  update(PgType::date, {Cell::int4(2), Cell::int4(kLast), Cell::int4(3)});
  EXPECT_THAT(type(), ElementsAre("text"));
  EXPECT_THAT(history(), ElementsAre("2000-01-01 00:00:00", "2000-01-02 00:00:00", "2000-01-03",
                                     "5874897-12-31", "2000-01-04"));
}

Cell not_a_number() {
  std::string framed;
  ingest::append_numeric_word_cell(framed, "NaN");
  return Cell::text(framed.substr(sizeof(int32_t)));
}

TEST_F(ApplyMisfit, ANumericThatIsNoNumberMakesAnIntegerByHandNumeric) {
  update(PgType::numeric, {Cell::numeric("1"), Cell::numeric("2.00")});
  catalog::Connection connection = database_->connect();
  {
    const catalog::Table table =
        catalog::load_tables(connection, catalog::TableName("public", table_)).at(0);
    catalog::Transaction transaction(connection);
    catalog::change_types(connection, table,
                          {{"v", "integer", PgType::int4, catalog::TypeChoice::by_hand}});
    catalog::revise(connection, table);
    transaction.commit();
  }
  update(PgType::numeric, {Cell::numeric("3"), Cell::null()});
  EXPECT_THAT(type(), ElementsAre("integer"));
  update(PgType::numeric, {Cell::numeric("4"), not_a_number(), Cell::numeric("5")});
  EXPECT_THAT(type(), ElementsAre("numeric"));
  EXPECT_THAT(history(), ElementsAre("1", "2", "3", "NULL", "4", "NaN", "5"));
}

TEST_F(ApplyMisfit, ATextThatIsNoJsonMakesAJsonColumnText) {
  update(PgType::json, {Cell::text(R"({"b":1, "a":1.00})")});
  update(PgType::text, {Cell::text(R"({"b":2,  "a":1.00})"), Cell::null()});
  EXPECT_THAT(type(), ElementsAre("json"));
  update(PgType::text, {Cell::text("[1]"), Cell::text("hello"), Cell::text("[2]")});
  EXPECT_THAT(type(), ElementsAre("text"));
  EXPECT_THAT(history(), ElementsAre(R"({"b":1, "a":1.00})", R"({"b":2,  "a":1.00})", "NULL", "[1]",
                                     "hello", "[2]"));
  update(PgType::json, {Cell::text("{}")});
  EXPECT_THAT(type(), ElementsAre("text"));
}

TEST_F(ApplyMisfit, ATextThatIsNoJsonMakesAJsonbColumnText) {
  update(PgType::jsonb, {jsonb(R"({"b":1, "a":1.00})")});
  update(PgType::text, {Cell::text("hello")});
  EXPECT_THAT(type(), ElementsAre("text"));
  EXPECT_THAT(history(), ElementsAre(R"({"a": 1.00, "b": 1})", "hello"));
}

TEST_F(ApplyMisfit, OfAJsonTheSpellingIsKeptWhereTheColumnWasJsonb) {
  update(PgType::jsonb, {jsonb(R"({"b":1, "a":1.00})")});
  const std::string document = R"({"a":1, "a":2, "x":1e2, "y":"\u0000"})";
  update(PgType::json, {Cell::text(document), Cell::text("[ ]")});
  EXPECT_THAT(type(), ElementsAre("json"));
  EXPECT_THAT(history(), ElementsAre(R"({"a": 1.00, "b": 1})", document, "[ ]"));
  update(PgType::jsonb, {jsonb("{}")});
  EXPECT_THAT(type(), ElementsAre("json"));
}

}  // namespace
}  // namespace metadb::tests
