// Statements and portals of ours beside PostgreSQL's, message by message.
#include <gmock/gmock.h>

#include "tests/server/front_end_fixture.h"
#include "tests/server/raw_client.h"

namespace metadb::tests {
namespace {

const std::string kNone(2, '\0');
const std::string kSync = frame('S', "");

std::string simple(const std::string& sql) {
  return frame('Q', with_zero(sql));
}
std::string parse_message(const std::string& name, const std::string& sql) {
  return frame('P', with_zero(name) + with_zero(sql) + kNone);
}
std::string bind_message(const std::string& portal, const std::string& statement,
                         const std::string& result_formats = kNone) {
  return frame('B', with_zero(portal) + with_zero(statement) + kNone + kNone + result_formats);
}
std::string execute_message(const std::string& portal, uint32_t rows_max = 0) {
  return frame('E', with_zero(portal) + be32(rows_max));
}
std::string target_message(char type, char kind, const std::string& name) {
  return frame(type, kind + with_zero(name));
}
std::string run_through(const std::string& sql) {
  return parse_message("", sql) + bind_message("", "") + execute_message("");
}

class Prepared : public FrontEndTest {
 protected:
  void SetUp() override {
    start();
    log_in();
  }
  void log_in(const std::string& parameters = "") {
    client.emplace(front_end->port());
    client->send(startup_packet(kVersion3, with_zero("user") + with_zero("postgres") +
                                               with_zero("database") + with_zero(database.name()) +
                                               parameters));
    ASSERT_EQ(client->read_until_ready(), "RSKZI");
  }
  // The types of the answer to one write, up to ReadyForQuery, with the SQLSTATE of each error.
  std::string answer(const std::string& messages) {
    client->send(messages);
    std::string types;
    for (;;) {
      const RawClient::Message message = client->read_message();
      if (message.type == '\0') return types + '.';
      if (message.type == 'D') row = message.payload;
      if (message.type == 'E') error = message.payload;
      if (message.type == 'S' || message.type == 'N') continue;
      types += message.type;
      if (message.type == 'E') types += '(' + field('C') + ')';
      if (message.type == 'C')
        types += '(' + message.payload.substr(0, message.payload.size() - 1) + ')';
      if (message.type == 'Z') return types + message.payload;
    }
  }
  [[nodiscard]] std::string field(char which) const {
    return std::string(server::wire::error_field(error, which));
  }

  std::optional<RawClient> client;
  std::string row;    // the last one
  std::string error;  // the last one
};

TEST_F(Prepared, NameThatIsFreedWhileParseWaitsIsPostgres) {
  EXPECT_EQ(answer(parse_message("s1", "list status") + kSync), "1ZI");
  client->send(simple("DEALLOCATE ALL") + parse_message("s1", "SELECT 1") + bind_message("", "s1") +
               execute_message("") + kSync);
  EXPECT_EQ(client->read_until_ready(), "CZI");
  EXPECT_EQ(client->read_until_ready(), "12DCZI");
}

TEST_F(Prepared, WhatIsGoneWhileItWaitsIsPostgresToMiss) {
  EXPECT_EQ(answer(parse_message("s1", "list status") + kSync), "1ZI");
  EXPECT_EQ(answer(run_through("DEALLOCATE ALL") + bind_message("", "s1") + kSync),
            "12C(DEALLOCATE ALL)E(26000)ZI");
  EXPECT_EQ(answer(parse_message("s1", "list status") + kSync), "1ZI");
  EXPECT_EQ(answer(run_through("DEALLOCATE ALL") + target_message('D', 'S', "s1") + kSync),
            "12C(DEALLOCATE ALL)E(26000)ZI");
}

TEST_F(Prepared, TakenNamesAreRefused) {
  const std::string filler(100'000, 'x');
  EXPECT_EQ(answer(parse_message("s1", "list status") + bind_message("p1", "s1") +
                   parse_message("s1", "SELECT 1") + kSync),
            "12E(42P05)ZI");
  EXPECT_EQ(field('M'), "prepared statement \"s1\" already exists");
  EXPECT_EQ(answer(parse_message("s1", "list status") + kSync), "E(42P05)ZI");
  EXPECT_EQ(answer(parse_message("s1", "SELECT '" + filler + "'") + kSync), "E(42P05)ZI");
  EXPECT_EQ(answer(parse_message("theirs", "SELECT 1") + kSync), "1ZI");
  EXPECT_EQ(answer(bind_message("p1", "s1") + bind_message("p1", "theirs") + kSync), "2E(42P03)ZI");
  EXPECT_EQ(field('M'), "cursor \"p1\" already exists");
  EXPECT_EQ(answer(bind_message("p1", "s1") + bind_message("p1", "s1") + kSync), "2E(42P03)ZI");
  EXPECT_EQ(
      answer(bind_message("", "s1") + bind_message("", "theirs") + execute_message("") + kSync),
      "22DC(SELECT 1)ZI");
}

// PostgreSQL still has what ours replaced.
TEST_F(Prepared, ClosedUnnamedOnesAreGone) {
  EXPECT_EQ(answer(parse_message("", "SELECT 1") + parse_message("", "list status") +
                   target_message('C', 'S', "") + bind_message("", "") + kSync),
            "113E(26000)ZI");
  EXPECT_EQ(answer(parse_message("theirs", "SELECT 1") + bind_message("", "theirs") +
                   parse_message("s1", "list status") + bind_message("", "s1") +
                   target_message('C', 'P', "") + execute_message("") + kSync),
            "12123E(34000)ZI");
}

TEST_F(Prepared, FormatsAreCounted) {
  const std::string two("\0\2\0\0\0\0", 6);
  const std::string list = parse_message("", "list status");
  EXPECT_EQ(answer(list + bind_message("", "", two) + kSync), "1E(08P01)ZI");
  EXPECT_EQ(field('M'), "bind message has 2 result formats but query has 3 columns");
  const std::string two_of_none = with_zero("") + with_zero("") + two;
  EXPECT_EQ(answer(list + frame('B', two_of_none + kNone + kNone) + kSync), "1E(08P01)ZI");
  EXPECT_EQ(field('M'), "bind message has 2 parameter formats but 0 parameters");
  const std::string one_of_none = with_zero("") + with_zero("") + std::string("\0\1\0\0", 4);
  EXPECT_EQ(answer(list + frame('B', one_of_none + kNone + kNone) + kSync), "12ZI");
  const std::string change =
      parse_message("", "create data source x type kafka options (brokers 'b')");
  EXPECT_EQ(answer(change + bind_message("", "", two) + kSync), "12ZI");
}

TEST_F(Prepared, FailedTransactionShowsNoRowsAndNoColumns) {
  const std::string change = "create data source x type kafka options (brokers 'b')";
  EXPECT_EQ(answer(parse_message("s1", "list status") + parse_message("s2", change) + kSync),
            "11ZI");
  EXPECT_EQ(answer(simple("BEGIN")), "C(BEGIN)ZT");
  EXPECT_EQ(answer(bind_message("p1", "s1") + execute_message("p1", 1) + kSync), "2DsZT");
  EXPECT_EQ(answer(simple("SELECT 1/0")), "E(22012)ZE");
  for (const std::string& message :
       {execute_message("p1"), bind_message("p2", "s1"), target_message('D', 'P', "p1"),
        target_message('D', 'S', "s1"), bind_message("p2", "s1", std::string("\0\2\0\0\0\0", 6))}) {
    EXPECT_EQ(answer(message + kSync), "E(25P02)ZE") << message;
  }
  EXPECT_EQ(answer(target_message('D', 'S', "s2") + kSync), "tnZE");
}

TEST_F(Prepared, SkippedQueryLeavesTheUnnamedStatement) {
  for (const size_t length : {1, 100'000}) {
    const std::string skipped = "SELECT '" + std::string(length, 'x') + "'";
    EXPECT_EQ(answer(parse_message("", "list status") + execute_message("no_such") +
                     simple(skipped) + kSync),
              "1E(34000)ZI");
    EXPECT_EQ(answer(bind_message("", "") + execute_message("") + kSync), "2DDC(LIST)ZI");
  }
  EXPECT_EQ(answer(parse_message("", "list status") + kSync), "1ZI");
  EXPECT_EQ(answer(simple("SELECT 1")), "TDC(SELECT 1)ZI");
  EXPECT_EQ(answer(bind_message("", "") + kSync), "E(26000)ZI");
}

TEST_F(Prepared, SkippedParseAndBindReplaceNothing) {
  EXPECT_EQ(answer(parse_message("", "list status") + execute_message("no_such") +
                   parse_message("", "SELECT 1") + kSync),
            "1E(34000)ZI");
  EXPECT_EQ(answer(bind_message("", "") + execute_message("") + kSync), "2DDC(LIST)ZI");
  EXPECT_EQ(answer(parse_message("theirs", "SELECT 1") + simple("BEGIN")), "1C(BEGIN)ZT");
  EXPECT_EQ(answer(parse_message("s1", "list status") + bind_message("", "s1") + kSync), "12ZT");
  EXPECT_EQ(answer(execute_message("no_such") + bind_message("", "theirs") + kSync), "E(34000)ZE");
  EXPECT_EQ(answer(execute_message("") + kSync), "E(25P02)ZE");
}

TEST_F(Prepared, ParseThatFailsEndsTheUnnamedStatement) {
  EXPECT_EQ(answer(parse_message("", "list status") + parse_message("", "list config now") + kSync),
            "1E(42601)ZI");
  EXPECT_EQ(answer(bind_message("", "") + kSync), "E(26000)ZI");
}

// It may be ahead of the answer to the Sync, and PostgreSQL's to refuse; it is not left unanswered.
TEST_F(Prepared, CommandAfterSyncAmongWrongDataIsAnswered) {
  EXPECT_EQ(answer(simple("CREATE TEMP TABLE t (a int, b int)")), "C(CREATE TABLE)ZI");
  EXPECT_EQ(answer(run_through("COPY t FROM STDIN") + frame('d', "bad\n") + kSync + frame('c', "") +
                   simple("list status")),
            "12GE(22P02)ZI");
  EXPECT_THAT(answer(""), testing::AnyOf("TDDC(LIST)ZI", "E(42601)ZI"));
  EXPECT_EQ(answer(simple("list status")), "TDDC(LIST)ZI");
}

TEST_F(Prepared, PortalsEndWithCommitAndCloseAll) {
  EXPECT_EQ(answer(parse_message("s1", "list status") + kSync), "1ZI");
  EXPECT_EQ(answer(simple("BEGIN")), "C(BEGIN)ZT");
  EXPECT_EQ(answer(bind_message("p1", "s1") + kSync), "2ZT");
  EXPECT_EQ(answer(simple("COMMIT AND CHAIN")), "C(COMMIT)ZT");
  EXPECT_EQ(answer(bind_message("p1", "s1") + kSync), "2ZT");
  EXPECT_EQ(answer(simple("CLOSE ALL")), "C(CLOSE CURSOR ALL)ZT");
  EXPECT_EQ(answer(bind_message("p1", "s1") + kSync), "2ZT");
  EXPECT_EQ(answer(run_through("COMMIT") + execute_message("p1") + kSync), "12C(COMMIT)E(34000)ZI");
}

TEST_F(Prepared, DeallocateFreesANameOfOurs) {
  for (const char* sql : {"DEALLOCATE s1", "deallocate prepare \"s1\"", "DEALLOCATE /* x */ S1;"}) {
    EXPECT_EQ(answer(parse_message("s1", "list status") + kSync), "1ZI");
    EXPECT_EQ(answer(simple(sql)), "C(DEALLOCATE)ZI") << sql;
    EXPECT_EQ(answer(simple(sql)), "E(26000)ZI") << sql;
    EXPECT_EQ(answer(parse_message("s1", "list status") + kSync), "1ZI");
    EXPECT_EQ(answer(run_through(sql) + kSync), "12C(DEALLOCATE)ZI") << sql;
    EXPECT_EQ(answer(bind_message("", "s1") + kSync), "E(26000)ZI") << sql;
  }
}

TEST_F(Prepared, DeallocateOfPostgresStatementsPasses) {
  EXPECT_EQ(
      answer(parse_message("s1", "list status") + parse_message("theirs", "SELECT 1") + kSync),
      "11ZI");
  EXPECT_EQ(answer(simple("DEALLOCATE theirs")), "C(DEALLOCATE)ZI");
  EXPECT_EQ(answer(simple("DEALLOCATE theirs")), "E(26000)ZI");
  EXPECT_EQ(answer(bind_message("", "s1") + execute_message("") + kSync), "2DDC(LIST)ZI");
}

TEST_F(Prepared, DeallocateGoesByTheTransaction) {
  EXPECT_EQ(answer(parse_message("s1", "list status") + parse_message("s2", "list status") + kSync),
            "11ZI");
  EXPECT_EQ(answer(simple("BEGIN")), "C(BEGIN)ZT");
  EXPECT_EQ(answer(simple("DEALLOCATE s1")), "C(DEALLOCATE)ZT");
  EXPECT_EQ(answer(simple("SELECT 1/0")), "E(22012)ZE");
  EXPECT_EQ(answer(simple("DEALLOCATE s2")), "E(25P02)ZE");
  EXPECT_EQ(answer(run_through("DEALLOCATE s2") + kSync), "E(25P02)ZE");
  EXPECT_EQ(answer(simple("ROLLBACK")), "C(ROLLBACK)ZI");
  EXPECT_EQ(answer(run_through("SELECT 1") + run_through("DEALLOCATE s2") + kSync),
            "12DC(SELECT 1)12C(DEALLOCATE)ZI");
}

TEST_F(Prepared, RollbackInAPipelineEndsTheFailedTransaction) {
  EXPECT_EQ(answer(simple("BEGIN")), "C(BEGIN)ZT");
  EXPECT_EQ(answer(simple("SELECT 1/0")), "E(22012)ZE");
  EXPECT_EQ(answer(run_through("list status") + kSync), "E(25P02)ZE");
  EXPECT_EQ(answer(run_through("SELECT 1") + run_through("list status") + kSync), "E(25P02)ZE");
  EXPECT_EQ(answer(run_through("ROLLBACK") + run_through("list status") + kSync),
            "12C(ROLLBACK)12DDC(LIST)ZI");
  EXPECT_EQ(answer(simple("BEGIN")), "C(BEGIN)ZT");
  EXPECT_EQ(answer(simple("SELECT 1/0")), "E(22012)ZE");
  EXPECT_EQ(answer(run_through("ROLLBACK") + simple("list status")), "12C(ROLLBACK)TDDC(LIST)ZI");
}

TEST_F(Prepared, PortalsEndWithOurOwnReadyForQuery) {
  const std::string named =
      parse_message("s1", "list status") + bind_message("p1", "s1") + frame('H', "");
  client->send(named);
  EXPECT_EQ(client->read_message().type, '1');
  EXPECT_EQ(client->read_message().type, '2');
  EXPECT_EQ(answer(simple("list status")), "TDDC(LIST)ZI");
  EXPECT_EQ(answer(execute_message("p1") + kSync), "E(34000)ZI");
}

TEST_F(Prepared, BinaryTextIsInTheClientsEncoding) {
  const std::string binary("\0\1\0\1", 4);
  EXPECT_EQ(answer(simple("SET client_encoding = 'LATIN1'")), "C(SET)ZI");
  EXPECT_EQ(answer(parse_message("", "list status") + bind_message("", "", binary) +
                   execute_message("") + kSync),
            "12DDC(LIST)ZI");
  EXPECT_NE(row.find("z\xFCrich"), std::string::npos);
  EXPECT_NE(row.find("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE"), std::string::npos);
}

TEST_F(Prepared, FormatCodesAreTextOrBinary) {
  const std::string two("\0\1\0\2", 4);
  EXPECT_EQ(answer(parse_message("", "list status") + bind_message("", "", two) + kSync),
            "1E(22023)ZI");
  EXPECT_EQ(field('M'), "unsupported format code: 2");
}

TEST_F(Prepared, PositionsCountFromTheStartOfTheText) {
  const std::string text =
      "list status; /* \xC3\xBC */ create data source refused type kafka options (brokers 'b')";
  EXPECT_EQ(answer(simple(text)), "TDDC(LIST)E(42710)ZI");
  EXPECT_EQ(field('P'), "41");
  EXPECT_EQ(answer(run_through(";" + text.substr(text.find("/*"))) + kSync), "12E(42710)ZI");
  EXPECT_EQ(field('P'), "29");
}

// Where a backslash escapes, PostgreSQL cuts this text into one statement and we would see two.
TEST_F(Prepared, TextsWithEscapesAreNotCut) {
  const std::string text = "SELECT 'it\\'s; list status; --'";
  EXPECT_EQ(answer(simple(text)), "E(0A000)ZI");
  EXPECT_EQ(answer(simple("SET standard_conforming_strings = off")), "C(SET)ZI");
  EXPECT_EQ(answer(simple(text)), "TDC(SELECT 1)ZI");
  EXPECT_EQ(answer(run_through(text) + kSync), "12DC(SELECT 1)ZI");
  EXPECT_EQ(answer(simple("list status")), "TDDC(LIST)ZI");
  EXPECT_EQ(answer(simple("list status; list status")), "E(42601)ZI");
  EXPECT_EQ(answer(simple("SET standard_conforming_strings = on")), "C(SET)ZI");
  EXPECT_EQ(answer(simple("list status; list status")), "TDDC(LIST)TDDC(LIST)ZI");
}

// Whether the client says so at the start or the server is set up so.
TEST_F(Prepared, TextsWithEscapesAreNotCutFromTheStart) {
  const std::string text = "SELECT 'it\\'s; list status; --'";
  log_in(with_zero("options") + with_zero("-c standard_conforming_strings=off"));
  EXPECT_EQ(answer(simple(text)), "TDC(SELECT 1)ZI");
  EXPECT_EQ(answer(run_through(text) + kSync), "12DC(SELECT 1)ZI");
  database.connect().exec("ALTER DATABASE \"" + database.name() +
                          "\" SET standard_conforming_strings = off");
  log_in();
  EXPECT_EQ(answer(simple(text)), "TDC(SELECT 1)ZI");
  EXPECT_EQ(answer(simple("SET standard_conforming_strings = on")), "C(SET)ZI");
  EXPECT_EQ(answer(simple(text)), "E(0A000)ZI");
}

TEST_F(Prepared, ChangeIsTheFirstThingInAPipeline) {
  const std::string change = run_through("create data source x type kafka options (brokers 'b')");
  const std::string list = run_through("list status");
  EXPECT_EQ(answer(change + kSync), "12C(CREATE DATA SOURCE)ZI");
  EXPECT_EQ(answer(change + change + kSync), "12C(CREATE DATA SOURCE)12E(25001)ZI");
  EXPECT_EQ(answer(list + change + list + kSync), "12DDC(LIST)12E(25001)ZI");
  EXPECT_EQ(answer(change + list + kSync), "12C(CREATE DATA SOURCE)12DDC(LIST)ZI");
  const std::string simple_change = simple("create data source x type kafka options (brokers 'b')");
  EXPECT_EQ(answer(list + simple_change), "12DDC(LIST)E(25001)ZI");
  EXPECT_EQ(answer(simple_change), "C(CREATE DATA SOURCE)ZI");
  EXPECT_EQ(answer(change + kSync), "12C(CREATE DATA SOURCE)ZI");
}

}  // namespace
}  // namespace metadb::tests
