// SCRAM between our own two sides, and what a server must refuse.
#include "server/scram.h"

#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

using server::ScramClient;
using server::ScramServer;
using server::ScramVerifier;

// PostgreSQL's own for the password "pencil", with the salt of RFC 7677, section 3.
constexpr const char* kPencil =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
    ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
const std::string kEndPoint = "hash of a certificate";

ScramVerifier pencil() {
  return *server::read_verifier(kPencil);
}

TEST(ScramVerifier, IsReadAsPostgresWritesIt) {
  const ScramVerifier verifier = pencil();
  EXPECT_EQ(verifier.iterations, 4096);
  EXPECT_EQ(verifier.salt.size(), 16U);
  EXPECT_FALSE(verifier.is_mock);
  for (const char* other :
       {"", "md5d41d8cd98f00b204e9800998ecf8427e", "SCRAM-SHA-256$", "SCRAM-SHA-256$4096:aa$bb:cc",
        "SCRAM-SHA-256$x:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLw"
        "cE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-1$4096:W22ZaJ0SNY7soEsUEjb6gQ==$a:b"}) {
    EXPECT_FALSE(server::read_verifier(other)) << other;
  }
}

TEST(ScramVerifier, MockIsTheSameEachTimeAndForNobodyElse) {
  const ScramVerifier mock = server::mock_verifier("alice", "s");
  EXPECT_EQ(mock.salt, server::mock_verifier("alice", "s").salt);
  EXPECT_NE(mock.salt, server::mock_verifier("bob", "s").salt);
  EXPECT_NE(mock.salt, server::mock_verifier("alice", "t").salt);
  EXPECT_EQ(mock.salt.size(), pencil().salt.size());
  EXPECT_EQ(mock.iterations, 4096);
  EXPECT_EQ(server::mock_verifier("alice", "s", 10'000).iterations, 10'000);
}

TEST(ScramServer, AnswersAsInTheStandard) {
  ScramServer server(pencil(), "", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
  EXPECT_EQ(
      server.first("SCRAM-SHA-256", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"),
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  const auto proof = server.final(
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  ASSERT_TRUE(proof);
  EXPECT_EQ(proof->server_final, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

struct Sides {
  std::string server_end_point;
  std::string client_end_point;
};

// True if the exchange succeeds on both sides; then with the keys once more, as a pass-through
// does.
bool agree(const Sides& sides, const std::string& password) {
  ScramServer server(pencil(), sides.server_end_point);
  ScramClient client(password, sides.client_end_point);
  EXPECT_TRUE(client.choose(server.mechanisms()));
  const auto proof = server.final(
      client.final_message(server.first(client.mechanism(), client.first_message())).value_or(""));
  if (!proof || !client.is_genuine(proof->server_final)) return false;
  ScramServer next(pencil(), sides.server_end_point);
  ScramClient carrier(proof->keys, sides.client_end_point);
  EXPECT_TRUE(carrier.choose(next.mechanisms()));
  const auto again = next.final(
      carrier.final_message(next.first(carrier.mechanism(), carrier.first_message())).value_or(""));
  EXPECT_TRUE(again && carrier.is_genuine(again->server_final));
  return true;
}

TEST(Scram, SidesAgreeOnThePassword) {
  EXPECT_TRUE(agree({"", ""}, "pencil"));
  EXPECT_TRUE(agree({kEndPoint, kEndPoint}, "pencil"));
  EXPECT_TRUE(agree({kEndPoint, ""}, "pencil"));  // a client that cannot bind
  EXPECT_TRUE(agree({"", kEndPoint}, "pencil"));  // a server that cannot
  EXPECT_FALSE(agree({"", ""}, "pen"));
  EXPECT_FALSE(agree({kEndPoint, kEndPoint}, ""));
}

std::string sqlstate_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const catalog::Error& error) {
    return error.sqlstate;
  }
  return "";
}

TEST(Scram, SomebodyInBetweenIsNoticed) {
  // Shows the client another certificate, and passes its messages on.
  EXPECT_EQ(sqlstate_of([] { agree({kEndPoint, "another"}, "pencil"); }), "28000");
  // Takes the offer of channel binding away.
  ScramServer server(pencil(), kEndPoint);
  ScramClient client("pencil", kEndPoint);
  EXPECT_TRUE(client.choose({server::kScramMechanism}));
  EXPECT_EQ(sqlstate_of([&] { server.first(client.mechanism(), client.first_message()); }),
            "28000");
}

TEST(ScramServer, MockFitsNoProof) {
  for (const char* password : {"", "pencil", "secret"}) {
    ScramServer server(server::mock_verifier("nobody", "s"), "");
    ScramClient client{std::string(password)};
    ASSERT_TRUE(client.choose(server.mechanisms()));
    const std::string first = server.first(client.mechanism(), client.first_message());
    EXPECT_FALSE(server.final(*client.final_message(first)));
  }
}

TEST(ScramServer, RefusesWhatTheProtocolForbids) {
  const auto first = [](const char* mechanism, const std::string& message,
                        const std::string& end_point = "") {
    return sqlstate_of([&] { ScramServer(pencil(), end_point).first(mechanism, message); });
  };
  EXPECT_EQ(first("SCRAM-SHA-1", "n,,n=,r=abc"), "08P01");
  EXPECT_EQ(first("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=,r=abc"), "08P01");
  for (const char* message : {"", "n", "n,", "x,,n=,r=a", "n,,r=abc", "n,,n=,r=", "n,,n=,r=a\x01",
                              "n,,n=", "p=tls-server-end-point,,n=,r=abc"}) {
    EXPECT_EQ(first("SCRAM-SHA-256", message), "08P01") << message;
  }
  EXPECT_EQ(first("SCRAM-SHA-256", "n,a=admin,n=,r=abc"), "0A000");
  EXPECT_EQ(first("SCRAM-SHA-256", "n,,m=x,n=,r=abc"), "0A000");
  EXPECT_EQ(first("SCRAM-SHA-256-PLUS", "n,,n=,r=abc", kEndPoint), "08P01");
  EXPECT_EQ(first("SCRAM-SHA-256-PLUS", "p=tls-unique,,n=,r=abc", kEndPoint), "08P01");
  const auto last = [](const std::string& message) {
    ScramServer server(pencil(), "", "ours");
    server.first("SCRAM-SHA-256", "n,,n=,r=theirs");
    return sqlstate_of([&] { static_cast<void>(server.final(message)); });
  };
  const std::string proof(43, 'A');
  for (const std::string& message :
       {std::string(), std::string("c=biws"), std::string("c=biws,r=theirsours"),
        "c=biws,r=other,p=" + proof + "=", "c=eSws,r=theirsours,p=" + proof + "=",
        std::string("c=biws,r=theirsours,p=AAAA"), std::string("c=biws,r=theirsours,p=!")}) {
    EXPECT_EQ(last(message), "08P01") << message;
  }
  EXPECT_EQ(last("c=biws,r=theirsours,p=" + proof + "="), "");
}

}  // namespace
}  // namespace metadb::tests
