// A worker and a real broker: transactions.
#include "ingest/kafka_source.h"
#include "tests/ingest/worker_fixture.h"
#include "tests/kafka/test_cluster.h"

namespace metadb::tests {
namespace {

using ingest::SourceState;
using testing::ElementsAre;

class StreamKafka : public WorkerTest {
 protected:
  StreamKafka() { create_topic(topic()); }

  [[nodiscard]] std::string topic() const { return topic_of({.server = server_}); }
  void read() {
    worker_.reset();
    worker_ = std::make_unique<ingest::Worker>(
        catalog_, source_,
        [&](const catalog::DataSource&,
            const catalog::Snapshot&) -> std::unique_ptr<ingest::Source> {
          ingest::KafkaOptions options;
          options.source_name = source_.name;
          options.brokers = kafka_bootstrap();
          options.group_id = server_;
          options.security = "plaintext";
          options.installation_id = server_;
          options.topics = {topic()};
          return std::make_unique<ingest::KafkaSource>(options);
        });
  }
  void send(TestProducer& producer, int id) {
    const ingest::RecordedMessage message = recorded({.id = id, .server = server_});
    producer.send(topic(), *message.key, *message.value);
  }
  bool reaches(int64_t offset) {
    return eventually([&] {
      return rows("SELECT next_offset FROM metadb.ingest_position") ==
             std::vector<std::string>{std::to_string(offset)};
    });
  }

  const std::string server_ = fresh_name("server");
};

// Behind each transaction stands a marker, and behind the last row what was aborted.
TEST_F(StreamKafka, ReadsTransactionsToTheirEndsAndMissesNothingOnceTheyAreDeleted) {
  TestProducer producer(server_);
  producer.begin();
  send(producer, 1);
  producer.commit();
  producer.begin();
  send(producer, 2);
  producer.commit();
  producer.begin();
  send(producer, 3);
  producer.abort();
  read();
  ASSERT_TRUE(reaches(6)) << status().last_error;
  EXPECT_THAT(rows("SELECT id FROM t ORDER BY 1"), ElementsAre("1", "2"));
  EXPECT_TRUE(eventually([&] { return status().lag_events == 0; }));
  stop();
  delete_messages_below(topic(), 6);
  read();
  EXPECT_TRUE(eventually([&] { return status().state == SourceState::streaming; }));
  producer.begin();
  send(producer, 4);
  producer.commit();
  ASSERT_TRUE(eventually([&] { return count("t") == 3; })) << status().last_error;
  EXPECT_TRUE(status().stopped_lanes.empty());
}

}  // namespace
}  // namespace metadb::tests
