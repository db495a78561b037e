#include "server/wire/messages.h"

#include <gtest/gtest.h>

#include "server/wire/binary.h"
#include "server/wire/startup.h"
#include "tests/server/raw_client.h"

namespace metadb::tests {
namespace {

using namespace server::wire;  // the subject of every line here

TEST(Messages, ErrorCarriesAllItsFields) {
  std::string out;
  append_error(out, {"ERROR", "42601", "no", "because", "try", 7});
  EXPECT_EQ(out,
            frame('E', std::string("SERROR\0VERROR\0C42601\0Mno\0Dbecause\0Htry\0P7\0\0", 43)));
  const std::string_view payload = std::string_view(out).substr(5);
  EXPECT_EQ(error_field(payload, 'V'), "ERROR");
  EXPECT_EQ(error_field(payload, 'P'), "7");
  EXPECT_EQ(error_field(payload, 'W'), "");
}

TEST(Messages, ZeroByteInTextEndsOnlyItsField) {
  std::string out;
  append_error(out, {"ERROR", "XX000", std::string("a\0b", 3), "", "", 0});
  EXPECT_EQ(error_field(std::string_view(out).substr(5), 'M'), "a");
  EXPECT_EQ(out.size(), 5 + std::string_view("SERROR.VERROR.CXX000.Ma..").size());
}

TEST(Messages, RowTellsNullFromEmpty) {
  std::string out;
  const std::vector<Value> values{"ab", std::nullopt, ""};
  append_data_row(out, values);
  EXPECT_EQ(out, frame('D', std::string("\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0", 16)));
}

TEST(Messages, ReadersNeverReadBeyondTheirPayload) {
  const std::string bind =
      with_zero("p") + with_zero("s") + std::string("\0\1\0\1\0\1\0\0\0\2xy\0\2\0\0\0\1", 18);
  const auto whole = read_bind(bind);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->portal, "p");
  EXPECT_EQ(whole->parameter_formats, 1);
  EXPECT_EQ(whole->parameters, 1);
  EXPECT_EQ(whole->result_formats, (std::vector<int16_t>{0, 1}));
  for (size_t cut = 0; cut < bind.size(); ++cut) {
    // A copy of its own, so that a sanitizer sees the end.
    const std::string part = bind.substr(0, cut);
    EXPECT_FALSE(read_bind(part)) << cut;
  }
  EXPECT_FALSE(read_parse("unterminated"));
  EXPECT_FALSE(read_query("unterminated"));
  EXPECT_FALSE(read_backend_key(std::string("\0\0\0\1", 4)));
}

TEST(Startup, ReadsParametersAndLeavesTheRest) {
  const std::string packet = be32(kVersion3) + with_zero("user") + with_zero("u") +
                             with_zero("_pq_.x") + with_zero("1") + with_zero("options") +
                             with_zero("-c a=b") + '\0';
  const auto read = read_startup(packet);
  const auto* message = std::get_if<StartupMessage>(&read);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->user, "u");
  EXPECT_EQ(message->database, "u");
  EXPECT_FALSE(message->is_replication);
  for (size_t cut = 0; cut < packet.size(); ++cut) {
    EXPECT_TRUE(std::holds_alternative<InvalidStartup>(read_startup(packet.substr(0, cut)))) << cut;
  }
}

TEST(Startup, KnowsReplicationConnections) {
  const auto is_replication = [](const std::string& value) {
    const auto read = read_startup(be32(kVersion3) + with_zero("user") + with_zero("u") +
                                   with_zero("replication") + with_zero(value) + '\0');
    return std::get<StartupMessage>(read).is_replication;
  };
  for (const char* on :
       {"database", "true", "on", "1", "yes", "t", "o", "O", "offf", "falsely", ""})
    EXPECT_TRUE(is_replication(on)) << on;
  for (const char* off : {"off", "OFF", "of", "false", "False", "fals", "F", "no", "NO", "n", "0"})
    EXPECT_FALSE(is_replication(off)) << off;
}

TEST(Startup, RefusesInPostgresWords) {
  const auto refusal = [](const std::string& packet) {
    const auto invalid = std::get<InvalidStartup>(read_startup(packet));
    return invalid.sqlstate + " " + invalid.reason;
  };
  const std::string layout =
      "08P01 invalid startup packet layout: expected terminator as last byte";
  EXPECT_EQ(refusal(be32(kVersion3) + with_zero("user")), layout);
  EXPECT_EQ(refusal(be32(kVersion3) + with_zero("user") + with_zero("u")), layout);
  EXPECT_EQ(refusal(be32(kVersion3) + std::string(2, '\0')), layout);
  EXPECT_EQ(refusal(be32(0x00020000)),
            "0A000 unsupported frontend protocol 2.0: server supports 3.0 to 3.2");
  EXPECT_EQ(refusal(be32(kCancelRequestCode) + be32(7)),
            " invalid length of cancel request packet");
}

TEST(Startup, CancelKeysHaveAnyLengthUpToTheProtocolsLimit) {
  const auto cancel = [](size_t bytes) {
    return read_startup(be32(kCancelRequestCode) + be32(7) + std::string(bytes, 'k'));
  };
  EXPECT_EQ(std::get<CancelRequest>(cancel(4)).pid, 7U);
  EXPECT_EQ(std::get<CancelRequest>(cancel(32)).secret.size(), 32U);
  EXPECT_TRUE(std::holds_alternative<InvalidStartup>(cancel(0)));
  EXPECT_TRUE(std::holds_alternative<InvalidStartup>(cancel(257)));
}

TEST(BinaryForm, IsThatOfPostgres) {
  EXPECT_EQ(binary_form(20, "-2"), std::string("\xff\xff\xff\xff\xff\xff\xff\xfe"));
  EXPECT_EQ(binary_form(23, "258"), std::string("\0\0\1\2", 4));
  EXPECT_EQ(binary_form(16, "t"), std::string("\1"));
  EXPECT_EQ(binary_form(701, "1"), std::string("\x3f\xf0\0\0\0\0\0\0", 8));
  // One day and 1.5 s after 2000-01-01, in microseconds.
  EXPECT_EQ(binary_form(1184, "2000-01-02 01:00:01.5+01"),
            std::string("\0\0\0\x14\x1d\xee\x43\x60", 8));
  EXPECT_FALSE(binary_form(1184, "yesterday"));
  EXPECT_FALSE(binary_form(23, "2147483648"));
  EXPECT_FALSE(has_binary_form(1700));
}

}  // namespace
}  // namespace metadb::tests
