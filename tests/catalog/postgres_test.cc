#include "catalog/postgres.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "catalog/activity.h"
#include "tests/fakes/eventually.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {
namespace {

using catalog::Connection;
using catalog::Error;
using namespace std::chrono_literals;

// The SQLSTATE of what must fail.
template <class Work>
std::string sqlstate_of(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.sqlstate;
  }
  return "00000";
}

TEST(Quoting, DoublesQuotesAndSurvivesBackslashes) {
  EXPECT_EQ(catalog::quote_identifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(catalog::quote_literal("it's"), "'it''s'");
  EXPECT_EQ(catalog::quote_literal("a\\'b"), " E'a\\\\''b'");
}

TEST(Quoting, LiteralsAndIdentifiersComeBackFromPostgres) {
  const TestDatabase database;
  Connection connection = database.connect();
  for (const std::string text : {"", "'", "\\", "a\\'b''", "x'; drop table t; --", "ä€😀", "\n\t"}) {
    EXPECT_EQ(connection.exec("SELECT " + catalog::quote_literal(text)).text(0, 0), text);
  }
  for (const std::string name : {"a", "A b", "\"", "select", "ä'\\"}) {
    EXPECT_EQ(connection.exec("SELECT 1 AS " + catalog::quote_identifier(name)).column_name(0),
              name);
  }
}

TEST(Conninfo, KeepsWhatItDoesNotReplace) {
  const std::string out =
      catalog::conninfo_with("postgresql://u:p%27w@h:5/d?application_name=x", {{"dbname", "e"}});
  EXPECT_EQ(catalog::conninfo_value(out, "dbname"), "e");
  EXPECT_EQ(catalog::conninfo_value(out, "password"), "p'w");
  EXPECT_EQ(catalog::conninfo_value(out, "port"), "5");
  EXPECT_EQ(catalog::conninfo_value(out, "sslmode"), std::nullopt);
}

TEST(Conninfo, ErrorNeverShowsThePassword) {
  for (const char* wrong :
       {"host=h password='secret", "host=h password=secret unfinished", "nonsense secret",
        "postgresql://u:secret@[h/d", "postgresql://u:secret%zz@h/d", "host=h nonsense=secret"}) {
    try {
      catalog::conninfo_with(wrong, {});
      ADD_FAILURE() << "taken: " << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(error.sqlstate, "22023") << wrong;
      EXPECT_THAT(error.message() + error.detail + error.hint,
                  testing::Not(testing::HasSubstr("secret")));
    }
  }
}

TEST(Connection, ErrorCarriesSqlstateAndNoPosition) {
  const TestDatabase database;
  Connection connection = database.connect();
  try {
    connection.exec("SELECT * FROM missing");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.sqlstate, "42P01");
    EXPECT_EQ(error.position, 0);
  }
  EXPECT_EQ(connection.exec("SELECT $1::int + 1", {"41"}).int64(0, 0), 42);
}

TEST(Connection, CopyBinaryStoresRowsAndReportsTheirCount) {
  const TestDatabase database;
  Connection connection = database.connect();
  connection.exec("CREATE TABLE t (a int4, b text)");
  const std::string row("\0\2\0\0\0\4\0\0\0\7\0\0\0\2hi", 16);
  const std::string_view chunks[] = {row, row};
  EXPECT_EQ(connection.copy_binary("COPY t FROM STDIN (FORMAT binary)", chunks), 2);
  EXPECT_EQ(connection.exec("SELECT sum(a), max(b) FROM t").text(0, 1), "hi");
}

TEST(Connection, CopyTakesRowsThatArePartedAnywhere) {
  const TestDatabase database;
  Connection connection = database.connect();
  const std::string text(100'000, 'x');
  std::string row("\0\1", 2);
  for (const int shift : {24, 16, 8, 0}) row += static_cast<char>(text.size() >> shift & 0xFF);
  row += text;
  const std::string rows = row + row + row;
  const std::string_view chunks[] = {rows};
  EXPECT_EQ(
      connection.copy_binary("CREATE TABLE t (a text); COPY t FROM STDIN (FORMAT binary)", chunks),
      3);
  EXPECT_EQ(connection.exec("SELECT sum(length(a)) FROM t").int64(0, 0), 300'000);
  EXPECT_THROW(connection.copy_binary("SELECT 1/0; COPY t FROM STDIN (FORMAT binary)", chunks),
               Error);
  EXPECT_EQ(connection.exec("SELECT count(*) FROM t").int64(0, 0), 3);
}

// Of several servers the one that can be written to, wherever it stands in the list.
TEST(Connection, PrefersTheServerThatTakesWrites) {
  const TestDatabase standby;
  catalog::Connection(server_conninfo())
      .exec("ALTER DATABASE " + standby.name() + " SET default_transaction_read_only = on");
  EXPECT_NO_THROW(standby.connect()) << "the only one there is";
  const std::string host = *catalog::conninfo_value(standby.conninfo(), "host");
  const std::string port = *catalog::conninfo_value(standby.conninfo(), "port");
  const auto several = catalog::conninfo_with(
      standby.conninfo(), {{"host", host + "," + host}, {"port", port + "," + port}});
  EXPECT_THROW(catalog::Connection{several}, Error);
  EXPECT_NO_THROW(
      catalog::Connection{catalog::conninfo_with(several, {{"target_session_attrs", "any"}})});
}

// A statement has no time limit; a network that says nothing any more has.
TEST(Connection, NoticesASilentNetworkWithinAMinuteUnlessToldOtherwise) {
  const Connection connection(server_conninfo());
  EXPECT_EQ(connection.parameter("tcp_user_timeout"), "60000");
  EXPECT_EQ(connection.parameter("keepalives_idle"), "30");
  EXPECT_EQ(connection.parameter("keepalives_interval"), "10");
  EXPECT_EQ(connection.parameter("keepalives_count"), "3");
  const Connection patient(catalog::conninfo_with(
      server_conninfo(), {{"tcp_user_timeout", "0"}, {"keepalives_idle", "7200"}}));
  EXPECT_EQ(patient.parameter("tcp_user_timeout"), "0");
  EXPECT_EQ(patient.parameter("keepalives_idle"), "7200");
}

TEST(Connection, EachStatementHasItsResult) {
  const TestDatabase database;
  Connection connection = database.connect();
  const auto results = connection.exec_each(
      "CREATE TABLE t (a int4); INSERT INTO t VALUES (1), (2); SELECT sum(a) FROM t");
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[1].affected(), 2);
  EXPECT_EQ(results[2].int64(0, 0), 3);
  EXPECT_THROW(connection.exec_each("SELECT 1; SELECT 1/0; DROP TABLE t"), Error);
  EXPECT_EQ(connection.exec("SELECT count(*) FROM t").int64(0, 0), 2);
}

TEST(Connection, BreaksOffWhatItWaitsFor) {
  const TestDatabase database;
  Connection connection = database.connect();
  std::string sqlstate;
  std::thread user(
      [&] { sqlstate = sqlstate_of([&] { connection.exec("SELECT pg_sleep(600)"); }); });
  const std::vector<int> backends = {connection.backend_pid()};
  EXPECT_TRUE(eventually([&] {
    const auto activity = catalog::activity_of(database.conninfo(), backends);
    return activity.contains(backends[0]) && activity.at(backends[0]).wait == "Timeout PgSleep";
  }));
  connection.break_off();
  user.join();
  EXPECT_EQ(sqlstate, "08006");
}

TEST(Connection, GivesUpOnAnAnswerInTime) {
  const TestDatabase database;
  Connection connection = database.connect();
  EXPECT_EQ(connection.exec_within("SELECT 1; SELECT 2", 30s).int64(0, 0), 2);
  EXPECT_EQ(sqlstate_of([&] { connection.exec_within("SELECT pg_sleep(600)", 50ms); }), "57014");
}

TEST(Connection, CopyOfABadRowFailsAndLeavesTheConnectionUsable) {
  const TestDatabase database;
  Connection connection = database.connect();
  connection.exec("CREATE TABLE t (a int4)");
  const std::string row("\0\1\0\0\0\2hi", 8);
  const std::string_view chunks[] = {row};
  EXPECT_THROW(connection.copy_binary("COPY t FROM STDIN (FORMAT binary)", chunks), Error);
  EXPECT_EQ(connection.exec("SELECT count(*) FROM t").int64(0, 0), 0);
}

TEST(Transaction, RollsBackUnlessCommitted) {
  const TestDatabase database;
  Connection connection = database.connect();
  connection.exec("CREATE TABLE t (a int4)");
  {
    const catalog::Transaction transaction(connection);
    connection.exec("INSERT INTO t VALUES (1)");
  }
  EXPECT_EQ(connection.exec("SELECT count(*) FROM t").int64(0, 0), 0);
  catalog::Transaction transaction(connection);
  connection.exec("INSERT INTO t VALUES (1)");
  transaction.commit();
  EXPECT_EQ(connection.exec("SELECT count(*) FROM t").int64(0, 0), 1);
}

TEST(Transaction, CommitOfAFailedTransactionIsAnError) {
  const TestDatabase database;
  Connection connection = database.connect();
  catalog::Transaction transaction(connection);
  EXPECT_THROW(connection.exec("SELECT 1/0"), Error);
  EXPECT_THROW(transaction.commit(), Error);
}

TEST(Connection, RefusedConnectionIs08001) {
  try {
    Connection("host=127.0.0.1 port=1 dbname=x user=u password=secret connect_timeout=2");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.sqlstate, "08001");
    EXPECT_THAT(error.message(), testing::Not(testing::HasSubstr("secret")));
    // libpq's two lines, as one.
    EXPECT_THAT(error.message(), testing::HasSubstr("Connection refused; Is the server running"));
    EXPECT_THAT(error.message(), testing::Not(testing::ContainsRegex("[\n\t]")));
  }
}

}  // namespace
}  // namespace metadb::tests
