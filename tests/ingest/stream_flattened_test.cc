// Topics of flattened rows: every row an upsert, a tombstone or __deleted a delete.
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using testing::ElementsAre;

class FlattenedStream : public WorkerTest {
 protected:
  FlattenedStream() { source_.options["events"] = "flattened"; }

  static ingest::RecordedMessage record(const std::optional<std::string>& key,
                                        const std::optional<std::string>& value, int64_t time_ms) {
    ingest::RecordedMessage message;
    message.topic = "srv.public.t";
    message.timestamp_ms = time_ms;
    message.key = key;
    message.value = value;
    return message;
  }
};

TEST_F(FlattenedStream, RowsTombstonesAndRewrittenDeletesMakeHistory) {
  RecordedTopics topics;
  topics.add(record(R"({"id":1})", R"({"id":1,"v":"a"})", 1'700'000'001'000));
  topics.add(record(R"({"id":1})", R"({"id":1,"v":"a"})", 1'700'000'002'000));
  topics.add(record(R"({"id":1})", R"({"id":1,"v":"b"})", 1'700'000'003'000));
  topics.add(record(R"({"id":2})", R"({"id":2,"v":"c","__deleted":"false"})", 1'700'000'003'000));
  topics.add(record(R"({"id":1})", std::nullopt, 1'700'000'004'000));
  topics.add(record(R"({"id":2})", R"({"id":2,"v":"","__deleted":"true"})", 1'700'000'005'000));
  topics.add(record(R"({"id":2})", std::nullopt, 1'700'000'005'000));
  topics.add(record(R"({"id":1})", R"({"id":1,"v":"d"})", 1'700'000'006'000));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_THAT(
      rows("SELECT id, v, extract(epoch FROM __start)::bigint - 1700000000, CASE WHEN __current "
           "THEN 'now' ELSE (extract(epoch FROM __end)::bigint - 1700000000)::text END FROM "
           "public.t__ ORDER BY id, __start"),
      ElementsAre("1,a,1,3", "1,b,3,4", "1,d,6,now", "2,c,3,5"));
  EXPECT_EQ(count("metadb.dead_letter"), 0);
}

TEST_F(FlattenedStream, ATombstoneAfterAStartIsADeleteToo) {
  RecordedTopics topics;
  topics.add(record(R"({"id":1})", R"({"id":1,"v":"a"})", 1'700'000'001'000));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  stop();
  topics.add(record(R"({"id":1})", std::nullopt, 1'700'000'004'000));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("public.t"), 0);
  EXPECT_EQ(count("public.t__"), 1);
}

TEST_F(FlattenedStream, TheTableIsWhatTheTopicSays) {
  source_.options["table_from_topic"] = "^cdc_(?<schema>[a-z]+)_(?<table>[a-z]+)$";
  RecordedTopics topics;
  auto message = record(R"({"id":1})", R"({"id":1,"v":"a"})", 1'700'000'001'000);
  message.topic = "cdc_shop_orders";
  topics.add(message);
  message.topic = "other";
  topics.add(message);
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("shop.orders"), 1);
  EXPECT_THAT(rows("SELECT topic, error FROM metadb.dead_letter"),
              ElementsAre("other,the option table_from_topic does not match the topic"));
}

}  // namespace
}  // namespace metadb::tests
