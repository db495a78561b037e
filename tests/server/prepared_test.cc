// Statements and portals of ours beside PostgreSQL's, message by message.
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
std::string execute_message(const std::string& portal) {
  return frame('E', with_zero(portal) + be32(0));
}
std::string run_through(const std::string& sql) {
  return parse_message("", sql) + bind_message("", "") + execute_message("");
}

class Prepared : public FrontEndTest {
 protected:
  void SetUp() override {
    start();
    client.emplace(front_end->port());
    client->send(startup_packet(kVersion3, with_zero("user") + with_zero("postgres") +
                                               with_zero("database") + with_zero(database.name())));
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
  EXPECT_EQ(answer(run_through("DEALLOCATE ALL") + frame('D', "S" + with_zero("s1")) + kSync),
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

TEST_F(Prepared, ChangeIsTheFirstThingInAPipeline) {
  const std::string change = run_through("create data source x type kafka options (brokers 'b')");
  const std::string list = run_through("list status");
  EXPECT_EQ(answer(change + kSync), "12C(CREATE DATA SOURCE)ZI");
  EXPECT_EQ(answer(change + change + kSync), "12C(CREATE DATA SOURCE)12E(25001)ZI");
  EXPECT_EQ(answer(list + change + list + kSync), "12DDC(LIST)12E(25001)ZI");
  EXPECT_EQ(answer(change + list + kSync), "12C(CREATE DATA SOURCE)12DDC(LIST)ZI");
  EXPECT_EQ(answer(change + kSync), "12C(CREATE DATA SOURCE)ZI");
}

}  // namespace
}  // namespace metadb::tests
