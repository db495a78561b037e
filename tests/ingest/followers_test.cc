// What leaves values out of a row of which a record was set aside waits behind it.
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
using testing::IsEmpty;

// A table (id, v, w) that refuses 'bad'; the records of a row have its id as their key.
class Followers : public Apply {
 protected:
  void SetUp() override {
    Apply::SetUp();
    keyed_.schema =
        schema_of({{"id", PgType::int4}, {"v", PgType::text}, {"w", PgType::text}}, {0});
    Batch first;
    for (const int id : {1, 2}) add(first, Op::create, id, text("a"), text("a"));
    applier_->apply(first);
    database_->connect().exec(
        fmt::format("ALTER TABLE public.\"{}__\" ADD CONSTRAINT good CHECK (v <> 'bad')", table_));
  }
  static Cell text(const std::string& value) { return Cell::text(value); }
  static Cell none() { return Cell::unavailable(); }

  ingest::Message next(int id) {
    ingest::Message out = message(offset_++);
    const auto key = std::make_shared<const std::string>(fmt::format("key {}", id));
    keys_.push_back(key);
    out.key = *key;
    return out;
  }
  void add(Batch& batch, Op op, int id, const Cell& v, const Cell& w) {
    const int64_t ts_us = kBaseUs + offset_;
    batch.add(keyed_.make(op, ts_us, {Cell::int4(id), v, w}), next(id));
  }
  ingest::Applied apply(Op op, int id, const Cell& v, const Cell& w) {
    Batch batch;
    add(batch, op, id, v, w);
    return applier_->apply(batch);
  }
  // Both halves have one time, and the insert leaves v out.
  void move(int from, int to) {
    Batch batch;
    const int64_t ts_us = kBaseUs + offset_;
    batch.add(keyed_.make(Op::remove, ts_us, {Cell::int4(from), Cell::null(), Cell::null()}),
              next(from));
    ingest::Change insert =
        keyed_.make(Op::create, ts_us, {Cell::int4(to), Cell::unavailable(), text("moved")});
    ingest::append_text(insert.fill_key.emplace(), Cell::int4(from).bytes);
    insert.old_key = fmt::format("key {}", from);
    batch.add(insert, next(to));
    applier_->apply(batch);
  }
  [[nodiscard]] std::vector<std::string> now() const {
    return rows(fmt::format("SELECT id, v, w FROM public.\"{}\" ORDER BY 1", table_));
  }
  [[nodiscard]] std::vector<std::string> waiting() const {
    return letters("\"offset\", follows, closed IS NOT NULL");
  }
  void start_again() { applier_.emplace(*catalog_, ingest::TableShaper::Context{"src", {}}); }

  std::optional<Applier> applier_{std::in_place, *catalog_,
                                  ingest::TableShaper::Context{"src", {}}};
  int64_t offset_ = 0;
  std::vector<std::shared_ptr<const std::string>> keys_;
};

TEST_F(Followers, OfTheSameBatchAreSetAsideBehindTheirLetterAlone) {
  Batch batch;
  add(batch, Op::update, 1, none(), text("before"));
  add(batch, Op::update, 1, text("bad"), text("b"));
  add(batch, Op::update, 2, none(), text("other"));
  add(batch, Op::update, 1, none(), text("c"));
  add(batch, Op::update, 1, none(), text("d"));
  const ingest::Applied applied = applier_->apply(batch);
  EXPECT_THAT(now(), ElementsAre("1,a,before", "2,a,other"));
  EXPECT_THAT(waiting(), ElementsAre("3,NULL,f", "5,3,f", "6,3,f"));
  EXPECT_THAT(letters("sqlstate, schema_name, table_name, follows_part").at(1),
              "55000,public," + table_ + ",0");
  EXPECT_THAT(letters("error").at(1),
              AllOf(HasSubstr("record at offset 3 "), HasSubstr("waits behind it")));
  EXPECT_EQ(applied.dead_letters, 3);
  // They are no reason to stop the topic.
  EXPECT_EQ(applied.letters.at(topic()), 1U);
}

TEST_F(Followers, OfLaterBatchesAndAfterANewStartAreKnown) {
  apply(Op::update, 1, text("bad"), text("b"));
  apply(Op::update, 1, none(), text("c"));
  start_again();
  apply(Op::update, 1, none(), text("d"));
  apply(Op::update, 2, none(), text("d"));
  EXPECT_THAT(now(), ElementsAre("1,a,a", "2,a,d"));
  EXPECT_THAT(waiting(), ElementsAre("2,NULL,f", "3,2,f", "4,2,f"));
}

TEST_F(Followers, ARecordThatCannotBeReadHasThemToo) {
  const ingest::Message unreadable = next(1);
  Batch batch;
  batch.add_dead_letter({"src",
                         topic(),
                         0,
                         unreadable.offset,
                         -1,
                         std::string(*unreadable.key),
                         {},
                         "22P02",
                         "no JSON",
                         {},
                         {}});
  add(batch, Op::update, 1, none(), text("c"));
  applier_->apply(batch);
  EXPECT_THAT(now(), ElementsAre("1,a,a", "2,a,a"));
  EXPECT_THAT(waiting(), ElementsAre("2,NULL,f", "3,2,f"));
}

TEST_F(Followers, WhatCameBeforeTheLetterClosesNothing) {
  Batch batch;
  add(batch, Op::update, 1, text("b"), text("b"));
  const ingest::Message unreadable = next(1);
  batch.add_dead_letter({"src",
                         topic(),
                         0,
                         unreadable.offset,
                         -1,
                         std::string(*unreadable.key),
                         {},
                         "22P02",
                         "no JSON",
                         {},
                         {}});
  add(batch, Op::update, 1, none(), text("c"));
  applier_->apply(batch);
  EXPECT_THAT(now(), ElementsAre("1,b,b", "2,a,a"));
  EXPECT_THAT(waiting(), ElementsAre("3,NULL,f", "4,3,f"));
}

TEST_F(Followers, AreNoneBeforeTheLetter) {
  Batch batch;
  add(batch, Op::update, 1, none(), text("c"));
  const ingest::Message unreadable = next(1);
  batch.add_dead_letter({"src",
                         topic(),
                         0,
                         unreadable.offset,
                         -1,
                         std::string(*unreadable.key),
                         {},
                         "22P02",
                         "no JSON",
                         {},
                         {}});
  applier_->apply(batch);
  EXPECT_THAT(now(), ElementsAre("1,a,c", "2,a,a"));
  EXPECT_THAT(waiting(), ElementsAre("3,NULL,f"));
}

// What needs nothing of the letter closes the whole chain, and ends the waiting.
TEST_F(Followers, AreClosedWithTheirLetter) {
  for (const bool is_one_batch : {true, false}) {
    Batch batch;
    const int64_t begin = offset_;
    const auto take = [&](Op op, const Cell& v, const Cell& w) {
      add(batch, op, 1, v, w);
      if (is_one_batch) return;
      applier_->apply(batch);
      batch = Batch();
    };
    take(Op::update, text("bad"), text("b"));
    take(Op::update, none(), text("c"));
    take(Op::update, text("e"), text("e"));
    take(Op::update, none(), text("f"));
    if (is_one_batch) applier_->apply(batch);
    EXPECT_THAT(now(), ElementsAre("1,e,f", "2,a,a"));
    const std::vector<std::string> all = waiting();
    ASSERT_GE(all.size(), 2U);
    EXPECT_EQ(all[all.size() - 2], fmt::format("{},NULL,t", begin));
    EXPECT_EQ(all.back(), fmt::format("{},{},t", begin + 1, begin));
  }
}

// Whatever is refused closes nothing.
TEST_F(Followers, WaitBehindTheLastThatFailed) {
  Batch batch;
  add(batch, Op::update, 1, text("bad"), text("b"));
  add(batch, Op::update, 1, none(), text("c"));
  add(batch, Op::update, 1, text("bad"), text("d"));
  add(batch, Op::update, 1, none(), text("e"));
  applier_->apply(batch);
  EXPECT_THAT(now(), ElementsAre("1,a,a", "2,a,a"));
  EXPECT_THAT(waiting(), ElementsAre("2,NULL,f", "3,2,f", "4,NULL,f", "5,4,f"));
}

TEST_F(Followers, ATruncateClosesThem) {
  apply(Op::update, 1, text("bad"), text("b"));
  apply(Op::update, 1, none(), text("c"));
  Batch batch;
  ingest::Message truncate = message(offset_++);
  truncate.key.reset();
  batch.add(keyed_.make(Op::truncate, kBaseUs + offset_, {}), truncate);
  add(batch, Op::create, 1, text("n"), text("n"));
  add(batch, Op::update, 1, none(), text("o"));
  applier_->apply(batch);
  EXPECT_THAT(now(), ElementsAre("1,n,o"));
  EXPECT_THAT(waiting(), ElementsAre("2,NULL,t", "3,2,t"));
}

// The delete half needs nothing; what the insert half leaves out stood in the letter.
TEST_F(Followers, AKeyChangeWaitsBehindTheLetterOfTheOldKey) {
  apply(Op::update, 1, text("bad"), text("b"));
  move(1, 3);
  apply(Op::update, 3, none(), text("later"));
  EXPECT_THAT(now(), ElementsAre("2,a,a"));
  EXPECT_THAT(waiting(), ElementsAre("2,NULL,t", "4,2,f", "5,2,f"));
  EXPECT_THAT(letters("convert_from(old_key, 'UTF8')").at(1), "key 1");
  // Not one whose letter was history before.
  apply(Op::update, 2, text("bad"), text("b"));
  apply(Op::update, 2, text("good"), text("b"));
  start_again();
  move(2, 4);
  EXPECT_THAT(now(), ElementsAre("4,good,moved"));
}

TEST_F(Followers, AKeyChangeIsKnownAfterANewStart) {
  apply(Op::update, 1, text("bad"), text("b"));
  Batch gone;
  const int64_t ts_us = kBaseUs + offset_;
  gone.add(keyed_.make(Op::remove, ts_us, {Cell::int4(1), Cell::null(), Cell::null()}), next(1));
  applier_->apply(gone);
  start_again();
  ingest::Change insert = keyed_.make(Op::create, ts_us, {Cell::int4(3), none(), text("moved")});
  ingest::append_text(insert.fill_key.emplace(), Cell::int4(1).bytes);
  insert.old_key = "key 1";
  Batch come;
  come.add(insert, next(3));
  applier_->apply(come);
  EXPECT_THAT(now(), ElementsAre("2,a,a"));
  EXPECT_THAT(waiting(), ElementsAre("2,NULL,t", "4,2,f"));
}

// A topic that gained partitions: the letter is in one that had the key before.
TEST_F(Followers, MayBeOfAnotherPartition) {
  apply(Op::update, 1, text("bad"), text("b"));
  offset_ = 0;
  ingest::Message moved = next(1);
  moved.partition = 1;
  Batch batch;
  batch.add(keyed_.make(Op::update, kBaseUs + 9, {Cell::int4(1), none(), text("c")}), moved);
  applier_->apply(batch);
  EXPECT_THAT(now(), ElementsAre("1,a,a", "2,a,a"));
  EXPECT_THAT(letters("part, follows_part, follows"), ElementsAre("1,0,2", "0,NULL,NULL"));
  EXPECT_THAT(letters("error").at(0), HasSubstr("offset 2 of partition 0 "));
}

TEST_F(Followers, AreLimitedPerKey) {
  apply(Op::update, 1, text("bad"), text("b"));
  apply(Op::update, 2, text("bad"), text("b"));
  Batch batch;
  // One batch may bring more.
  constexpr int64_t kWaiting = Applier::kFollowersMax + 5;
  for (int i = 0; i < kWaiting; ++i) add(batch, Op::update, 1, none(), text(std::to_string(i)));
  add(batch, Op::update, 2, none(), text("c"));
  EXPECT_EQ(applier_->apply(batch).dead_letters, kWaiting + 1);
  apply(Op::update, 2, none(), text("d"));
  try {
    apply(Op::update, 1, none(), text("too many"));
    ADD_FAILURE() << "one more was set aside";
  } catch (const LaneStopped& stopped) {
    EXPECT_EQ(stopped.sqlstate, "53400");
    EXPECT_EQ(stopped.topic, topic());
    EXPECT_TRUE(stopped.limited_until);
    EXPECT_THAT(stopped.message(), HasSubstr("1005 records of one key wait behind"));
    EXPECT_THAT(stopped.hint, AllOf(HasSubstr(R"(RETRY DEAD LETTERS FOR DATA SOURCE "src")"),
                                    HasSubstr("PURGE DEAD LETTERS")));
  }
  EXPECT_EQ(letters("1").size(), 4U + static_cast<size_t>(kWaiting));
}

// Two topics may have one key.
TEST_F(Followers, AreOfTheSameTopicOnly) {
  apply(Op::update, 1, text("bad"), text("b"));
  Batch batch;
  ingest::Message elsewhere = message_at(9, topic() + "_2");
  elsewhere.key = "key 1";
  batch.add(keyed_.make(Op::update, kBaseUs + 9, {Cell::int4(1), none(), text("c")}), elsewhere);
  applier_->apply(batch);
  EXPECT_THAT(now(), ElementsAre("1,a,c", "2,a,a"));
}

}  // namespace
}  // namespace metadb::tests
