// Random histories of rows without key: the tables hold the multiset that the model holds.
#include "tests/ingest/history_test.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
using ingest::Op;

const std::vector<std::string> kKeylessColumns = {"a", "b"};

class KeylessProperty : public HistoryTest {
 protected:
  static ModelValues values(Random& random) {
    return {std::to_string(random.below(2)),
            random.one_in(3) ? std::nullopt : std::optional("v" + std::to_string(random.below(2)))};
  }
  static std::vector<Cell> cells(const ModelValues& values) {
    return {Cell::int4(std::stoi(*values[0])), values[1] ? Cell::text(*values[1]) : Cell::null()};
  }

  // With a key of (a, k) where k is NULL in every row, or with no key at all.
  static void check(unsigned seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed);
    const std::string table = fmt::format("t{}", seed);
    const std::string topic = "srv.public." + table;
    const ChangeMaker maker{event_table(table),
                            schema_of({{"a", PgType::int4}, {"b", PgType::text}}, {})};
    RowsModel model({});
    ingest::Applier applier(*catalog_, {"src", {}});
    auto batch = std::make_unique<ingest::Batch>();
    const int cut_one_in = 1 + random.below(8);
    for (int64_t offset = 0; offset < 40; ++offset) {
      const int64_t ts_us = random.time_us();
      const int dice = random.below(10);
      const ModelValues before = values(random);
      if (dice == 0) {
        model.truncate("", ts_us);
        batch->add(maker.make(Op::truncate, ts_us, {}), message_at(offset, topic));
      } else if (dice < 5) {
        model.insert("", ts_us, before);
        batch->add(maker.make(offset < 5 ? Op::read : Op::create, ts_us, cells(before)),
                   message_at(offset, topic));
      } else if (dice < 8) {
        ModelValues after = values(random);
        const bool lacks_b = random.one_in(3);
        if (lacks_b) after[1] = before[1];
        if (!model.replace("", ts_us, before, after)) ++lost_;
        std::vector<Cell> sent = cells(after);
        if (lacks_b) sent[1] = Cell::unavailable();
        ingest::Change change = maker.make(Op::update, ts_us, sent);
        change.before = row_of(cells(before));
        batch->add(change, message_at(offset, topic));
      } else {
        if (!model.replace("", ts_us, before, std::nullopt)) ++lost_;
        ingest::Change change = maker.make(Op::remove, ts_us, {Cell::null(), Cell::null()});
        change.before = row_of(cells(before));
        batch->add(change, message_at(offset, topic));
      }
      if (!random.one_in(cut_one_in)) continue;
      applier.apply(*batch);
      batch = std::make_unique<ingest::Batch>();
    }
    applier.apply(*batch);
    catalog::Connection connection = database_->connect();
    EXPECT_EQ(shown(stored_rows(connection, "public", table, kKeylessColumns)),
              shown(model.rows()));
    EXPECT_EQ(dead_letters(), lost_);
  }

  inline static int64_t lost_ = 0;  // changes whose old row is not there, in all rounds
};

TEST_F(KeylessProperty, TablesHoldTheMultisetOfTheModel) {
  for (unsigned seed = 1; seed <= 6; ++seed) check(seed);
  EXPECT_GT(lost_, 0);
}

}  // namespace
}  // namespace metadb::tests
