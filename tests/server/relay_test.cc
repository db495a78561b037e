#include <libpq/libpq-fs.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "tests/fakes/eventually.h"
#include "tests/fakes/fake_backend.h"
#include "tests/server/front_end_fixture.h"
#include "tests/server/process_memory.h"
#include "tests/server/raw_client.h"

namespace metadb::tests {
namespace {

// What is not ours behaves as if there were no front end.
class Relay : public FrontEndTest {
 protected:
  void SetUp() override {
    start();
    client.emplace(connect());
  }
  PgResult run(const std::string& sql) { return query(*client, sql); }
  PGconn* raw() { return client->get(); }
  void log_in(const RawClient& raw_client) const {
    raw_client.send(startup_packet(kVersion3, with_zero("user") + with_zero("postgres") +
                                                  with_zero("database") +
                                                  with_zero(database.name())));
    EXPECT_EQ(raw_client.read_until_ready(), "RSKZI");
  }

  std::optional<PgConnection> client;
};

TEST_F(Relay, SimpleQueriesAndTransactionStatus) {
  EXPECT_EQ(value(run("SELECT 1; SELECT 2")), "2");
  EXPECT_EQ(PQtransactionStatus(raw()), PQTRANS_IDLE);
  run("BEGIN");
  EXPECT_EQ(PQtransactionStatus(raw()), PQTRANS_INTRANS);
  EXPECT_EQ(sqlstate(run("SELECT 1/0")), "22012");
  EXPECT_EQ(PQtransactionStatus(raw()), PQTRANS_INERROR);
  run("ROLLBACK");
  EXPECT_EQ(PQresultStatus(run("").get()), PGRES_EMPTY_QUERY);
}

TEST_F(Relay, PreparedStatementsWithParameters) {
  EXPECT_EQ(PQresultStatus(
                result(PQprepare(raw(), "p", "SELECT $1::int + 1, $2::text", 0, nullptr)).get()),
            PGRES_COMMAND_OK);
  const char* values[] = {"41", "x"};
  for (int i = 0; i < 3; ++i) {
    const auto row = result(PQexecPrepared(raw(), "p", 2, values, nullptr, nullptr, 0));
    EXPECT_EQ(value(row), "42");
    EXPECT_EQ(value(row, 0, 1), "x");
  }
  EXPECT_EQ(PQnparams(result(PQdescribePrepared(raw(), "p")).get()), 2);
}

// Sends `count` statements in one pipeline, the fourth of each ten wrong, with a Sync after each
// ten, and counts what comes back.
TEST_F(Relay, PipelinesWithErrors) {
  ASSERT_EQ(PQenterPipelineMode(raw()), 1);
  constexpr int kTens = 50;
  for (int i = 0; i < kTens * 10; ++i) {
    const std::string sql = i % 10 == 4 ? "SELECT 1/0" : "SELECT " + std::to_string(i);
    ASSERT_EQ(PQsendQueryParams(raw(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0), 1);
    if (i % 10 == 9) {
      ASSERT_EQ(PQpipelineSync(raw()), 1);
    }
  }
  int good = 0;
  int bad = 0;
  int aborted = 0;
  for (int syncs = 0; syncs < kTens;) {
    const auto got = result(PQgetResult(raw()));
    if (!got) continue;
    switch (PQresultStatus(got.get())) {
      case PGRES_TUPLES_OK:
        ++good;
        break;
      case PGRES_FATAL_ERROR:
        ++bad;
        break;
      case PGRES_PIPELINE_ABORTED:
        ++aborted;
        break;
      case PGRES_PIPELINE_SYNC:
        ++syncs;
        break;
      default:
        FAIL() << PQresStatus(PQresultStatus(got.get()));
    }
  }
  EXPECT_EQ(good, kTens * 4);
  EXPECT_EQ(bad, kTens);
  EXPECT_EQ(aborted, kTens * 5);
  EXPECT_EQ(PQexitPipelineMode(raw()), 1);
}

TEST_F(Relay, CopyInAndOutOfManyMegabytes) {
  run("CREATE TABLE big (id int, filler text)");
  EXPECT_EQ(PQresultStatus(run("COPY big FROM STDIN").get()), PGRES_COPY_IN);
  constexpr int kRows = 100'000;
  const std::string filler(100, 'f');
  for (int i = 0; i < kRows; ++i) {
    const std::string line = std::to_string(i) + '\t' + filler + '\n';
    ASSERT_EQ(PQputCopyData(raw(), line.data(), static_cast<int>(line.size())), 1);
  }
  ASSERT_EQ(PQputCopyEnd(raw(), nullptr), 1);
  EXPECT_STREQ(PQcmdTuples(result(PQgetResult(raw())).get()), "100000");
  EXPECT_FALSE(result(PQgetResult(raw())));
  EXPECT_EQ(PQresultStatus(run("COPY big TO STDOUT").get()), PGRES_COPY_OUT);
  size_t bytes = 0;
  char* line = nullptr;
  for (int got = 0; (got = PQgetCopyData(raw(), &line, 0)) > 0; PQfreemem(line)) {
    bytes += static_cast<size_t>(got);
  }
  EXPECT_EQ(bytes, 488'890U + kRows * 102U);
  EXPECT_EQ(PQresultStatus(result(PQgetResult(raw())).get()), PGRES_COMMAND_OK);
  EXPECT_FALSE(result(PQgetResult(raw())));
}

TEST_F(Relay, FailedCopyLeavesTheSessionUsable) {
  run("CREATE TABLE t (id int)");
  run("COPY t FROM STDIN");
  PQputCopyData(raw(), "x\n", 2);
  PQputCopyEnd(raw(), nullptr);
  EXPECT_EQ(sqlstate(result(PQgetResult(raw()))), "22P02");
  EXPECT_FALSE(result(PQgetResult(raw())));
  run("COPY t FROM STDIN");
  PQputCopyEnd(raw(), "changed my mind");
  EXPECT_EQ(sqlstate(result(PQgetResult(raw()))), "57014");
  EXPECT_FALSE(result(PQgetResult(raw())));
  EXPECT_EQ(value(run("SELECT count(*) FROM t")), "0");
}

TEST_F(Relay, LargeResults) {
  const auto rows = run("SELECT i, repeat('x', 50) FROM generate_series(1, 100000) i");
  EXPECT_EQ(PQntuples(rows.get()), 100'000);
  EXPECT_EQ(value(rows, 99'999), "100000");
}

// A raw client that does not keep what it reads: what grows would be the front end's.
TEST_F(Relay, BigValuePassesInConstantMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps freed memory: the resident size says nothing";
#endif
  const RawClient reader(front_end->port());
  reader.send(startup_packet(kVersion3, with_zero("user") + with_zero("postgres") +
                                            with_zero("database") + with_zero(database.name())));
  ASSERT_EQ(reader.read_until_ready(), "RSKZI");
  constexpr size_t kValueBytes = size_t{64} << 20;
  reader.send(frame('Q', with_zero("SELECT repeat('x', " + std::to_string(kValueBytes) + ")")));
  ASSERT_EQ(reader.read_message().type, 'T');
  const size_t before = resident_bytes();
  const std::string header = reader.read(5 + 6);
  EXPECT_EQ(header[0], 'D');
  for (size_t left = kValueBytes; left > 0;)
    left -= reader.read(std::min(left, size_t{1} << 16)).size();
  EXPECT_LT(resident_bytes(), before + (size_t{8} << 20));
  EXPECT_EQ(reader.read_until_ready(), "CZI");
}

TEST_F(Relay, BigValueComesBackUnchanged) {
  const std::string big(size_t{64} << 20, 'y');
  const char* values[] = {big.c_str()};
  const auto back =
      result(PQexecParams(raw(), "SELECT $1::text", 1, nullptr, values, nullptr, nullptr, 0));
  ASSERT_EQ(PQresultStatus(back.get()), PGRES_TUPLES_OK) << PQresultErrorMessage(back.get());
  EXPECT_TRUE(value(back) == big);
}

TEST_F(Relay, QueryTextLargerThanABuffer) {
  const std::string big(200'000, 'z');
  EXPECT_EQ(value(run("SELECT length('" + big + "')")), "200000");
}

TEST_F(Relay, NoticesAndNotificationsComeAtAnyTime) {
  const Notices notices(*client);
  run("DO $$BEGIN RAISE NOTICE 'heard'; END$$");
  EXPECT_EQ(notices.texts, std::vector<std::string>{"heard"});
  run("LISTEN channel");
  query(connect(), "NOTIFY channel, 'payload'");
  // Idle: nothing is sent by this client any more.
  pollfd waiting{PQsocket(raw()), POLLIN, 0};
  constexpr int kPatienceMs = 10'000;
  ASSERT_EQ(::poll(&waiting, 1, kPatienceMs), 1);
  ASSERT_EQ(PQconsumeInput(raw()), 1);
  PGnotify* notify = PQnotifies(raw());
  ASSERT_TRUE(notify);
  EXPECT_STREQ(notify->extra, "payload");
  PQfreemem(notify);
}

TEST_F(Relay, LargeObjectsByFunctionCall) {
  run("BEGIN");
  const Oid object = lo_creat(raw(), INV_READ | INV_WRITE);
  ASSERT_NE(object, 0U);
  const int fd = lo_open(raw(), object, INV_READ | INV_WRITE);
  EXPECT_EQ(lo_write(raw(), fd, "hello", 5), 5);
  EXPECT_EQ(lo_lseek(raw(), fd, 0, SEEK_SET), 0);
  char back[6] = {};
  EXPECT_EQ(lo_read(raw(), fd, back, 5), 5);
  EXPECT_STREQ(back, "hello");
  run("COMMIT");
}

TEST_F(Relay, BackendsLastWordsPass) {
  const RawClient idle(front_end->port());
  log_in(idle);
  const auto rows = query(*client,
                          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                          "WHERE datname = current_database() AND pid <> pg_backend_pid() "
                          "AND backend_type = 'client backend'");
  EXPECT_EQ(PQntuples(rows.get()), 1);
  EXPECT_EQ(server::wire::error_field(idle.read_message().payload, 'C'), "57P01");
  EXPECT_EQ(idle.read_to_end(), "");
}

TEST_F(Relay, BackendThatVanishesIsAnnouncedBeforeTheClose) {
  for (const std::string& last : {std::string(), frame('T', "")}) {
    const FakeBackend backend({last});
    front_end->choose_upstream({{{"127.0.0.1", backend.port()}}, std::chrono::seconds(10)});
    const RawClient waiting(front_end->port());
    waiting.send(startup_packet(kVersion3, with_zero("user") + with_zero("postgres")));
    ASSERT_EQ(waiting.read_until_ready(), "RZI");
    waiting.send(frame('Q', with_zero("SELECT 1")));
    auto message = waiting.read_message();
    if (message.type == 'T') message = waiting.read_message();
    EXPECT_EQ(message.type, 'E');
    EXPECT_EQ(server::wire::error_field(message.payload, 'C'), "08006");
    EXPECT_EQ(waiting.read_to_end(), "");
  }
}

TEST_F(Relay, BackendThatVanishesWithinAFrameEndsTheStreamThere) {
  const FakeBackend backend({"D" + be32(1000) + "half"});
  front_end->choose_upstream({{{"127.0.0.1", backend.port()}}, std::chrono::seconds(10)});
  const RawClient waiting(front_end->port());
  waiting.send(startup_packet(kVersion3, with_zero("user") + with_zero("postgres")));
  ASSERT_EQ(waiting.read_until_ready(), "RZI");
  waiting.send(frame('Q', with_zero("SELECT 1")));
  EXPECT_EQ(waiting.read_to_end(), "D" + be32(1000) + "half");
}

// An error of ours is to fail PostgreSQL's transaction too, and that request's own error is not for
// the client; a FATAL one always is.
TEST_F(Relay, LastWordsPassInPlaceOfAReplyThatIsSwallowed) {
  server::wire::Report report;
  report.severity = "FATAL";
  report.sqlstate = "25P03";
  std::string fatal;
  server::wire::append_error(fatal, report);
  const FakeBackend backend({frame('C', with_zero("BEGIN")) + frame('Z', "T"), fatal});
  front_end->choose_upstream({{{"127.0.0.1", backend.port()}}, std::chrono::seconds(10)});
  const RawClient waiting(front_end->port());
  waiting.send(startup_packet(kVersion3, with_zero("user") + with_zero("postgres") +
                                             with_zero("database") + with_zero(database.name())));
  ASSERT_EQ(waiting.read_until_ready(), "RZI");
  waiting.send(frame('Q', with_zero("BEGIN")));
  ASSERT_EQ(waiting.read_until_ready(), "CZT");
  waiting.send(frame('Q', with_zero("drop data source s")));
  EXPECT_EQ(server::wire::error_field(waiting.read_message().payload, 'C'), "25001");
  EXPECT_EQ(server::wire::error_field(waiting.read_message().payload, 'C'), "25P03");
  EXPECT_EQ(waiting.read_to_end(), "");
}

// Whether it goes before what we write to it, behind it, or between two writes.
TEST_F(Relay, BackendThatVanishesUnderAnErrorOfOursIsAnnounced) {
  for (int i = 0; i < 100; ++i) {
    const FakeBackend backend({frame('C', with_zero("BEGIN")) + frame('Z', "T")},
                              FakeBackend::End::resets);
    front_end->choose_upstream({{{"127.0.0.1", backend.port()}}, std::chrono::seconds(10)});
    const RawClient waiting(front_end->port());
    waiting.send(startup_packet(kVersion3, with_zero("user") + with_zero("postgres") +
                                               with_zero("database") + with_zero(database.name())));
    ASSERT_EQ(waiting.read_until_ready(), "RZI");
    waiting.send(frame('Q', with_zero("BEGIN")));
    ASSERT_EQ(waiting.read_until_ready(), "CZT");
    waiting.send(frame('Q', with_zero("drop data source s")));
    EXPECT_EQ(server::wire::error_field(waiting.read_message().payload, 'C'), "25001");
    ASSERT_EQ(server::wire::error_field(waiting.read_message().payload, 'C'), "08006") << i;
    EXPECT_EQ(waiting.read_to_end(), "");
  }
}

TEST_F(Relay, TerminateEndsTheBackend) {
  const std::string pid = value(run("SELECT pg_backend_pid()"));
  client.reset();
  const auto other = connect();
  const std::string left = "SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid;
  EXPECT_TRUE(eventually([&] { return value(query(other, left)) == "0"; }));
}

TEST_F(Relay, CancelReachesTheBackend) {
  ASSERT_EQ(PQsendQuery(raw(), "SELECT pg_sleep(60)"), 1);
  const std::string pid = std::to_string(PQbackendPID(raw()));
  const auto other = connect();
  const std::string is_sleeping =
      "SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid + " AND wait_event = 'PgSleep'";
  ASSERT_TRUE(eventually([&] { return value(query(other, is_sleeping)) == "1"; }));
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(raw()),
                                                                  &PQfreeCancel);
  char error[256];
  ASSERT_EQ(PQcancel(cancel.get(), error, sizeof error), 1) << error;
  EXPECT_EQ(sqlstate(result(PQgetResult(raw()))), "57014");
  EXPECT_FALSE(result(PQgetResult(raw())));
  // The cancel socket was held until the signal was sent: nothing hits the next query.
  for (int i = 0; i < 20; ++i) EXPECT_EQ(value(run("SELECT 1")), "1");
}

TEST_F(Relay, CancelWithAWrongSecretDoesNothing) {
  const RawClient canceller(front_end->port());
  std::string request;
  server::wire::append_cancel_request(request, static_cast<uint32_t>(PQbackendPID(raw())), "nope");
  canceller.send(request);
  EXPECT_EQ(canceller.read_to_end(), "");
  EXPECT_EQ(value(run("SELECT 1")), "1");
}

TEST_F(Relay, HalfClosedClientStillGetsItsAnswer) {
  const RawClient half(front_end->port());
  half.send(startup_packet(kVersion3, with_zero("user") + with_zero("postgres")));
  ASSERT_EQ(half.read_until_ready(), "RSKZI");
  half.send(frame('Q', with_zero("SELECT 1")));
  half.send_end();
  EXPECT_EQ(half.read_until_ready(), "TDCZI");
  EXPECT_EQ(half.read_to_end(), "");
}

TEST_F(Relay, StopSaysGoodbyeAtIdlePoints) {
  const RawClient idle(front_end->port());
  log_in(idle);
  front_end->stop(std::chrono::seconds(10));
  EXPECT_EQ(front_end->connections(), 0);
  EXPECT_EQ(server::wire::error_field(idle.read_message().payload, 'C'), "57P01");
  EXPECT_EQ(idle.read_to_end(), "");
}

TEST_F(Relay, StopDoesNotWaitForeverForTransactions) {
  const RawClient busy(front_end->port());
  log_in(busy);
  busy.send(frame('Q', with_zero("BEGIN")));
  EXPECT_EQ(busy.read_until_ready(), "CZT");
  front_end->stop(std::chrono::milliseconds(50));
  EXPECT_EQ(front_end->connections(), 0);
  EXPECT_EQ(server::wire::error_field(busy.read_message().payload, 'C'), "57P01");
}

TEST_F(Relay, StopEndsARunningStatement) {
  const RawClient busy(front_end->port());
  log_in(busy);
  busy.send(frame('Q', with_zero("SELECT pg_sleep(600)")));
  auto admin = database.connect();
  const auto running = [&] {
    return admin
        .exec(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
            "query = 'SELECT pg_sleep(600)'")
        .int64(0, 0);
  };
  ASSERT_TRUE(eventually([&] { return running() == 1; }));
  front_end->stop(std::chrono::milliseconds(50));
  EXPECT_EQ(front_end->connections(), 0);
  EXPECT_EQ(server::wire::error_field(busy.read_message().payload, 'C'), "57P01");
  EXPECT_TRUE(eventually([&] { return running() == 0; }));
}

// How often each thread of this process has waited for something (proc(5)), by its number.
std::map<std::string, int64_t> waits() {
  std::map<std::string, int64_t> found;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string word; status >> word;) {
      if (word == "voluntary_ctxt_switches:") status >> found[task.path().filename()];
    }
  }
  return found;
}

TEST(FrontEndThreads, ShareTheConnections) {
  const TestDatabase database;
  FakeRunner runner;
  server::CommandPool pool;
  auto options = front_end_options(database);
  options.io_threads = 3;
  server::FrontEnd front_end(options, runner, pool);
  const auto others = waits();
  front_end.start();
  std::vector<PgConnection> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(open("host=127.0.0.1 sslmode=disable user=postgres dbname=" +
                           database.name() + " port=" + std::to_string(front_end.port())));
  }
  EXPECT_EQ(front_end.connections(), 12);
  const auto before = waits();
  for (auto& client : clients) EXPECT_EQ(value(query(client, "SELECT 7")), "7");
  // A thread without a connection sleeps on. The thread sanitizer has one of its own that does not.
  size_t awakened = 0;
  for (const auto& [thread, count] : waits()) {
    const auto earlier = before.find(thread);
    if (others.contains(thread) || earlier == before.end()) continue;
    if (count > earlier->second) ++awakened;
  }
  EXPECT_GE(awakened, 3U);
}

}  // namespace
}  // namespace metadb::tests
