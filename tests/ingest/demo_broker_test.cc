#include "ingest/demo_broker.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

#include "catalog/error.h"
#include "ingest/kafka_source.h"
#include "tests/fakes/reader.h"

namespace metadb::tests {
namespace {

using ingest::DemoBroker;
using ingest::KafkaOptions;
using ingest::KafkaSource;
using ingest::RecordedMessage;
using ::testing::ElementsAre;

KafkaOptions options(const std::string& brokers, const std::string& group) {
  KafkaOptions result;
  result.source_name = group;
  result.brokers = brokers;
  result.group_id = group;
  result.security = "plaintext";
  result.installation_id = "test";
  result.topics = {"t"};
  result.properties = {{"session.timeout.ms", "6000"}};
  return result;
}

bool can_be_bound(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool is_bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return is_bound;
}

// A port that was free a moment ago, below the range that the kernel gives to clients: nobody else
// gets it by chance.
uint16_t free_port() {
  std::random_device random;
  std::uniform_int_distribution<uint16_t> ports(20'000, 31'999);
  uint16_t port = 0;
  do port = ports(random);
  while (!can_be_bound(port));
  return port;
}

TEST(DemoBroker, KeepsKeysValuesHeadersAndTimestamps) {
  DemoBroker broker;
  broker.create_topics({"t"});
  broker.produce({{"t", 0, 0, 1700000000123, "k", "v", {{"h", "x"}, {"n", std::nullopt}}},
                  {"t", 0, 0, 1700000000124, "k", std::nullopt, {}}});
  broker.produce_one({"t", 0, 0, -1, std::nullopt, "", {}});
  KafkaSource source(options(broker.bootstrap(), "keeps"));
  Reader reader(source);
  ASSERT_TRUE(reader.until([](const Seen& seen) { return seen.messages.size() == 3; }));
  const auto& messages = reader.seen.messages;
  EXPECT_EQ(messages[0].key, "k");
  EXPECT_EQ(messages[0].value, "v");
  EXPECT_EQ(messages[0].timestamp_ms, 1700000000123);
  ASSERT_EQ(messages[0].headers.size(), 2U);
  EXPECT_EQ(messages[0].headers[0].name, "h");
  EXPECT_EQ(messages[0].headers[0].value, "x");
  EXPECT_EQ(messages[0].headers[1].value, std::nullopt);
  EXPECT_EQ(messages[1].value, std::nullopt);
  EXPECT_EQ(messages[2].key, std::nullopt);
  EXPECT_EQ(messages[2].value, "");
}

TEST(DemoBroker, ServesClientsThatOnlyKnowItsFixedPort) {
  const uint16_t port = free_port();
  DemoBroker broker(port);
  EXPECT_EQ(broker.bootstrap(), "127.0.0.1:" + std::to_string(port));
  broker.create_topics({"t"});
  broker.produce_one({"t", 0, 0, 1, "k", "v", {}});
  KafkaSource source(options(broker.bootstrap(), "fixed"));
  Reader reader(source);
  EXPECT_TRUE(reader.until([](const Seen& seen) { return !seen.records.empty(); }));
  EXPECT_THAT(reader.seen.records, ElementsAre("t/0@0=v"));
}

TEST(DemoBroker, SaysThatItsPortIsTaken) {
  const uint16_t port = free_port();
  const DemoBroker first(port);
  try {
    const DemoBroker second(port);
    FAIL() << "two brokers on port " << port;
  } catch (const catalog::Error& error) {
    EXPECT_EQ(error.sqlstate, "08001");
    EXPECT_THAT(error.message(), testing::HasSubstr(std::to_string(port)));
  }
}

TEST(DemoBroker, ReportsWhatItCouldNotDeliver) {
  DemoBroker broker;
  broker.create_topics({"t"});
  EXPECT_THROW(broker.produce_one({"t", 9, 0, 1, "k", "v", {}}), catalog::Error);
  broker.produce_one({"t", 0, 0, 1, "k", "v", {}});
}

}  // namespace
}  // namespace metadb::tests
