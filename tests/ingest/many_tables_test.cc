// Tables with many years where the lock table of PostgreSQL is as small as it is by default: what a
// transaction locks is bounded by its tables, whatever they hold.
#include <cstdlib>

#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

constexpr int kYears = 14;
constexpr int kRounds = kYears + 2;

// METADB_MANY_TABLES=1000 is the real thing, with PostgreSQL's defaults, and takes minutes; few
// tables have a lock table in proportion.
int table_count() {
  const char* given = std::getenv("METADB_MANY_TABLES");
  return given == nullptr ? 40 : std::atoi(given);
}

std::string name_of_table(int i) {
  return fmt::format("t{}", i);
}

class ManyTables : public WorkerTest {
 protected:
  static void SetUpTestSuite() {
    const std::string settings =
        std::getenv("METADB_MANY_TABLES") != nullptr
            ? "max_locks_per_transaction=64 max_connections=100"
            : "max_locks_per_transaction=32 max_connections=12 max_worker_processes=0 "
              "max_wal_senders=0";
    const std::string start = fmt::format(METADB_SOURCE_DIR "/tests/fakes/postgres.sh start {} {}",
                                          directory(), settings);
    ASSERT_EQ(std::system(start.c_str()), 0);
    std::ifstream file(directory() + "/conninfo");
    std::string conninfo;
    ASSERT_TRUE(std::getline(file, conninfo));
    setenv("METADB_TEST_DATABASE", conninfo.c_str(), 1);
  }
  static void TearDownTestSuite() {
    unsetenv("METADB_TEST_DATABASE");
    EXPECT_EQ(
        std::system((METADB_SOURCE_DIR "/tests/fakes/postgres.sh stop " + directory()).c_str()), 0);
  }

 private:
  static std::string directory() {
    return fmt::format(METADB_BINARY_DIR "/test-postgres-locks-{}", getpid());
  }
};

TEST_F(ManyTables, OfManyYearsAreWrittenWithTheDefaultLockTable) {
  RecordedTopics topics;
  constexpr int64_t kYearUs = 366LL * 86'400 * 1'000'000;
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < table_count(); ++i) {
      RowEvent event{.table = name_of_table(i), .op = 'u'};
      event.value = fmt::format("v{}", round);
      event.ts_us = 1'270'000'000'000'000 + std::min(round, kYears - 1) * kYearUs + round;
      topics.add(event);
    }
  }
  start(topics);
  const int64_t all = static_cast<int64_t>(kRounds) * table_count();
  EXPECT_TRUE(eventually([&] { return applied() == all; }, 30min)) << status().last_error;
  EXPECT_EQ(status().last_error, "") << "nothing had to be tried twice";
  for (int i = 0; i < table_count(); ++i) {
    ASSERT_EQ(count(name_of_table(i) + "__"), kRounds) << i;
    ASSERT_EQ(count(fmt::format("pg_inherits WHERE inhparent = 'public.zzz___{}___'::regclass",
                                name_of_table(i))),
              kYears)
        << i;
  }
  // One transaction that names them by their parents locks more than there is.
  catalog::Transaction transaction(watcher_);
  try {
    for (int i = 0; i < table_count(); ++i)
      watcher_.exec(fmt::format("UPDATE {}__ SET v = v WHERE id = 7", name_of_table(i)));
    FAIL() << "this proves nothing: the lock table is large enough for everything";
  } catch (const catalog::Error& error) {
    EXPECT_EQ(error.sqlstate, "53200") << error.what();
  }
}

}  // namespace
}  // namespace metadb::tests
