// Batches of a process that does not know yet what a command, or somebody past all commands, has
// made of their tables.
#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

#include "catalog/purge.h"
#include "catalog/stream_lock.h"
#include "tests/ingest/apply_fixture.h"

namespace metadb::tests {
namespace {

using catalog::Column;
using catalog::PgType;
using catalog::TypeChoice;
using ingest::Applier;
using ingest::Batch;
using ingest::LaneStopped;
using ingest::Op;
using testing::ElementsAre;
using testing::HasSubstr;

class CommandFence : public Apply {
 protected:
  void SetUp() override {
    Apply::SetUp();
    numbers_ = {keyed_.table, schema_of({{"id", PgType::int4}, {"v", PgType::int4}}, {0})};
    spdlog::set_level(spdlog::level::critical);
  }
  void TearDown() override { spdlog::set_level(spdlog::level::err); }

  [[nodiscard]] catalog::TableName name() const { return {"public", table_}; }
  // As a command does it, in a process whose catalog is not that of the applier.
  void alter(const Column& to) {
    catalog::Connection connection = database_->connect();
    connection.exec("SET search_path = pg_catalog");
    const catalog::StreamLock lock(connection, {name()});
    const catalog::Table table = catalog::load_tables(connection, name()).at(0);
    catalog::Transaction transaction(connection);
    catalog::change_types(connection, table, {to});
    catalog::revise(connection, table);
    transaction.commit();
  }
  void apply(Op op, int id, int value) {
    Batch batch;
    batch.add(numbers_.make(op, kBaseUs + id, {Cell::int4(id), Cell::int4(value)}), message(id));
    applier_.apply(batch);
  }
  std::string type() {
    return rows("SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'public.\"" +
                table_ + "\"'::regclass AND attname = 'v'")
        .at(0);
  }

  ChangeMaker numbers_;
  Applier applier_{*catalog_, {"src", {}}};
};

// 0x41424344 is a valid text of four bytes, too.
constexpr int kLooksLikeText = 0x41424344;

TEST_F(CommandFence, SnapshotRowsAreCopiedInTheTypesThatTheTableHasNow) {
  apply(Op::read, 1, 10);
  alter({"v", "text", PgType::text, TypeChoice::by_hand});
  apply(Op::read, 2, kLooksLikeText);
  EXPECT_EQ(type(), "text");
  EXPECT_THAT(current(), ElementsAre("1,10", "2,1094861636"));
}

TEST_F(CommandFence, SnapshotRowsAreCopiedRightPastAnAlterationThatNoCommandMade) {
  apply(Op::read, 1, 10);
  database_->connect().exec("ALTER TABLE public.\"" + table_ + "__\" ALTER v TYPE text");
  apply(Op::read, 2, kLooksLikeText);
  EXPECT_THAT(current(), ElementsAre("1,10", "2,1094861636"));
}

TEST_F(CommandFence, StagedRowsFollowATypeThatACommandChose) {
  apply(Op::create, 1, 10);
  alter({"v", "numeric", PgType::numeric, TypeChoice::by_hand});
  apply(Op::update, 1, 11);
  EXPECT_EQ(type(), "numeric");
  alter({"v", "smallint", PgType::int2, TypeChoice::by_hand});
  apply(Op::update, 1, 12);
  EXPECT_EQ(type(), "smallint");
  apply(Op::update, 1, 70'000);
  EXPECT_EQ(type(), "integer") << "the narrowest that takes both";
  EXPECT_THAT(current(), ElementsAre("1,70000"));
  EXPECT_EQ(versions(), 4);
}

TEST_F(CommandFence, EventsWithoutKeyFollowTooInBothTheirImages) {
  const ChangeMaker keyless{event_table(table_),
                            schema_of({{"id", PgType::int4}, {"v", PgType::text}}, {})};
  const auto row = [](int id, const std::string& v) {
    return std::vector<Cell>{Cell::int4(id), Cell::text(v)};
  };
  Batch first;
  first.add(keyless.make(Op::create, kBaseUs, row(1, "10")), message(0));
  applier_.apply(first);
  alter({"v", "integer", PgType::int4, TypeChoice::by_hand});
  ingest::Change update = keyless.make(Op::update, kBaseUs + 1, row(1, "x"));
  update.before = row_of(row(1, "10"));
  Batch second;
  second.add(update, message(1));
  applier_.apply(second);
  EXPECT_EQ(type(), "text");
  EXPECT_THAT(current(), ElementsAre("1,x"));
  EXPECT_EQ(dead_letters(), 0);
}

TEST_F(CommandFence, PurgedTableIsMadeAnew) {
  apply(Op::create, 1, 10);
  apply(Op::update, 1, 11);
  {
    catalog::Connection connection = database_->connect();
    const catalog::StreamLock lock(connection, {name()});
    catalog::Transaction transaction(connection);
    catalog::purge(connection, {name()});
    transaction.commit();
  }
  apply(Op::update, 2, 12);
  EXPECT_THAT(current(), ElementsAre("2,12"));
  EXPECT_EQ(versions(), 1);
}

// The batch does not wait, and holds nothing that others wait for.
TEST_F(CommandFence, TableThatACommandHasStopsItsLaneForAWhile) {
  apply(Op::create, 1, 10);
  catalog::Connection connection = database_->connect();
  const catalog::StreamLock lock(connection, {name()});
  const auto begun = std::chrono::steady_clock::now();
  try {
    apply(Op::update, 1, 11);
    FAIL() << "the table was written";
  } catch (const LaneStopped& stopped) {
    EXPECT_EQ(stopped.busy_table, name());
    EXPECT_FALSE(stopped.needs_resync);
    EXPECT_EQ(stopped.topic, topic());
    EXPECT_EQ(stopped.sqlstate, "55P03");
    EXPECT_THAT(stopped.message(), HasSubstr(table_));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2));
}

// So do columns, years and tables that the events want.
TEST_F(CommandFence, IngestChangesNoTableThatACommandHas) {
  apply(Op::create, 1, 10);
  catalog::Connection connection = database_->connect();
  const catalog::StreamLock lock(connection, {name(), {"public", table_ + "_new"}});
  const auto expect_stopped = [&](const ChangeMaker& maker, int64_t ts_us) {
    Batch batch;
    batch.add(maker.make(Op::create, ts_us, {Cell::int4(2), Cell::int8(1)}), message(2));
    try {
      Applier(*catalog_, {"src", {}}).apply(batch);
      ADD_FAILURE() << "a table was changed";
    } catch (const LaneStopped& stopped) {
      EXPECT_TRUE(stopped.busy_table) << stopped.message();
    }
  };
  const auto wide = schema_of({{"id", PgType::int4}, {"v", PgType::int8}}, {0});
  expect_stopped({keyed_.table, wide}, kBaseUs);
  expect_stopped({event_table(table_ + "_new"), wide}, kBaseUs);
  EXPECT_EQ(type(), "integer");
  EXPECT_EQ(catalog::load_tables(connection, name()).at(0).years.size(), 1U);
}

}  // namespace
}  // namespace metadb::tests
