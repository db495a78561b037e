// What the suite's PostgreSQL does not do: newer protocols, values of a gigabyte, cancels that take
// long.
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <future>
#include <thread>

#include "server/tls.h"
#include "tests/server/front_end_fixture.h"
#include "tests/server/process_memory.h"
#include "tests/server/raw_server.h"

namespace metadb::tests {
namespace {

constexpr uint32_t kVersion32 = 0x00030002;

class PlayedBackend : public FrontEndTest {
 protected:
  void SetUp() override {
    options.upstream.hosts = {{"127.0.0.1", backend.port(), {}}};
    start();
  }
  [[nodiscard]] std::string startup(uint32_t version) const {
    return startup_packet(version, with_zero("user") + with_zero("postgres") +
                                       with_zero("database") + with_zero(database.name()));
  }
  static std::string welcome(const std::string& secret) {
    return frame('R', be32(0)) + frame('K', be32(77) + secret) + frame('Z', "I");
  }
  static std::string cancel_request(const std::string& key) {
    return be32(static_cast<uint32_t>(8 + key.size())) + be32(server::wire::kCancelRequestCode) +
           key;
  }

  RawServer backend;
};

TEST_F(PlayedBackend, KeysOfAnyLengthAreExchanged) {
  for (const size_t bytes : {4, 32, 256}) {
    const std::string secret(bytes, 's');
    const RawClient client(front_end->port());
    client.send(startup(kVersion32));
    const RawClient session = backend.accept();
    const std::string packet = startup(kVersion32);
    EXPECT_EQ(session.read(packet.size()), packet) << "versions are PostgreSQL's affair";
    session.send(welcome(secret));
    EXPECT_EQ(client.read_message().type, 'R');
    const std::string key = client.read_message().payload;
    EXPECT_EQ(client.read_message().type, 'Z');
    EXPECT_EQ(key.size(), 4 + bytes);
    EXPECT_EQ(key.substr(0, 4), be32(77));
    EXPECT_EQ(key.find("ssss"), std::string::npos);
    client.send(frame('Q', with_zero("SELECT 1")));
    EXPECT_EQ(session.read_message().type, 'Q');

    const RawClient canceller(front_end->port());
    canceller.send(cancel_request(key));
    const RawClient cancel = backend.accept();
    const std::string expected = cancel_request(be32(77) + secret);
    EXPECT_EQ(cancel.read(expected.size()), expected);
    // The client's next query must not be hit: it sees the end once PostgreSQL has sent the signal.
    EXPECT_FALSE(canceller.is_readable_within(std::chrono::milliseconds(50)));
    cancel.send_end();
    EXPECT_EQ(canceller.read_to_end(), "");
  }
}

TEST_F(PlayedBackend, CancelThatIsNotTakenIsGivenUp) {
  front_end.reset();
  options.session.cancel_timeout = std::chrono::milliseconds(100);
  start();
  const RawClient client(front_end->port());
  client.send(startup(kVersion3));
  const RawClient session = backend.accept();
  session.send(welcome("abcd"));
  EXPECT_EQ(client.read_message().type, 'R');
  const RawClient canceller(front_end->port());
  canceller.send(cancel_request(client.read_message().payload));
  const RawClient cancel = backend.accept();
  EXPECT_EQ(canceller.read_to_end(), "");
}

// Neither a PostgreSQL that does not answer the question for TLS nor one that does not take a
// cancel.
TEST_F(PlayedBackend, StopWaitsForNoConnectionThatIsBeingMade) {
  front_end.reset();
  options.session.cancel_timeout = options.upstream.connect_timeout = std::chrono::minutes(1);
  start();
  const RawClient client(front_end->port());
  client.send(startup(kVersion3));
  const RawClient session = backend.accept();
  session.send(welcome("abcd"));
  EXPECT_EQ(client.read_message().type, 'R');
  const RawClient canceller(front_end->port());
  canceller.send(cancel_request(client.read_message().payload));
  const RawClient cancel = backend.accept();
  options.upstream.tls = server::upstream_tls({server::SslMode::require, "", "", "", ""});
  front_end->choose_upstream(options.upstream);
  const RawClient late(front_end->port());
  late.send(startup(kVersion3));
  const RawClient mute = backend.accept();
  EXPECT_EQ(mute.read(8), be32(8) + be32(server::wire::kSslRequestCode));
  const auto begun = std::chrono::steady_clock::now();
  front_end->stop(std::chrono::milliseconds(0));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
  EXPECT_EQ(server::wire::error_field(late.read_message().payload, 'C'), "57P01");
}

// PostgreSQL's largest message and more, each way. Less where that takes minutes, and the memory is
// a sanitizer's.
TEST_F(PlayedBackend, GigabytesPassInConstantMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr size_t kBytes = size_t{1} << 26;
#else
  static constexpr size_t kBytes = size_t{1} << 30;
#endif
  const RawClient client(front_end->port());
  client.send(startup(kVersion3));
  const RawClient session = backend.accept();
  EXPECT_EQ(session.read(startup(kVersion3).size()), startup(kVersion3));
  session.send(welcome("abcd"));
  ASSERT_EQ(client.read_until_ready(), "RKZI");
  const auto carry = [](const RawClient& from, const RawClient& to, char type,
                        const std::string& rest) {
    auto sent = std::async(std::launch::async, [&] {
      from.send(type + be32(static_cast<uint32_t>(kBytes + 4)));
      const std::string piece(size_t{1} << 20, 'v');
      for (size_t done = 0; done < kBytes; done += piece.size()) from.send(piece);
      from.send(rest);
    });
    EXPECT_EQ(to.read(5), type + be32(static_cast<uint32_t>(kBytes + 4)));
    EXPECT_EQ(to.read_and_count(kBytes, 'v'), kBytes);
    sent.get();
  };
  const size_t before = resident_bytes();
  carry(client, session, 'd', frame('c', ""));
  EXPECT_EQ(session.read_message().type, 'c');
  carry(session, client, 'D', frame('C', with_zero("SELECT 1")) + frame('Z', "I"));
  EXPECT_EQ(client.read_until_ready(), "CZI");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(resident_bytes(), before + (size_t{8} << 20));
#else
  static_cast<void>(before);
#endif
}

}  // namespace
}  // namespace metadb::tests
