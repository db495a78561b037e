// Random histories of a few keys in which records fail at random, and are mended later: the tables
// become what they would be had nothing failed.
#include "catalog/consistency.h"
#include "tests/fakes/seeds.h"
#include "tests/ingest/letters_fixture.h"

namespace metadb::tests {
namespace {

// What the source holds of one table; its events go to two tables of the same history.
class FailingTable {
 public:
  FailingTable(std::string name, std::minstd_rand& random)
      : name_(std::move(name)), random_(random) {}

  // The events of one transaction, all of one time; ids are from 0 to 3.
  std::vector<RowEvent> transaction(int64_t ts_us) {
    const int id = below(4);
    const auto found = rows_.find(id);
    if (below(40) == 0) {
      rows_.clear();
      return {event('t', 0, {}, ts_us)};
    }
    if (found == rows_.end()) {
      rows_[id] = {document(), value()};
      return {event('c', id, rows_[id], ts_us)};
    }
    Row row = found->second;
    const int choice = below(8);
    if (choice == 0) {
      rows_.erase(found);
      return {event('d', id, row, ts_us)};
    }
    if (choice == 1 && rows_.size() < 4) return move(id, ts_us);
    // What does not change is left out, if it is the document.
    row.w = value();
    if (below(3) == 0) row.v = document();
    const bool leaves_out = row.v == found->second.v && below(4) > 0;
    found->second = row;
    if (leaves_out) row.v = kUnavailable;
    return {event('u', id, row, ts_us)};
  }

 private:
  struct Row {
    std::string v;
    std::string w;
  };

  // To an id that is free, in three records but for the tombstone.
  std::vector<RowEvent> move(int from, int64_t ts_us) {
    int to = 0;
    while (rows_.contains(to)) ++to;
    Row row = rows_.at(from);
    std::vector<RowEvent> out = {event('d', from, row, ts_us)};
    rows_.erase(from);
    if (below(2) == 0) row.w = value();
    rows_[to] = row;
    if (below(4) > 0) row.v = kUnavailable;
    out.push_back(event('c', to, row, ts_us));
    out.back().moved_from = from;
    return out;
  }
  RowEvent event(char op, int id, const Row& row, int64_t ts_us) const {
    return {.table = name_, .op = op, .id = id, .value = row.v, .ts_us = ts_us, .w = row.w};
  }
  int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  // Every third value is one that the broken table refuses.
  std::string value() {
    return std::string(static_cast<size_t>(2 + 4 * (below(3) / 2)),
                       static_cast<char>('a' + below(3)));
  }
  // As it stands in a string of JSON.
  std::string document() {
    std::string elements = "0";
    for (int i = below(3); i > 0; --i) elements += fmt::format(",{}", below(2));
    return fmt::format(R"({{\"n\":{},\"a\":[{}]}})", below(3), elements);
  }

  std::string name_;
  std::minstd_rand& random_;
  std::map<int, Row> rows_;
};

class FailingRecords : public Letters {
 protected:
  static constexpr int kTables = 3;

  int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }

  // Each event goes to two tables, to one of them unreadable now and then. That one refuses values,
  // too.
  void write(RecordedTopics& topics, FailingTable& table, unsigned round) {
    time_us_ +=
        1 + static_cast<int64_t>(below(20)) * 86'400 * 1'000'000 / (round % 2 == 0 ? 1 : 40);
    for (RowEvent& event : table.transaction(time_us_)) {
      event.schema = "whole";
      topics.add(event);
      event.schema = "broken";
      if (event.op != 't' && below(6) == 0) {
        add_broken(topics, event);
      } else {
        topics.add(event);
      }
      if (event.op == 'd') {
        ingest::RecordedMessage tombstone = recorded(event);
        tombstone.value.reset();
        topics.add(tombstone);
      }
    }
  }

  // A row that is never touched again.
  void make_tables(RecordedTopics& topics) {
    for (int i = 0; i < kTables; ++i) {
      for (const char* schema : {"broken", "whole"}) {
        topics.add({.table = fmt::format("t{}", i),
                    .id = 99,
                    .value = "none",
                    .ts_us = kLettersBegin,
                    .schema = schema,
                    .w = "x"});
      }
    }
  }
  // A batch that is under way locks the leaves of a table, and then the table: one of both gives
  // way.
  void alter(const std::string& sql) {
    for (;;) {
      try {
        watcher_.exec(sql);
        return;
      } catch (const catalog::Error& error) {
        if (error.sqlstate != "40P01") throw;
      }
    }
  }
  void refuse(bool by_type) {
    for (int i = 0; i < kTables; ++i) {
      alter(fmt::format(
          fmt::runtime(by_type
                           ? "ALTER TABLE broken.t{}__ ALTER w TYPE varchar(4)"
                           : "ALTER TABLE broken.t{}__ ADD CONSTRAINT short CHECK (length(w) < 5)"),
          i));
    }
  }
  void accept(bool by_type) {
    for (int i = 0; i < kTables; ++i) {
      alter(fmt::format(fmt::runtime(by_type ? "ALTER TABLE broken.t{}__ ALTER w TYPE text"
                                             : "ALTER TABLE broken.t{}__ DROP CONSTRAINT short"),
                        i));
    }
  }

  std::vector<std::string> table_of(const std::string& schema, int i) {
    const std::string times =
        "extract(epoch FROM __start)::text, CASE WHEN __current THEN 'now' ELSE extract(epoch FROM "
        "__end)::text END";
    std::vector<std::string> out = rows(fmt::format(
        "SELECT id, v, w, {} FROM {}.t{}__ ORDER BY 1, __start, __end, 2, 3", times, schema, i));
    if (!has_documents_) return out;
    for (const std::string& row :
         rows(fmt::format("SELECT 'd', __root__id, n, {} FROM {}.t{}__d__ ORDER BY 2, __start, "
                          "__end, 3",
                          times, schema, i)))
      out.push_back(row);
    for (const std::string& row :
         rows(fmt::format("SELECT 'a', __root__id, __ord__a, a, {} FROM {}.t{}__a__ ORDER BY 2, 3, "
                          "__start, __end, 4",
                          times, schema, i)))
      out.push_back(row);
    return out;
  }

  void map_documents() {
    for (const char* schema : {"broken", "whole"}) {
      for (int i = 0; i < kTables; ++i) {
        for (const auto& [path, id] : {std::pair("$", "d"), std::pair("$.a", "a")})
          catalog::insert_json_mapping(watcher_, {schema, fmt::format("t{}", i), "v", path, id});
      }
    }
    catalog_.reload(watcher_);
  }

  void check_tables() {
    for (const catalog::Table& stored : catalog::load_tables(watcher_)) {
      catalog::Transaction transaction(watcher_, "BEGIN ISOLATION LEVEL REPEATABLE READ");
      EXPECT_EQ(catalog::check_table(watcher_, stored).total, 0) << stored.main();
    }
  }

  void check(unsigned round) {
    random_.seed(round + 1);
    SCOPED_TRACE(fmt::format("round {}", round));
    has_documents_ = round % 3 == 1;
    source_.options["writers"] = std::to_string(1 + round % 3);
    source_.options["dead_letter_limit"] = "0";
    const bool by_type = below(2) == 0;
    RecordedTopics topics;
    if (has_documents_) map_documents();
    make_tables(topics);
    start(topics);
    ASSERT_TRUE(catches_up(topics));
    refuse(by_type);
    std::vector<FailingTable> tables;
    for (int i = 0; i < kTables; ++i) tables.emplace_back(fmt::format("t{}", i), random_);
    bool is_refusing = true;
    for (int i = 0; i < 240; ++i) {
      write(topics, tables[static_cast<size_t>(below(kTables))], round);
      if (below(12) == 0) {
        ASSERT_TRUE(catches_up(topics));
      }
      if (below(30) == 0) start(topics);
      if (below(80) > 0) continue;
      // Some of them are mended while more come.
      if (below(2) == 0) {
        ASSERT_TRUE(catches_up(topics));
        mend();
      } else if (is_refusing) {
        accept(by_type);
        is_refusing = false;
      }
      retry();
    }
    ASSERT_TRUE(catches_up(topics));
    followers_ += count("metadb.dead_letter WHERE follows IS NOT NULL");
    if (below(2) == 0) {
      mend();
      retry();
    }
    if (is_refusing) accept(by_type);
    mend();
    const ingest::LetterRetry::Outcome outcome = retry();
    EXPECT_EQ(outcome.left, 0);
    EXPECT_THAT(outcome.reasons, testing::IsEmpty());
    for (int i = 0; i < kTables; ++i) EXPECT_EQ(table_of("broken", i), table_of("whole", i)) << i;
    check_tables();
    stop();
  }

  std::minstd_rand random_;
  int64_t time_us_ = kLettersBegin;
  int64_t followers_ = 0;
  bool has_documents_ = false;
};

class FailingRecordsInRounds : public FailingRecords,
                               public testing::WithParamInterface<unsigned> {};

TEST_P(FailingRecordsInRounds, MakeTheTablesOfAHistoryInWhichNothingFails) {
  check(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Rounds, FailingRecordsInRounds, testing::Range(0U, seeds(6)));

}  // namespace
}  // namespace metadb::tests
