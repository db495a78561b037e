#include "ingest/batch.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/ingest/changes.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
using ingest::Batch;
using ingest::Op;
using ingest::RunKind;
using testing::ElementsAre;

constexpr int64_t kNowUs = 1'700'000'000'000'000;

ChangeMaker maker(std::vector<uint16_t> key = {0}) {
  return {event_table("t"), schema_of({{"id", PgType::int4}, {"v", PgType::text}}, std::move(key))};
}

ingest::Change row(const ChangeMaker& from, Op op, int id, int64_t ts_us = kNowUs) {
  return from.make(op, ts_us, {Cell::int4(id), Cell::text("x")});
}

std::vector<RunKind> kinds(const Batch& batch) {
  std::vector<RunKind> out;
  for (const ingest::Run& run : batch.tables().at(0).runs) out.push_back(run.kind);
  return out;
}

TEST(Batch, JoinsWhatOneMergeCanTakeAndKeepsTheOrder) {
  const ChangeMaker keyed = maker();
  Batch batch;
  for (const Op op : {Op::create, Op::update, Op::remove})
    batch.add(row(keyed, op, 1), message_at(0));
  batch.add(keyed.make(Op::truncate, kNowUs, {}), message_at(3));
  batch.add(row(keyed, Op::create, 1), message_at(4));
  EXPECT_THAT(kinds(batch), ElementsAre(RunKind::merge, RunKind::truncate, RunKind::merge));
  EXPECT_EQ(batch.changes(), 5U);
  EXPECT_EQ(batch.tables()[0].runs[0].changes(), 3U);
  EXPECT_TRUE(batch.tables()[0].runs[0].has_delete);
}

// Of a thousand that were fetched with it the batch may have none.
TEST(Batch, KeepsItsMessagesAndNothingThatWasFetchedWithThem) {
  const ChangeMaker keyed = maker();
  const std::string large(300'000, 'y');
  Batch batch;
  std::vector<std::weak_ptr<const void>> fetched;
  for (int id = 0; id < 500; ++id) {
    const auto bytes = std::make_shared<const std::string>(
        id == 300 ? large : fmt::format("{} {}", id, std::string(1000, 'x')));
    fetched.emplace_back(bytes);
    ingest::Message message = message_at(id);
    message.topic = "topic";
    message.key = std::string_view(*bytes).substr(0, 2);
    message.value = *bytes;
    if (id == 7) message.value.reset();
    message.headers = {{"header", std::to_string(id)}};
    message.owner = bytes;
    batch.add(row(keyed, Op::update, id), message);
  }
  for (const auto& bytes : fetched) ASSERT_TRUE(bytes.expired());
  const ingest::Run run = batch.tables()[0].runs[0].slice(0, 500);
  batch = Batch();
  for (int id = 0; id < 500; ++id) {
    const ingest::Message& kept = run.messages[static_cast<size_t>(id)];
    EXPECT_EQ(kept.topic, "topic");
    EXPECT_EQ(kept.offset, id);
    EXPECT_EQ(kept.headers.at(0).value, std::to_string(id));
    if (id == 300) {
      EXPECT_EQ(kept.value, large);
    } else if (id == 7) {
      EXPECT_EQ(kept.value, std::nullopt);
    } else {
      EXPECT_EQ(kept.value, fmt::format("{} {}", id, std::string(1000, 'x')));
      EXPECT_EQ(kept.key, kept.value->substr(0, 2));
    }
  }
}

// The byte that says so stands behind n, d and ts, in the tuple of each change.
std::string repeats(const ingest::Run& run) {
  std::string out;
  size_t begin = 0;
  for (const size_t end : run.row_ends) {
    out += run.rows[begin + 2 + 12 + 5 + 12 + 4] == '\1' ? 'r' : '-';
    begin = end;
  }
  return out;
}

TEST(Batch, MarksTheChangesWhoseKeyOccursAgain) {
  const ChangeMaker keyed = maker();
  Batch batch;
  for (const int id : {1, 2, 3, 2, 4, 1, 2}) batch.add(row(keyed, Op::update, id), message_at(0));
  const ingest::Run& run = batch.tables()[0].runs[0];
  EXPECT_EQ(repeats(run), "rr-r-rr");
  EXPECT_TRUE(run.has_repeats);
  EXPECT_EQ(repeats(run.slice(1, 4)), "r-r");
  EXPECT_TRUE(run.slice(1, 4).has_repeats);
  batch.add(keyed.make(Op::truncate, kNowUs, {}), message_at(7));
  batch.add(row(keyed, Op::update, 1), message_at(8));
  EXPECT_EQ(repeats(batch.tables()[0].runs[2]), "-") << "what a truncate ended is another row";
}

TEST(Batch, TellsKeysOfSeveralColumnsApart) {
  const ChangeMaker pair{
      event_table("t"),
      schema_of({{"v", PgType::text}, {"a", PgType::text}, {"b", PgType::text}}, {2, 1})};
  Batch batch;
  for (const auto& [a, b] : {std::pair("x", "yz"), std::pair("xy", "z"), std::pair("x", "yz")}) {
    batch.add(pair.make(Op::update, kNowUs, {Cell::null(), Cell::text(a), Cell::text(b)}),
              message_at(0));
  }
  EXPECT_EQ(repeats(batch.tables()[0].runs[0]), "r-r");
}

TEST(Batch, SchemasOfEqualContentShareARun) {
  const ChangeMaker first = maker();
  ChangeMaker second = maker();
  second.table = first.table;
  Batch batch;
  batch.add(row(first, Op::update, 1), message_at(0));
  batch.add(row(second, Op::update, 1), message_at(1));
  EXPECT_THAT(kinds(batch), ElementsAre(RunKind::merge));
}

TEST(Batch, TablesOfEqualNameShareTheirOrder) {
  // A decoder that forgot a table describes it by another object.
  const ChangeMaker first = maker();
  const ChangeMaker second = maker();
  Batch batch;
  batch.add(row(first, Op::update, 1), message_at(0));
  batch.add(row(second, Op::update, 1), message_at(1));
  batch.add(row(first, Op::update, 1), message_at(2));
  ASSERT_EQ(batch.tables().size(), 1U);
  EXPECT_EQ(batch.tables()[0].runs[0].changes(), 3U);
  ChangeMaker rekeyed = maker({1});
  EXPECT_TRUE(batch.must_cut(row(rekeyed, Op::update, 1)));
}

TEST(Batch, IsCutWhereTheKeyChanges) {
  const ChangeMaker by_id = maker({0});
  ChangeMaker by_value = maker({1});
  by_value.table = by_id.table;
  Batch batch;
  EXPECT_FALSE(batch.must_cut(row(by_value, Op::update, 1)));
  batch.add(row(by_id, Op::update, 1), message_at(0));
  EXPECT_FALSE(batch.must_cut(row(by_id, Op::update, 2)));
  EXPECT_TRUE(batch.must_cut(row(by_value, Op::update, 1)));
  EXPECT_FALSE(batch.must_cut(by_value.make(Op::truncate, kNowUs, {})));
}

TEST(Batch, SortsRowsWithoutKeyByWhatCanBeDone) {
  const ChangeMaker keyless = maker({});
  Batch batch;
  batch.add(row(keyless, Op::create, 1), message_at(0));
  ingest::Change update = row(keyless, Op::update, 2);
  update.before = row_of({Cell::int4(1), Cell::text("x")});
  batch.add(update, message_at(1));
  EXPECT_THAT(kinds(batch), ElementsAre(RunKind::insert, RunKind::replace));
  // What comes then may be about a row of this run.
  batch.add(row(keyless, Op::create, 3), message_at(2));
  ingest::Change removal = row(keyless, Op::remove, 3);
  removal.before = row_of({Cell::int4(3), Cell::text("x")});
  batch.add(removal, message_at(3));
  EXPECT_THAT(kinds(batch), ElementsAre(RunKind::insert, RunKind::replace));
  EXPECT_EQ(batch.tables()[0].runs[1].changes(), 3U);
  batch.add(row(keyless, Op::read, 4), message_at(4));
  EXPECT_THAT(kinds(batch), ElementsAre(RunKind::insert, RunKind::replace, RunKind::insert));
}

TEST(Batch, RefusesUpdatesAndDeletesThatNameNoRow) {
  Batch batch;
  for (const Op op : {Op::update, Op::remove}) {
    try {
      batch.add(row(maker({}), op, 1), message_at(0));
      ADD_FAILURE() << "taken without key and old row";
    } catch (const catalog::Error& error) {
      EXPECT_EQ(error.sqlstate, "0A000");
      EXPECT_THAT(error.hint, testing::HasSubstr("REPLICA IDENTITY FULL"));
    }
  }
  const ChangeMaker keyed = maker();
  EXPECT_THROW(
      batch.add(keyed.make(Op::remove, kNowUs, {Cell::null(), Cell::null()}), message_at(1)),
      catalog::Error);
  EXPECT_EQ(batch.changes(), 0U);
  EXPECT_TRUE(batch.tables().empty());
}

TEST(Batch, RefusesTimesThatNoPartitionHolds) {
  Batch batch;
  for (const int64_t ts_us : {INT64_C(-2'300'000'000'000'000), INT64_C(253'400'000'000'000'000)}) {
    try {
      batch.add(row(maker(), Op::create, 1, ts_us), message_at(0));
      ADD_FAILURE() << ts_us;
    } catch (const catalog::Error& error) {
      EXPECT_EQ(error.sqlstate, "22008");
    }
  }
  EXPECT_TRUE(batch.tables().empty());
}

TEST(Batch, SliceHoldsExactlyItsChanges) {
  const ChangeMaker keyed = maker();
  Batch batch;
  for (int i = 0; i < 5; ++i) batch.add(row(keyed, Op::read, i, kNowUs + i), message_at(i));
  const ingest::Run& run = batch.tables()[0].runs[0];
  const ingest::Run head = run.slice(0, 2);
  const ingest::Run tail = run.slice(2, 5);
  EXPECT_EQ(head.rows + tail.rows, run.rows);
  EXPECT_EQ(tail.changes(), 3U);
  EXPECT_EQ(tail.messages.front().offset, 2);
  EXPECT_EQ(tail.earliest_us(), kNowUs + 2);
  EXPECT_EQ(tail.row_ends.back(), tail.rows.size());
}

TEST(Batch, KnowsTheYearInUtc) {
  EXPECT_EQ(ingest::utc_year(1'767'225'599'999'999), 2025);
  EXPECT_EQ(ingest::utc_year(1'767'225'600'000'000), 2026);
  EXPECT_EQ(ingest::utc_year(-1), 1969);
}

}  // namespace
}  // namespace metadb::tests
