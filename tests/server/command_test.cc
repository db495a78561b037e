#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>
#include <sstream>
#include <thread>

#include "tests/fakes/no_more_threads.h"
#include "tests/server/front_end_fixture.h"
#include "tests/server/raw_client.h"

namespace metadb::tests {
namespace {

constexpr const char* kCreateOne = "create data source one type kafka options (brokers 'b')";
constexpr const char* kRefused = "create data source refused type kafka options (brokers 'b')";
constexpr const char* kStubborn = "create data source stubborn type kafka options (brokers 'b')";
constexpr const char* kSlow = "create data source slow type kafka options (brokers 'b')";

class Commands : public FrontEndTest {
 protected:
  void SetUp() override {
    start();
    client.emplace(connect());
  }
  PgResult run(const std::string& sql) { return query(*client, sql); }
  PGconn* raw() { return client->get(); }
  // PostgreSQL and we agree on the transaction: it answers as its status says.
  void expect_status(PGTransactionStatusType status) {
    EXPECT_EQ(PQtransactionStatus(raw()), status);
    const auto probe = run("SELECT 1");
    EXPECT_EQ(sqlstate(probe), status == PQTRANS_INERROR ? "25P02" : "");
    EXPECT_EQ(PQtransactionStatus(raw()), status);
  }

  std::optional<PgConnection> client;
};

TEST_F(Commands, ListAnswersWithRows) {
  const auto listed = run("list status");
  ASSERT_EQ(PQresultStatus(listed.get()), PGRES_TUPLES_OK) << PQresultErrorMessage(listed.get());
  EXPECT_EQ(PQntuples(listed.get()), 2);
  EXPECT_STREQ(PQfname(listed.get(), 1), "number");
  EXPECT_EQ(PQftype(listed.get(), 1), 20U);
  EXPECT_EQ(value(listed, 1, 0), "z\xC3\xBCrich");
  EXPECT_TRUE(PQgetisnull(listed.get(), 1, 2));
  EXPECT_STREQ(PQcmdStatus(listed.get()), "LIST");
  expect_status(PQTRANS_IDLE);
}

TEST_F(Commands, NoticesComeBeforeTheAnswer) {
  const Notices notices(*client);
  EXPECT_STREQ(PQcmdStatus(run(kCreateOne).get()), "CREATE DATA SOURCE");
  EXPECT_EQ(notices.texts, std::vector<std::string>{"creating one"});
  EXPECT_EQ(runner.log(), std::vector<std::string>{"CREATE DATA SOURCE by postgres"});
}

TEST_F(Commands, ErrorsCarryTheirFields) {
  const auto refused = run(kRefused);
  EXPECT_EQ(sqlstate(refused), "42710");
  EXPECT_EQ(field(refused, PG_DIAG_MESSAGE_DETAIL), "It was created before.");
  EXPECT_EQ(field(refused, PG_DIAG_MESSAGE_HINT), "Choose another name.");
  EXPECT_EQ(field(refused, PG_DIAG_SEVERITY_NONLOCALIZED), "ERROR");
  expect_status(PQTRANS_IDLE);
}

TEST_F(Commands, SyntaxErrorsPointIntoTheWholeText) {
  const auto wrong = run("list status; /* \xC3\xBC */ create data sourc x");
  EXPECT_EQ(sqlstate(wrong), "42601");
  EXPECT_EQ(field(wrong, PG_DIAG_STATEMENT_POSITION), "34");
  EXPECT_TRUE(runner.log().empty());
}

TEST_F(Commands, SeveralRunInOrderUntilTheFirstError) {
  ASSERT_EQ(
      PQsendQuery(
          raw(),
          (std::string("list status; ") + kCreateOne + ";" + kRefused + ";list status").c_str()),
      1);
  EXPECT_EQ(PQresultStatus(result(PQgetResult(raw())).get()), PGRES_TUPLES_OK);
  EXPECT_EQ(PQresultStatus(result(PQgetResult(raw())).get()), PGRES_COMMAND_OK);
  EXPECT_EQ(sqlstate(result(PQgetResult(raw()))), "42710");
  EXPECT_FALSE(result(PQgetResult(raw())));
  EXPECT_EQ(runner.log().size(), 3U);
}

TEST_F(Commands, MixedStringIsRefusedBeforeAnythingRuns) {
  const auto mixed = run("CREATE TABLE t (); list status");
  EXPECT_EQ(sqlstate(mixed), "0A000");
  EXPECT_NE(field(mixed, PG_DIAG_MESSAGE_HINT), "");
  EXPECT_TRUE(runner.log().empty());
  EXPECT_EQ(sqlstate(run("SELECT * FROM t")), "42P01");
}

TEST_F(Commands, SharedVerbsAreOursOnlyIfTheRunnerTakesThem) {
  EXPECT_EQ(sqlstate(run("alter system set metadb_x = 'v'")), "");
  EXPECT_EQ(runner.log(), std::vector<std::string>{"ALTER SYSTEM by postgres"});
  EXPECT_EQ(sqlstate(run("alter system set no_such_parameter = 'v'")), "42704");
  EXPECT_EQ(runner.log().size(), 1U);
}

TEST_F(Commands, TransactionBlockRefusesAllButList) {
  run("BEGIN");
  EXPECT_EQ(PQresultStatus(run("list status").get()), PGRES_TUPLES_OK);
  expect_status(PQTRANS_INTRANS);
  EXPECT_EQ(sqlstate(run(kCreateOne)), "25001");
  expect_status(PQTRANS_INERROR);
  EXPECT_EQ(sqlstate(run("list status")), "25P02");
  run("ROLLBACK");
  expect_status(PQTRANS_IDLE);
  EXPECT_EQ(runner.log(), std::vector<std::string>{"LIST by postgres"});
}

TEST_F(Commands, ErrorOfOursFailsTheTransactionInPostgresToo) {
  run("BEGIN");
  run("CREATE TABLE lost ()");
  EXPECT_EQ(sqlstate(run("create data sourc x")), "42601");
  expect_status(PQTRANS_INERROR);
  EXPECT_STREQ(PQcmdStatus(run("COMMIT").get()), "ROLLBACK");
  EXPECT_EQ(sqlstate(run("SELECT * FROM lost")), "42P01");
}

TEST_F(Commands, CancelStopsOurOwn) {
  ASSERT_EQ(PQsendQuery(raw(), kSlow), 1);
  ASSERT_TRUE(runner.wait_until_slow_runs());
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(raw()),
                                                                  &PQfreeCancel);
  char error[256];
  ASSERT_EQ(PQcancel(cancel.get(), error, sizeof error), 1) << error;
  EXPECT_EQ(sqlstate(result(PQgetResult(raw()))), "57014");
  EXPECT_FALSE(result(PQgetResult(raw())));
  expect_status(PQTRANS_IDLE);
}

// Nobody reads from a client whose command runs; that it is gone shows when it is told something.
TEST_F(Commands, ClientThatIsGoneStopsACommandThatTellsIt) {
  {
    const RawClient gone(front_end->port());
    gone.send(startup_packet(kVersion3, with_zero("user") + with_zero("postgres") +
                                            with_zero("database") + with_zero(database.name())));
    ASSERT_EQ(gone.read_until_ready(), "RSKZI");
    gone.send(frame('Q', with_zero("create data source chatty type kafka options (brokers 'b')")));
    EXPECT_EQ(gone.read_message().type, 'N');
    gone.reset_at_end();
  }
  EXPECT_TRUE(eventually([&] { return runner.is_chatty_stopped(); }));
}

// A long text takes a thread of the pool for as long as thousands of queries take.
TEST_F(Commands, LongTextsAreParsedAwayFromOtherSessions) {
  const auto other = connect();
  std::promise<void> release;
  const auto released = release.get_future().share();
  for (size_t i = 0; i < server::CommandPoolOptions().text_threads_max; ++i) {
    pool.submit(server::CommandLane::text, [=] { released.wait(); });
  }
  std::string text = "SELECT 1";
  for (int i = 0; i < 9000; ++i) text += ";list a";
  ASSERT_EQ(PQsendQuery(raw(), text.c_str()), 1);
  const auto is_busy = [&] { return PQconsumeInput(raw()) == 1 && PQisBusy(raw()) == 1; };
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(value(query(other, "SELECT 5")), "5");
    EXPECT_EQ(value(query(other, "list status")), "first");
  }
  EXPECT_TRUE(is_busy());
  release.set_value();
  // Shorter ones come in between the statements of this one.
  while (is_busy()) EXPECT_EQ(value(query(other, "list status")), "first");
  EXPECT_EQ(sqlstate(result(PQgetResult(raw()))), "0A000");
  EXPECT_FALSE(result(PQgetResult(raw())));
}

TEST_F(Commands, LongTextsAreReadAsShortOnes) {
  const std::string comment = "/* " + std::string(1000, 'x') + " \xC3\xBC */";
  EXPECT_EQ(value(run("list status " + comment)), "first");
  const auto wrong = run("list status; " + comment + "; list status; create data sourc x");
  EXPECT_EQ(sqlstate(wrong), "42601");
  EXPECT_EQ(field(wrong, PG_DIAG_STATEMENT_POSITION), std::to_string(13 + 1008 + 15 + 13));
  EXPECT_EQ(value(result(PQexecParams(raw(), ("list status " + comment).c_str(), 0, nullptr,
                                      nullptr, nullptr, nullptr, 0))),
            "first");
  EXPECT_EQ(sqlstate(run("CREATE TABLE kept (); ALTER TABLE kept ADD a int " + comment)), "");
}

TEST_F(Commands, StopOfTheFrontEndStopsOurOwn) {
  ASSERT_EQ(PQsendQuery(raw(), kSlow), 1);
  ASSERT_TRUE(runner.wait_until_slow_runs());
  front_end->stop(std::chrono::milliseconds(0));
  EXPECT_EQ(front_end->connections(), 0);
}

// Asking to stop may mean talking to a PostgreSQL that does not answer.
TEST_F(Commands, StoppingACommandHoldsUpNobodyElse) {
  const auto other = connect();
  ASSERT_EQ(PQsendQuery(raw(), kStubborn), 1);
  ASSERT_TRUE(runner.wait_until_slow_runs());
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(raw()),
                                                                  &PQfreeCancel);
  char error[256];
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(PQcancel(cancel.get(), error, sizeof error), 1) << error;
  }
  runner.wait_until_stop_was_asked();
  EXPECT_EQ(value(query(other, "SELECT 5")), "5");
  EXPECT_EQ(value(query(other, "list status")), "first");
  EXPECT_TRUE(runner.is_stop_waiting());
  runner.release_stop();
  EXPECT_EQ(sqlstate(result(PQgetResult(raw()))), "57014");
}

TEST_F(Commands, WithoutAThreadACommandFails) {
  {
    const NoMoreThreads none;
    EXPECT_EQ(sqlstate(run("list status")), "53000");
    expect_status(PQTRANS_IDLE);
  }
  EXPECT_EQ(value(run("list status")), "first");
}

class FewThreads : public FrontEndTest {
 protected:
  FewThreads() { pool_of_one.emplace(server::CommandPoolOptions{.regular_threads_max = 1}); }
  ~FewThreads() override { front_end.reset(); }

  std::optional<server::CommandPool> pool_of_one;
};

TEST_F(FewThreads, CommandThatWaitsForAThreadIsCancelled) {
  front_end.emplace(options, runner, *pool_of_one);
  front_end->start();
  const auto first = connect();
  const auto second = connect();
  ASSERT_EQ(PQsendQuery(first.get(), kSlow), 1);
  ASSERT_TRUE(runner.wait_until_slow_runs());
  const auto cancelled = [](const PgConnection& connection) {
    const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(connection.get()),
                                                                    &PQfreeCancel);
    char error[256];
    EXPECT_EQ(PQcancel(cancel.get(), error, sizeof error), 1) << error;
    return sqlstate(result(PQgetResult(connection.get())));
  };
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(PQsendQuery(second.get(), kCreateOne), 1);
    EXPECT_EQ(cancelled(second), "57014");
    EXPECT_FALSE(result(PQgetResult(second.get())));
    EXPECT_EQ(value(query(second, "list status")), "first");
  }
  EXPECT_EQ(cancelled(first), "57014");
  EXPECT_FALSE(result(PQgetResult(first.get())));
  // The one that was taken back never ran.
  EXPECT_EQ(sqlstate(query(second, kCreateOne)), "");
  const auto log = runner.log();
  EXPECT_EQ(std::count(log.begin(), log.end(), "CREATE DATA SOURCE by postgres"), 2);
}

TEST_F(Commands, InternalErrorsAreLogged) {
  const auto previous = spdlog::default_logger();
  std::ostringstream log;
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log)));
  EXPECT_EQ(sqlstate(run("create data source broken type kafka options (brokers 'b')")), "XX000");
  spdlog::set_default_logger(previous);
  EXPECT_NE(log.str().find("CREATE DATA SOURCE ended by an internal error: a bug"),
            std::string::npos)
      << log.str();
}

TEST_F(Commands, OtherDatabasesHaveNoDialect) {
  const auto elsewhere = open(address() + " user=postgres dbname=postgres");
  EXPECT_EQ(sqlstate(query(elsewhere, "list status")), "42601");
  EXPECT_TRUE(runner.log().empty());
}

TEST_F(Commands, TextsInLatin1AreUnderstood) {
  PQsetClientEncoding(raw(), "LATIN1");
  EXPECT_EQ(value(run("list status /* z\xFCrich */"), 1, 0), "z\xFCrich");
}

// ---- The extended protocol.

TEST_F(Commands, ExtendedListDescribesItself) {
  const auto listed =
      result(PQexecParams(raw(), "list status", 0, nullptr, nullptr, nullptr, nullptr, 0));
  ASSERT_EQ(PQresultStatus(listed.get()), PGRES_TUPLES_OK) << PQresultErrorMessage(listed.get());
  EXPECT_EQ(value(listed, 0, 1), "1");
  const auto binary =
      result(PQexecParams(raw(), "list status", 0, nullptr, nullptr, nullptr, nullptr, 1));
  EXPECT_EQ(std::string(PQgetvalue(binary.get(), 0, 1), 8), std::string("\0\0\0\0\0\0\0\1", 8));
  expect_status(PQTRANS_IDLE);
}

TEST_F(Commands, ExtendedNamedStatementIsReusable) {
  EXPECT_EQ(sqlstate(result(PQprepare(raw(), "ours", "list status", 0, nullptr))), "");
  EXPECT_EQ(PQnfields(result(PQdescribePrepared(raw(), "ours")).get()), 3);
  for (int i = 0; i < 3; ++i) {
    const auto listed = result(PQexecPrepared(raw(), "ours", 0, nullptr, nullptr, nullptr, 0));
    EXPECT_EQ(PQntuples(listed.get()), 2);
    EXPECT_EQ(
        value(result(PQexecParams(raw(), "SELECT 5", 0, nullptr, nullptr, nullptr, nullptr, 0))),
        "5");
  }
  EXPECT_EQ(sqlstate(result(PQprepare(raw(), "ours", "SELECT 1", 0, nullptr))), "42P05");
  run("DEALLOCATE ALL");
  EXPECT_EQ(sqlstate(result(PQprepare(raw(), "ours", "SELECT 1", 0, nullptr))), "");
  EXPECT_EQ(value(result(PQexecPrepared(raw(), "ours", 0, nullptr, nullptr, nullptr, 0))), "1");
}

TEST_F(Commands, ExtendedErrorsFailTheTransaction) {
  const auto extended = [&](const char* sql) {
    return result(PQexecParams(raw(), sql, 0, nullptr, nullptr, nullptr, nullptr, 0));
  };
  EXPECT_EQ(sqlstate(extended(kRefused)), "42710");
  expect_status(PQTRANS_IDLE);
  run("BEGIN");
  EXPECT_EQ(sqlstate(extended(kCreateOne)), "25001");
  expect_status(PQTRANS_INERROR);
  EXPECT_EQ(sqlstate(extended("list status")), "25P02");
  run("ROLLBACK");
  expect_status(PQTRANS_IDLE);
}

TEST_F(Commands, ExtendedParametersAreRefused) {
  const char* values[] = {"x"};
  const auto refused =
      result(PQexecParams(raw(), "drop data source $1", 1, nullptr, values, nullptr, nullptr, 0));
  EXPECT_EQ(sqlstate(refused), "0A000") << PQresultErrorMessage(refused.get());
  expect_status(PQTRANS_IDLE);
}

TEST_F(Commands, AnswersStandInOrderInsideAPipeline) {
  ASSERT_EQ(PQenterPipelineMode(raw()), 1);
  const auto send = [&](const char* sql) {
    ASSERT_EQ(PQsendQueryParams(raw(), sql, 0, nullptr, nullptr, nullptr, nullptr, 0), 1);
  };
  send("SELECT 1");
  send("list status");
  send("SELECT 2");
  PQpipelineSync(raw());
  send("CREATE TABLE rolled_back ()");
  send(kCreateOne);  // not the first since Sync
  send("SELECT 3");
  PQpipelineSync(raw());
  send(kCreateOne);
  send("SELECT 4");
  PQpipelineSync(raw());
  std::string seen;
  for (int syncs = 0; syncs < 3;) {
    const auto got = result(PQgetResult(raw()));
    if (!got) continue;
    switch (PQresultStatus(got.get())) {
      case PGRES_TUPLES_OK:
        seen += value(got) + " ";
        break;
      case PGRES_COMMAND_OK:
        seen += std::string(PQcmdStatus(got.get())) + " ";
        break;
      case PGRES_FATAL_ERROR:
        seen += sqlstate(got) + " ";
        break;
      case PGRES_PIPELINE_ABORTED:
        seen += "aborted ";
        break;
      case PGRES_PIPELINE_SYNC:
        seen += "| ";
        ++syncs;
        break;
      default:
        FAIL() << PQresStatus(PQresultStatus(got.get()));
    }
  }
  EXPECT_EQ(seen, "1 first 2 | CREATE TABLE 25001 aborted | CREATE DATA SOURCE 4 | ");
  ASSERT_EQ(PQexitPipelineMode(raw()), 1);
  EXPECT_EQ(sqlstate(run("SELECT * FROM rolled_back")), "42P01");
}

TEST_F(Commands, PortalIsSuspendedAndGoesOn) {
  const RawClient wire_client(front_end->port());
  wire_client.send(startup_packet(kVersion3, with_zero("user") + with_zero("postgres") +
                                                 with_zero("database") +
                                                 with_zero(database.name())));
  ASSERT_EQ(wire_client.read_until_ready(), "RSKZI");
  const std::string none(2, '\0');
  const std::string execute_one = frame('E', with_zero("c") + be32(1));
  wire_client.send(frame('P', with_zero("") + with_zero("list status") + none) +
                   frame('B', with_zero("c") + with_zero("") + none + none + none) +
                   frame('D', "P" + with_zero("c")) + execute_one + execute_one + execute_one +
                   frame('C', "P" + with_zero("c")) + frame('S', ""));
  EXPECT_EQ(wire_client.read_until_ready(), "12TDsDsC3ZI");
  wire_client.send(frame('B', with_zero("") + with_zero("gone") + none + none + none) +
                   frame('P', with_zero("") + with_zero("list status") + none) + frame('S', ""));
  EXPECT_EQ(wire_client.read_until_ready(), "EZI");
}

TEST_F(Commands, SimpleQueryBehindAnUnsyncedPipeline) {
  const RawClient wire_client(front_end->port());
  wire_client.send(startup_packet(kVersion3, with_zero("user") + with_zero("postgres") +
                                                 with_zero("database") +
                                                 with_zero(database.name())));
  ASSERT_EQ(wire_client.read_until_ready(), "RSKZI");
  const std::string none(2, '\0');
  wire_client.send(frame('P', with_zero("") + with_zero("CREATE TABLE kept ()") + none) +
                   frame('B', with_zero("") + with_zero("") + none + none + none) +
                   frame('E', with_zero("") + be32(0)) + frame('Q', with_zero("list status")));
  EXPECT_EQ(wire_client.read_until_ready(), "12CTDCZI");
  EXPECT_EQ(sqlstate(run("SELECT * FROM kept")), "");
}

}  // namespace
}  // namespace metadb::tests
