#include "server/kafka_factory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <stop_token>

#include "catalog/settings.h"

namespace metadb::tests {
namespace {

using server::kafka_options;
using testing::ElementsAre;
using testing::Pair;

constexpr int64_t kGiB = int64_t{1} << 30;

catalog::DataSource source() {
  catalog::DataSource out;
  out.name = "s";
  out.options = {{"brokers", "b:9092"},
                 {"topics", "^a{1,2}, plain"},
                 {"consumer_group", "g"},
                 {"kafka.client.rack", "r"}};
  return out;
}

catalog::Snapshot snapshot(size_t sources = 1) {
  catalog::Snapshot out;
  for (size_t i = 0; i < sources; ++i) out.sources[std::to_string(i)] = {};
  for (const catalog::SettingRow& row : catalog::setting_rows())
    out.settings[std::string(row.name)] = row.default_value;
  out.settings["max_poll_interval"] = "60000";
  out.installation_id = "me";
  return out;
}

TEST(KafkaFactory, TellsTheConsumerWhatTheCatalogSays) {
  const ingest::KafkaOptions options = kafka_options(source(), snapshot(), kGiB);
  EXPECT_EQ(options.source_name, "s");
  EXPECT_EQ(options.brokers, "b:9092");
  EXPECT_EQ(options.group_id, "g");
  EXPECT_EQ(options.security, "ssl");
  EXPECT_EQ(options.installation_id, "me");
  EXPECT_THAT(options.topics, ElementsAre("^a{1,2}", "plain"));
  EXPECT_THAT(options.properties, ElementsAre(Pair("client.rack", "r")));
  EXPECT_EQ(options.poll_interval_ms_max, 60000);
}

TEST(KafkaFactory, ProbeEndsWhenItIsAskedTo) {
  catalog::DataSource unreachable = source();
  unreachable.options["brokers"] = "127.0.0.1:1";
  std::stop_source stop;
  stop.request_stop();
  const auto before = std::chrono::steady_clock::now();
  server::kafka_probe()(unreachable, snapshot(), stop.get_token());
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
}

TEST(KafkaFactory, SourcesShareTheMemoryForReadingAhead) {
  EXPECT_EQ(kafka_options(source(), snapshot(1), kGiB).queue_bytes, size_t{64} << 20);
  EXPECT_EQ(kafka_options(source(), snapshot(4), kGiB).queue_bytes, size_t{16} << 20);
  EXPECT_EQ(kafka_options(source(), snapshot(1), 64 * kGiB).queue_bytes, size_t{128} << 20);
  EXPECT_EQ(kafka_options(source(), snapshot(100), kGiB).queue_bytes, size_t{4} << 20);
}

}  // namespace
}  // namespace metadb::tests
