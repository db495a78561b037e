// Indexes of a table that its snapshot loads: built when the rows are there, or something else
// comes.
#include <gmock/gmock.h>

#include "tests/ingest/apply_fixture.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
using ingest::Applier;
using ingest::Batch;
using ingest::Op;
using testing::ElementsAre;

constexpr std::string_view kUuid = "0123456789abcdef";

class LazyIndexes : public Apply {
 protected:
  void SetUp() override {
    Apply::SetUp();
    keyed_.schema =
        schema_of({{"id", PgType::int4}, {"v", PgType::text}, {"ref", PgType::uuid}}, {0});
  }

  void apply(Op op, int id, const std::string& value) {
    Batch batch;
    batch.add(keyed_.make(op, kBaseUs + offset_,
                          {Cell::int4(id), Cell::text(value), Cell::text(std::string(kUuid))}),
              message(offset_));
    ++offset_;
    applier_->apply(batch);
  }
  // The columns of each index on current rows.
  [[nodiscard]] std::vector<std::string> indexes() const {
    return rows(fmt::format(
        "SELECT regexp_replace(indexdef, '^.* USING ', '') FROM pg_indexes WHERE schemaname = "
        "'public' AND tablename = '{}' ORDER BY 1",
        table_));
  }
  // As if the last rows had come a minute ago.
  void age() {
    connection_.exec("UPDATE metadb.table_update SET last_update = now() - interval '1 min'");
  }
  void tidy_up() { applier_->tidy_up(now_ += std::chrono::minutes(1)); }

  catalog::Connection connection_ = database_->connect();
  std::unique_ptr<Applier> applier_ =
      std::make_unique<Applier>(*catalog_, ingest::TableShaper::Context{"src", {}});
  Applier::Clock::time_point now_ = Applier::Clock::now();
  int64_t offset_ = 0;
};

const auto kUniqueOnly = ElementsAre("btree (__origin, id)");
const auto kAll = ElementsAre("btree (__id)", "btree (__origin, id)", "btree (id)", "btree (ref)");

TEST_F(LazyIndexes, AreBuiltBeforeTheFirstChange) {
  apply(Op::read, 1, "a");
  apply(Op::read, 2, "b");
  EXPECT_THAT(indexes(), kUniqueOnly);
  apply(Op::update, 1, "c");
  EXPECT_THAT(indexes(), kAll);
  EXPECT_THAT(current(), ElementsAre("1,c", "2,b"));
  EXPECT_THAT(rows(fmt::format("SELECT count(*) FROM pg_indexes WHERE tablename LIKE "
                               "'zzz___{}___20%'",
                               table_)),
              ElementsAre("3"));
}

TEST_F(LazyIndexes, AreToldOfWhileTheyAreBuilt) {
  std::vector<std::string> told;
  int built_by = 0;
  applier_ = std::make_unique<Applier>(
      *catalog_,
      ingest::TableShaper::Context{"src", {}, [&](int backend, const std::string& table) {
                                     built_by = backend;
                                     told.push_back(table);
                                   }});
  apply(Op::read, 1, "a");
  EXPECT_THAT(told, ElementsAre());
  apply(Op::update, 1, "c");
  EXPECT_THAT(told, ElementsAre(fmt::format("\"public\".\"{}__\"", table_), ""));
  EXPECT_EQ(built_by, applier_->backend_pid());
}

TEST_F(LazyIndexes, AreThereFromTheStartWhereChangesMakeTheTable) {
  apply(Op::create, 1, "a");
  EXPECT_THAT(indexes(), kAll);
}

TEST_F(LazyIndexes, AreBuiltOnceNoRowsHaveComeForAWhile) {
  apply(Op::read, 1, "a");
  tidy_up();
  EXPECT_THAT(indexes(), kUniqueOnly);
  age();
  tidy_up();
  EXPECT_THAT(indexes(), kAll);
  apply(Op::read, 2, "b");
  EXPECT_THAT(indexes(), kAll);
  EXPECT_EQ(versions(), 2);
}

// What is lacking stands in the database.
TEST_F(LazyIndexes, AreBuiltByTheNextServer) {
  apply(Op::read, 1, "a");
  age();
  catalog_->reload(connection_);
  applier_ = std::make_unique<Applier>(*catalog_, ingest::TableShaper::Context{"src", {}});
  tidy_up();
  EXPECT_THAT(indexes(), kAll);
}

TEST_F(LazyIndexes, WaitForAUserWhoHoldsTheTable) {
  apply(Op::read, 1, "a");
  age();
  {
    catalog::Connection holder = database_->connect();
    catalog::Transaction transaction(holder);
    holder.exec(fmt::format("LOCK TABLE public.\"{}\" IN ROW EXCLUSIVE MODE", table_));
    tidy_up();
    EXPECT_THAT(indexes(), kUniqueOnly);
  }
  tidy_up();
  EXPECT_THAT(indexes(), kAll);
}

TEST_F(LazyIndexes, KeyOfARepeatedRowIsStillFound) {
  apply(Op::read, 1, "a");
  apply(Op::read, 1, "a");
  EXPECT_EQ(versions(), 1);
  apply(Op::remove, 1, "");
  EXPECT_THAT(current(), ElementsAre());
  EXPECT_THAT(indexes(), kAll);
}

}  // namespace
}  // namespace metadb::tests
