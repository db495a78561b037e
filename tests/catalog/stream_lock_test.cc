#include "catalog/stream_lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "catalog/catalog.h"
#include "tests/fakes/eventually.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {
namespace {

using catalog::Connection;
using catalog::share_streams;
using catalog::StreamLock;
using catalog::StreamObstacle;
using catalog::Table;
using Kind = catalog::StreamObstacle::Kind;

class StreamLocks : public testing::Test {
 protected:
  StreamLocks() {
    catalog::Catalog({database_.conninfo(), database_.conninfo()}).open("test");
    for (const char* name : {"a", "b"}) {
      Table table;
      table.schema = "s";
      table.current_name = name;
      table.main_name = table.current_name + "__";
      table.history_name = "zzz___" + table.main_name + "_";
      table.sync_name = table.history_name + "sync";
      table.source_name = "src";
      table.columns = {{"id", "integer", catalog::PgType::int4}};
      tables_.push_back(catalog::create_table(command_, table));
    }
  }
  std::vector<const Table*> both() { return {&tables_[0], &tables_[1]}; }

  TestDatabase database_;
  Connection command_ = database_.connect();
  Connection batch_ = database_.connect();
  Connection watcher_ = database_.connect();
  std::vector<Table> tables_;
};

TEST_F(StreamLocks, AreSharedByBatches) {
  Connection other = database_.connect();
  const catalog::Transaction first(batch_);
  const catalog::Transaction second(other);
  EXPECT_FALSE(share_streams(batch_, both()));
  EXPECT_FALSE(share_streams(other, both()));
}

TEST_F(StreamLocks, BatchesDoNotWaitAndSayWhichTableIsBusy) {
  const StreamLock lock(command_, {{"s", "b"}});
  const catalog::Transaction transaction(batch_);
  const auto obstacle = share_streams(batch_, both());
  ASSERT_TRUE(obstacle);
  EXPECT_EQ(obstacle->kind, Kind::busy);
  EXPECT_EQ(obstacle->table, 1U);
}

TEST_F(StreamLocks, OutliveTheTransactionOfTheCommandAndEndWithIt) {
  {
    const StreamLock lock(command_, {{"s", "a"}});
    catalog::Transaction(command_).commit();
    const catalog::Transaction transaction(batch_);
    EXPECT_TRUE(share_streams(batch_, both()));
  }
  const catalog::Transaction transaction(batch_);
  EXPECT_FALSE(share_streams(batch_, both()));
}

TEST_F(StreamLocks, TableThatACommandChangedIsNotTheOneABatchKnows) {
  catalog::revise(command_, tables_[1]);
  const catalog::Transaction transaction(batch_);
  const auto obstacle = share_streams(batch_, both());
  ASSERT_TRUE(obstacle);
  EXPECT_EQ(obstacle->kind, Kind::changed);
  EXPECT_EQ(obstacle->table, 1U);
}

TEST_F(StreamLocks, TableMadeAnewIsNotTheOneThatWas) {
  command_.exec("DELETE FROM metadb.managed_table WHERE table_name = 'a'");
  command_.exec(
      "INSERT INTO metadb.managed_table (schema_name, table_name, history_name, sync_name, "
      "key_columns) VALUES ('s', 'a', 'h', 'y', '{}')");
  const catalog::Transaction transaction(batch_);
  EXPECT_EQ(share_streams(batch_, both())->kind, Kind::changed);
}

// Without a gap between the batches of two writers, so that a lock which waits for all of them to
// be through at once would wait for ever.
TEST_F(StreamLocks, BatchAfterBatchStarvesNoCommand) {
  std::atomic<bool> is_over = false;
  std::atomic<int> batches = 0;
  const auto write = [&] {
    Connection connection = database_.connect();
    while (!is_over) {
      catalog::Transaction transaction(connection);
      if (!share_streams(connection, both())) {
        connection.exec("SELECT pg_sleep(0.02)");
        ++batches;
      }
      transaction.commit();
    }
  };
  std::vector<std::jthread> writers;
  for (int i = 0; i < 3; ++i) writers.emplace_back(write);
  EXPECT_TRUE(eventually([&] { return batches > 3; }));
  for (int i = 0; i < 10; ++i) {
    command_.exec("SET lock_timeout = '5s'");
    const auto begun = std::chrono::steady_clock::now();
    const StreamLock lock(command_, {{"s", "b"}, {"s", "a"}});
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  }
  EXPECT_EQ(command_.exec("SHOW lock_timeout").text(0, 0), "5s");
  const int before = batches;
  EXPECT_TRUE(eventually([&] { return batches > before; }));
  is_over = true;
}

TEST_F(StreamLocks, OfSeveralTablesAreTakenInOneOrder) {
  std::vector<std::jthread> commands;
  std::atomic<int> done = 0;
  for (const auto& order : {std::vector<catalog::TableName>{{"s", "a"}, {"s", "b"}},
                            std::vector<catalog::TableName>{{"s", "b"}, {"s", "a"}}}) {
    commands.emplace_back([&, order] {
      Connection connection = database_.connect();
      for (int i = 0; i < 100; ++i) const StreamLock lock(connection, order);
      ++done;
    });
  }
  commands.clear();
  EXPECT_EQ(done, 2);
}

TEST_F(StreamLocks, WaitCanBeCanceled) {
  const StreamLock lock(command_, {{"s", "a"}});
  Connection second = database_.connect();
  std::string sqlstate;
  std::jthread waiting([&] {
    try {
      const StreamLock wait(second, {{"s", "a"}});
    } catch (const catalog::Error& error) {
      sqlstate = error.sqlstate;
    }
  });
  EXPECT_TRUE(eventually([&] { return somebody_waits_for_a_lock(watcher_); }));
  second.cancel();
  waiting.join();
  EXPECT_EQ(sqlstate, "57014");
}

}  // namespace
}  // namespace metadb::tests
