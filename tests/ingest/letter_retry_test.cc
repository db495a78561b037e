// Dead letters that are tried again: the tables become what they would be had nothing failed.
#include "catalog/consistency.h"
#include "tests/fakes/seeds.h"
#include "tests/ingest/letters_fixture.h"

namespace metadb::tests {
namespace {

using ingest::LetterRetry;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(Letters, WithoutLaterEventBecomesTheCurrentRow) {
  RecordedTopics topics;
  topics.add({.id = 1, .value = "a", .ts_us = at(1)});
  add_broken(topics, {.op = 'u', .id = 1, .value = "b", .ts_us = at(2)});
  topics.add({.id = 2, .value = "other", .ts_us = at(3)});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  mend();
  const LetterRetry::Outcome outcome = retry();
  EXPECT_EQ(outcome.applied, 1);
  EXPECT_EQ(outcome.left, 0);
  EXPECT_THAT(versions("public"),
              ElementsAre("1,a,1700000001.000000,1700000002.000000", "1,b,1700000002.000000,now",
                          "2,other,1700000003.000000,now"));
  EXPECT_EQ(count("metadb.dead_letter"), 0);
}

TEST_F(Letters, BehindALaterEventGoesIntoHistory) {
  RecordedTopics topics;
  topics.add({.id = 1, .value = "a", .ts_us = at(1)});
  add_broken(topics, {.op = 'u', .id = 1, .value = "b", .ts_us = at(2)});
  topics.add({.op = 'u', .id = 1, .value = "c", .ts_us = at(3)});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(rows("SELECT extract(epoch FROM closed)::int FROM metadb.dead_letter"),
              ElementsAre("1700000003"));
  mend();
  EXPECT_EQ(retry().applied, 1);
  EXPECT_THAT(versions("public"),
              ElementsAre("1,a,1700000001.000000,1700000002.000000",
                          "1,b,1700000002.000000,1700000003.000000", "1,c,1700000003.000000,now"));
}

// The delete found nothing to end, and only the letter knows of it.
TEST_F(Letters, InsertBehindItsDeleteDoesNotComeBack) {
  RecordedTopics topics;
  topics.add({.id = 7, .ts_us = at(0)});
  add_broken(topics, {.id = 1, .value = "a", .ts_us = at(1)});
  topics.add({.op = 'd', .id = 1, .value = "a", .ts_us = at(2)});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  mend();
  EXPECT_EQ(retry().applied, 1);
  EXPECT_THAT(rows("SELECT id FROM t"), ElementsAre("7"));
  EXPECT_THAT(rows("SELECT id, extract(epoch FROM __end)::int FROM t__ WHERE id = 1"),
              ElementsAre("1,1700000002"));
}

// Which event closes a letter must not depend on the batch that it comes in.
TEST_F(Letters, AreClosedByLaterEventsOfOtherStreams) {
  RecordedTopics topics;
  topics.add({.id = 1, .value = "a", .ts_us = at(1)});
  add_broken(topics, {.op = 'u', .id = 1, .value = "b", .ts_us = at(2)});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(rows("SELECT closed FROM metadb.dead_letter"), ElementsAre("NULL"));
  stop();
  topics.add({.op = 'u', .id = 2, .value = "x", .ts_us = at(3)});
  topics.add({.op = 'u', .id = 1, .value = "c", .ts_us = at(4)});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(rows("SELECT extract(epoch FROM closed)::int FROM metadb.dead_letter"),
              ElementsAre("1700000004"));
}

TEST_F(Letters, OfATruncatedTableStayInHistory) {
  RecordedTopics topics;
  topics.add({.id = 1, .value = "a", .ts_us = at(1)});
  add_broken(topics, {.id = 2, .value = "b", .ts_us = at(2)});
  topics.add({.op = 't', .ts_us = at(3)});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  mend();
  EXPECT_EQ(retry().applied, 1);
  EXPECT_EQ(count("t"), 0);
  EXPECT_THAT(versions("public"), ElementsAre("1,a,1700000001.000000,1700000003.000000",
                                              "2,b,1700000002.000000,1700000003.000000"));
}

TEST_F(Letters, ThatPostgresRefusesAgainStayWithTheReasonAndCanBeTriedOnceMore) {
  RecordedTopics topics;
  topics.add({.id = 1, .value = "a", .ts_us = at(1)});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  watcher_.exec("ALTER TABLE t__ ADD CONSTRAINT good CHECK (v <> 'bad')");
  topics.add({.op = 'u', .id = 1, .value = "bad", .ts_us = at(2)});
  ASSERT_TRUE(catches_up(topics));
  ASSERT_TRUE(eventually([&] { return count("metadb.dead_letter") == 1; }));
  const LetterRetry::Outcome refused = retry();
  EXPECT_EQ(refused.applied, 0);
  EXPECT_EQ(refused.left, 1);
  EXPECT_THAT(refused.reasons, ElementsAre(HasSubstr("constraint \"good\"")));
  EXPECT_THAT(rows("SELECT sqlstate FROM metadb.dead_letter"), ElementsAre("23514"));
  EXPECT_TRUE(status().stopped_lanes.empty());
  watcher_.exec("ALTER TABLE t__ DROP CONSTRAINT good");
  EXPECT_EQ(retry().applied, 1);
  EXPECT_THAT(rows("SELECT v FROM t"), ElementsAre("bad"));
}

// What the event does not say stands in the version that held when it came.
TEST_F(Letters, WithUnavailableValuesAreFilledFromWhatHeldThen) {
  const std::string unavailable = "__debezium_unavailable_value";
  RecordedTopics topics;
  topics.add({.id = 1, .value = "a", .ts_us = at(1)});
  add_broken(topics, {.op = 'u', .id = 1, .value = unavailable, .ts_us = at(2)});
  add_broken(topics, {.op = 'u', .id = 2, .value = unavailable, .ts_us = at(2)});
  topics.add({.op = 'u', .id = 1, .value = "c", .ts_us = at(3)});
  topics.add({.op = 'd', .id = 2, .value = "c", .ts_us = at(3)});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  mend();
  EXPECT_EQ(retry().applied, 2);
  EXPECT_THAT(versions("public"),
              ElementsAre("1,a,1700000001.000000,1700000003.000000", "1,c,1700000003.000000,now",
                          "2,NULL,1700000002.000000,1700000003.000000"));
  EXPECT_THAT(rows("SELECT u.column_name FROM metadb.unresolved u JOIN t__ ON __id = row_id"
                   " WHERE id = 2"),
              ElementsAre("v"));
}

TEST_F(Letters, ThatCannotBeDecodedStay) {
  RecordedTopics topics;
  topics.add({.id = 1, .ts_us = at(1)});
  add_broken(topics, {.id = 2, .ts_us = at(2)});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  const LetterRetry::Outcome outcome = retry();
  EXPECT_EQ(outcome.left, 1);
  EXPECT_THAT(outcome.reasons, ElementsAre(HasSubstr("partition 0 offset 1: ")));
  EXPECT_EQ(count("metadb.dead_letter"), 1);
}

// Another process has the partition by now: nothing is written.
TEST_F(Letters, AreNotAppliedByAWorkerThatIsFenced) {
  RecordedTopics topics;
  topics.add({.id = 1, .value = "a", .ts_us = at(1)});
  add_broken(topics, {.op = 'u', .id = 1, .value = "b", .ts_us = at(2)});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  mend();
  watcher_.exec("UPDATE metadb.ingest_position SET epoch = epoch + 1");
  const auto order = std::make_shared<LetterRetry>(
      catalog::DeadLetterRange{"src", catalog::last_dead_letter(watcher_)});
  ASSERT_TRUE(worker_->retry(order));
  ASSERT_TRUE(eventually([&] { return !status().last_error.empty() || order->is_over(); }));
  // It takes the partition over again, and then it may.
  EXPECT_TRUE(order->await(kPatience));
  EXPECT_EQ(order->outcome().applied, 1);
  EXPECT_THAT(rows("SELECT v FROM t__ ORDER BY __id"), ElementsAre("a", "b"));
}

// Workers die in the middle of it; each letter is applied once.
TEST_F(Letters, AreAppliedOnceWhateverIsKilled) {
  RecordedTopics topics;
  for (int id = 0; id < 60; ++id) {
    topics.add({.id = id, .value = "a", .ts_us = at(id)});
    add_broken(topics, {.op = 'u', .id = id, .value = "b", .ts_us = at(100 + id)});
  }
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  mend();
  const auto order = std::make_shared<LetterRetry>(
      catalog::DeadLetterRange{"src", catalog::last_dead_letter(watcher_)});
  ASSERT_TRUE(worker_->retry(order));
  for (int kills = 0; kills < 3 && !order->await(20ms); ++kills) kill_backends();
  ASSERT_TRUE(order->await(kPatience));
  EXPECT_EQ(count("metadb.dead_letter"), 0);
  EXPECT_EQ(count("t WHERE v = 'b'"), 60);
  EXPECT_EQ(count("t__"), 120);
}

class LettersAndNone : public Letters {
 protected:
  int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  static std::string broken(unsigned round) { return fmt::format("broken{}", round); }
  static std::string whole(unsigned round) { return fmt::format("whole{}", round); }

  // Each event goes to two tables, to one of them unreadable now and then, until it is retried.
  void stream(unsigned round, const std::function<std::string()>& value) {
    RecordedTopics topics;
    const std::string first = value();
    topics.add({.id = 99, .value = first, .ts_us = kLettersBegin, .schema = broken(round)});
    topics.add({.id = 99, .value = first, .ts_us = kLettersBegin, .schema = whole(round)});
    int64_t time = kLettersBegin;
    std::map<int, bool> is_there;
    for (int i = 0; i < 60; ++i) {
      time += 1 + static_cast<int64_t>(below(20)) * 86'400 * 1'000'000 / (round % 2 == 0 ? 1 : 40);
      RowEvent event{.id = below(3), .value = value()};
      event.ts_us = time;
      const bool was_there = is_there[event.id];
      event.op = !was_there ? 'c' : below(4) == 0 ? 'd' : 'u';
      is_there[event.id] = event.op != 'd';
      event.schema = whole(round);
      topics.add(event);
      event.schema = broken(round);
      if (below(3) == 0) {
        add_broken(topics, event);
      } else {
        topics.add(event);
      }
    }
    start(topics);
    ASSERT_TRUE(catches_up(topics));
    mend();
    const LetterRetry::Outcome outcome = retry();
    EXPECT_EQ(outcome.left, 0);
    EXPECT_THAT(outcome.reasons, IsEmpty());
    EXPECT_GT(outcome.applied, 5);
    stop();
    watcher_.exec("DELETE FROM metadb.ingest_position; DELETE FROM metadb.ingest_watermark");
  }

 private:
  std::minstd_rand random_{11};
};

TEST_F(LettersAndNone, MakeTheSameTables) {
  for (unsigned round = 0; round < seeds(12); ++round) {
    stream(round, [&] { return std::string(1, static_cast<char>('a' + below(3))); });
    EXPECT_EQ(versions(broken(round)), versions(whole(round))) << "round " << round;
  }
}

TEST_F(LettersAndNone, MakeTheSameRowsOfDocuments) {
  const auto rows_of_documents = [&](const std::string& schema) {
    const std::string times =
        "extract(epoch FROM __start)::text, CASE WHEN __current THEN 'now' ELSE extract(epoch FROM "
        "__end)::text END";
    std::vector<std::string> out = rows(
        fmt::format("SELECT 'd', __root__id, n, {} FROM {}.t__d__ ORDER BY 2, __start, __end, 3",
                    times, schema));
    const std::vector<std::string> elements =
        rows(fmt::format("SELECT 'a', __root__id, __ord__a, a, {} FROM {}.t__a__ ORDER BY 2, 3, "
                         "__start, __end, 4",
                         times, schema));
    out.insert(out.end(), elements.begin(), elements.end());
    return out;
  };
  // As it stands in a string of JSON.
  const auto document = [&]() -> std::string {
    if (below(8) == 0) return "none";
    std::string elements = "0";
    for (int i = below(3); i > 0; --i) elements += fmt::format(",{}", below(2));
    return fmt::format(R"({{\"n\":{},\"a\":[{}]}})", below(2), elements);
  };
  for (unsigned round = 0; round < seeds(12); ++round) {
    for (const std::string& schema : {broken(round), whole(round)}) {
      for (const auto& [path, id] : {std::pair("$", "d"), std::pair("$.a", "a")})
        catalog::insert_json_mapping(watcher_, {schema, "t", "v", path, id});
    }
    catalog_.reload(watcher_);
    stream(round, document);
    EXPECT_EQ(versions(broken(round)), versions(whole(round))) << "round " << round;
    EXPECT_EQ(rows_of_documents(broken(round)), rows_of_documents(whole(round)))
        << "round " << round;
    for (const char* table : {"t", "t__d", "t__a"}) {
      const catalog::Table stored =
          catalog::load_tables(watcher_, catalog::TableName(broken(round), table)).at(0);
      catalog::Transaction transaction(watcher_, "BEGIN ISOLATION LEVEL REPEATABLE READ");
      EXPECT_EQ(catalog::check_table(watcher_, stored).total, 0) << stored.main();
    }
  }
}

}  // namespace
}  // namespace metadb::tests
