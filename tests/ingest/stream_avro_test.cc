// Topics in Avro: a schema that can't be had stops its topic, and nothing of it is lost.
#include <map>
#include <mutex>

#include "ingest/json_text.h"
#include "tests/ingest/avro_messages.h"
#include "tests/ingest/http_server.h"
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class AvroStream : public WorkerTest {
 protected:
  // The event in Avro. Its schemas are registered by publish().
  ingest::RecordedMessage avro(const RowEvent& event) {
    ingest::RecordedMessage message = recorded(event);
    if (message.key) message.key = framed_by_registry(*message.key);
    if (message.value) message.value = framed_by_registry(*message.value);
    return message;
  }
  // So many of the schemas, in the order in which avro() met them: key before value.
  void publish(uint32_t count = 1000) {
    const std::scoped_lock lock(mutex_);
    published_ = count;
  }
  void name_registry(const std::string& user = "") {
    source_.options["schema_registry"] = "http://" + user + "127.0.0.1:" + server_.port();
  }
  std::string reason(const RowEvent& event) {
    const auto lanes = status().stopped_lanes;
    const auto found = lanes.find(topic_of(event));
    return found == lanes.end() ? "" : found->second.reason;
  }

  bool has_been_asked() { return !server_.requests().empty(); }

  std::atomic<bool> hangs_ = false;

 private:
  std::string framed_by_registry(const std::string& json) {
    const AvroBytes bytes = avro_of(json);
    const std::scoped_lock lock(mutex_);
    const uint32_t id = ids_.emplace(bytes.schema, ids_.size() + 1).first->second;
    return confluent_framed(id, bytes.body);
  }
  HttpReply reply(const HttpRequest& request) {
    const std::scoped_lock lock(mutex_);
    if (hangs_) return {.way = HttpReply::Way::hang};
    for (const auto& [schema, id] : ids_) {
      if (id > published_ || request.target != "/schemas/ids/" + std::to_string(id)) continue;
      std::string body = R"({"schema":)";
      ingest::append_json_string(body, schema);
      return {.body = body + "}"};
    }
    return {.status = 404};
  }

  std::mutex mutex_;
  std::map<std::string, uint32_t> ids_;
  uint32_t published_ = 0;
  HttpServer server_{[this](const HttpRequest& request) { return reply(request); }};
};

TEST_F(AvroStream, BecomesRowsBesideJson) {
  name_registry();
  publish();
  RecordedTopics topics;
  for (int id = 0; id < 20; ++id) {
    topics.add(avro({.table = "a", .id = id}));
    topics.add(RowEvent{.table = "j", .id = id});
  }
  topics.add(
      avro({.table = "a", .op = 'u', .id = 3, .value = "y", .ts_us = 1'700'000'001'000'000}));
  topics.add(avro({.table = "a", .op = 'd', .id = 4, .ts_us = 1'700'000'001'000'000}));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("a"), 19);
  EXPECT_EQ(count("j"), 20);
  EXPECT_EQ(count("a WHERE v = 'y'"), 1);
  EXPECT_EQ(count("metadb.dead_letter"), 0);
}

TEST_F(AvroStream, WaitsForASchemaWhileOthersGoOn) {
  name_registry("user:secret@");
  RecordedTopics topics;
  const RowEvent waiting{.table = "a"};
  topics.add(avro(waiting));
  topics.add(RowEvent{.table = "j"});
  start(topics);
  ASSERT_TRUE(eventually([&] { return !reason(waiting).empty(); }));
  EXPECT_THAT(reason(waiting), AllOf(HasSubstr("schema id "), HasSubstr("http://127.0.0.1:"),
                                     HasSubstr("not registered"), Not(HasSubstr("secret"))));
  EXPECT_THAT(status().last_error, HasSubstr("not registered"));
  ASSERT_TRUE(catches_up(topics, {topic_of(waiting)}));
  EXPECT_EQ(count("metadb.dead_letter"), 0);
  publish();
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("a"), 1);
  EXPECT_EQ(count("metadb.dead_letter"), 0);
  EXPECT_TRUE(eventually([&] { return status().stopped_lanes.empty(); }));
}

TEST_F(AvroStream, AsksForNewSchemasAfterAPauseToo) {
  name_registry();
  publish();
  RecordedTopics topics;
  topics.add(avro({.table = "a"}));
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  worker_->obey(ingest::Order::pause);
  ASSERT_TRUE(eventually([&] { return status().state == ingest::SourceState::paused; }));
  topics.add(avro({.table = "a", .id = 2, .is_key_wide = true}));
  publish();
  worker_->obey(ingest::Order::run);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("a"), 2);
}

TEST_F(AvroStream, FollowsTheOptionsThatItIsGiven) {
  publish();
  RecordedTopics topics;
  const RowEvent event{.table = "a"};
  topics.add(avro(event));
  publish();
  start(topics);
  ASSERT_TRUE(eventually([&] { return !reason(event).empty(); }));
  name_registry();
  worker_->renew(source_, ingest::Order::run);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("a"), 1);
}

TEST_F(AvroStream, AppliesWhatComesBeforeTheSchemaThatIsMissing) {
  name_registry();
  RecordedTopics topics;
  const RowEvent keyed{.table = "a"};
  const RowEvent wide{.table = "a", .id = 2, .is_key_wide = true};
  topics.add(avro(keyed));
  publish(2);
  topics.add(avro(wide));
  start(topics);
  ASSERT_TRUE(eventually([&] { return reason(keyed).find("schema id 3") != std::string::npos; }));
  EXPECT_EQ(count("a"), 1);
  publish();
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("a"), 2);
}

TEST_F(AvroStream, StopsWhereNoRegistryIsNamed) {
  RecordedTopics topics;
  const RowEvent event{.table = "a"};
  topics.add(avro(event));
  topics.add(RowEvent{.table = "j"});
  start(topics);
  ASSERT_TRUE(eventually([&] { return !reason(event).empty(); }));
  EXPECT_THAT(reason(event), AllOf(HasSubstr("Avro (schema id"), HasSubstr("schema_registry")));
  ASSERT_TRUE(catches_up(topics, {topic_of(event)}));
  EXPECT_EQ(count("metadb.dead_letter"), 0);
  name_registry();
  publish();
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("a"), 1);
}

TEST_F(AvroStream, SetsAsideWhatIsToBeJson) {
  source_.options["format"] = "json";
  RecordedTopics topics;
  topics.add(avro({.table = "a"}));
  topics.add(RowEvent{.table = "a", .id = 2});
  start(topics);
  ASSERT_TRUE(catches_up(topics));
  EXPECT_EQ(count("a"), 1);
  EXPECT_EQ(count("metadb.dead_letter WHERE sqlstate = '22032'"), 1);
}

TEST_F(AvroStream, EndsWhileTheRegistryIsSilent) {
  name_registry();
  hangs_ = true;
  RecordedTopics topics;
  topics.add(avro({.table = "a"}));
  start(topics);
  ASSERT_TRUE(eventually([&] { return has_been_asked(); }));
  worker_->request_stop(ingest::Worker::kOrderPatience);
  ASSERT_TRUE(eventually([&] { return status().state == ingest::SourceState::stopped; }));
  EXPECT_TRUE(status().stopped_lanes.empty());
  stop();
  EXPECT_EQ(applied(), 0);
}

}  // namespace
}  // namespace metadb::tests
