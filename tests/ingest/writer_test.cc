#include "ingest/writer.h"

#include "ingest/outcome.h"
#include "tests/ingest/cutting_relay.h"
#include "tests/ingest/history_test.h"

namespace metadb::tests {
namespace {

using catalog::PgType;
using ingest::Op;
using ingest::Writer;
using namespace std::chrono_literals;

class WriterTest : public HistoryTest {
 protected:
  static std::unique_ptr<ingest::Batch> batch(const std::string& table, int id) {
    auto out = std::make_unique<ingest::Batch>();
    const ChangeMaker maker{event_table(table), schema_of({{"id", PgType::int4}}, {0})};
    out->add(maker.make(Op::create, kBaseUs, {Cell::int4(id)}), message_at(id));
    return out;
  }
  static std::unique_ptr<ingest::Batch> snapshot_row(const std::string& table) {
    auto out = std::make_unique<ingest::Batch>();
    const ChangeMaker maker{event_table(table), schema_of({{"id", PgType::int4}}, {0})};
    out->add(maker.make(Op::read, kBaseUs, {Cell::int4(1)}), message_at(1));
    return out;
  }
  static std::string through(uint16_t port) {
    return catalog::conninfo_with(database_->conninfo(),
                                  {{"host", "127.0.0.1"}, {"port", std::to_string(port)}});
  }
  static int64_t count(const std::string& table) {
    return database_->connect().exec("SELECT count(*) FROM " + table).int64(0, 0);
  }
};

TEST_F(WriterTest, AppliesOneBatchAfterTheOther) {
  Writer writer(*catalog_, {"src", {}});
  EXPECT_TRUE(writer.is_idle());
  EXPECT_FALSE(writer.take_result(0ms));
  for (int id = 0; id < 3; ++id) {
    writer.submit(batch("in_turn", id));
    EXPECT_FALSE(writer.is_idle());
    const auto done = writer.take_result(30s);
    ASSERT_TRUE(done);
    EXPECT_EQ(std::get<ingest::Applied>(done->result).versions, 1);
    EXPECT_TRUE(writer.is_idle());
  }
  EXPECT_EQ(count("in_turn"), 3);
}

TEST_F(WriterTest, HandsOverWhatItCouldNotDo) {
  database_->connect().exec("CREATE TABLE in_the_way (x int)");
  Writer writer(*catalog_, {"src", {}});
  writer.submit(batch("in_the_way", 1));
  const auto done = writer.take_result(30s);
  ASSERT_TRUE(done);
  ASSERT_TRUE(std::holds_alternative<std::exception_ptr>(done->result));
  EXPECT_THROW(std::rethrow_exception(std::get<std::exception_ptr>(done->result)),
               ingest::LaneStopped);
}

TEST_F(WriterTest, FinishesTheBatchInHand) {
  {
    Writer writer(*catalog_, {"src", {}});
    writer.submit(batch("finished", 1));
  }
  EXPECT_EQ(count("finished"), 1);
}

TEST_F(WriterTest, CancelsWhatTakesTooLong) {
  auto writer = std::make_unique<Writer>(*catalog_, ingest::TableShaper::Context{"src", {}},
                                         [] { return 100ms; });
  writer->submit(batch("cancelled", 1));
  ASSERT_TRUE(writer->take_result(30s));
  catalog::Connection holder = database_->connect();
  catalog::Transaction transaction(holder);
  holder.exec("LOCK TABLE cancelled");
  writer->submit(batch("cancelled", 2));
  EXPECT_FALSE(writer->take_result(100ms));
  const auto begun = std::chrono::steady_clock::now();
  writer.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
  transaction.commit();
  EXPECT_EQ(count("cancelled"), 1);
}

// Neither a statement nor a request to cancel it is answered.
TEST_F(WriterTest, GivesUpAConnectionThatSaysNothing) {
  CuttingRelay relay(server_port());
  {
    catalog::Catalog catalog({through(relay.port()), through(relay.port())});
    catalog.open("test");
    Writer writer(catalog, {"src", {}});
    writer.submit(batch("given_up", 1));
    ASSERT_TRUE(writer.take_result(30s));
    relay.freeze();
    writer.submit(batch("given_up", 2));
    const auto begun = std::chrono::steady_clock::now();
    writer.cancel(begun + 100ms);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
    EXPECT_TRUE(writer.is_idle());
  }
  relay.thaw();
  EXPECT_EQ(count("given_up"), 1);
}

// It is in the way of the indexes of another table.
TEST_F(WriterTest, TellsOfABatchBeforeIndexesAreBuilt) {
  Writer writer(*catalog_, {"src", {}});
  writer.submit(batch("meanwhile", 1));
  ASSERT_TRUE(writer.take_result(30s));
  Writer(*catalog_, {"src", {}}).submit(snapshot_row("loaded"));
  catalog::Connection watcher = database_->connect();
  watcher.exec("UPDATE metadb.table_update SET last_update = now() - interval '1 min'");
  catalog::Connection holder = database_->connect();
  const catalog::Transaction transaction(holder);
  holder.exec("LOCK TABLE public.loaded IN ROW EXCLUSIVE MODE");
  Writer other(*catalog_, {"src", {}});
  other.submit(batch("meanwhile", 2));
  ASSERT_TRUE(other.take_result(30s));
  // Before the next try.
  EXPECT_TRUE(eventually([&] { return somebody_waits_for_a_lock(watcher); }, 5s));
}

// Nobody waits for what a writer does of itself: a command would.
TEST_F(WriterTest, EndsWhileAnIndexIsBuilt) {
  const auto new_writer = [] {
    return std::make_unique<Writer>(*catalog_, ingest::TableShaper::Context{"src", {}});
  };
  std::unique_ptr<Writer> writer = new_writer();
  writer->submit(snapshot_row("indexed"));
  ASSERT_TRUE(writer->take_result(30s));
  writer.reset();
  catalog::Connection watcher = database_->connect();
  catalog::Connection holder = database_->connect();
  catalog::Transaction transaction(holder);
  // Behind which the table is looked for among those whose indexes are due.
  holder.exec("LOCK TABLE metadb.managed_table");
  writer = new_writer();
  ASSERT_TRUE(eventually([&] { return somebody_waits_for_a_lock(watcher); }));
  const auto begun = std::chrono::steady_clock::now();
  writer.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
}

}  // namespace
}  // namespace metadb::tests
