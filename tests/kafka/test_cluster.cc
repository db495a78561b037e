#include "tests/kafka/test_cluster.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <random>
#include <span>
#include <stdexcept>

#include "tests/fakes/eventually.h"

namespace metadb::tests {
namespace {

constexpr std::chrono::milliseconds kTimeout{15'000};
constexpr int kTimeoutMs = kTimeout.count();

template <auto destroy>
struct Destroy {
  template <typename T>
  void operator()(T* held) const {
    destroy(held);
  }
};
using Handle = std::unique_ptr<rd_kafka_t, Destroy<rd_kafka_destroy>>;
using List = std::unique_ptr<rd_kafka_topic_partition_list_t,
                             Destroy<rd_kafka_topic_partition_list_destroy>>;

void require(rd_kafka_resp_err_t error, const char* what) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  throw std::runtime_error(std::string(what) + ": " + rd_kafka_err2str(error));
}

void require(rd_kafka_error_t* error, const char* what) {
  if (error == nullptr) return;
  const std::string text = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  throw std::runtime_error(std::string(what) + ": " + text);
}

rd_kafka_t* client(rd_kafka_type_t type, const std::map<std::string, std::string>& settings) {
  std::array<char, 512> reason{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  const std::string brokers = kafka_bootstrap();
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), reason.data(), reason.size());
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason.data(), reason.size()) !=
        RD_KAFKA_CONF_OK) {
      throw std::runtime_error(reason.data());
    }
  }
  rd_kafka_t* handle = rd_kafka_new(type, conf, reason.data(), reason.size());
  if (handle == nullptr) throw std::runtime_error(reason.data());
  return handle;
}

// Waits for the answer to an administrator's request that was put on `queue`.
void await(rd_kafka_queue_t* queue, const char* what) {
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, kTimeoutMs);
  if (event == nullptr) throw std::runtime_error(std::string(what) + ": no answer");
  const auto error = rd_kafka_event_error(event);
  rd_kafka_resp_err_t detail = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (const auto* created = rd_kafka_event_CreateTopics_result(event)) {
    size_t count = 0;
    const auto* topics = rd_kafka_CreateTopics_result_topics(created, &count);
    if (count == 1) detail = rd_kafka_topic_result_error(topics[0]);
  }
  rd_kafka_event_destroy(event);
  require(error, what);
  require(detail, what);
}

// Whether the broker itself knows the topic, and each of its partitions has a leader.
bool is_served(rd_kafka_t* handle, const std::string& topic, int partitions) {
  const rd_kafka_metadata_t* raw = nullptr;
  require(rd_kafka_metadata(handle, 1, nullptr, &raw, kTimeoutMs), "metadata");
  const std::unique_ptr<const rd_kafka_metadata_t, Destroy<rd_kafka_metadata_destroy>> metadata(
      raw);
  const std::span topics(metadata->topics, static_cast<size_t>(metadata->topic_cnt));
  const auto found =
      std::ranges::find_if(topics, [&](const auto& each) { return each.topic == topic; });
  if (found == topics.end() || found->err != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
  const std::span parts(found->partitions, static_cast<size_t>(found->partition_cnt));
  return std::ssize(parts) == partitions && std::ranges::all_of(parts, [](const auto& part) {
           return part.err == RD_KAFKA_RESP_ERR_NO_ERROR && part.leader >= 0;
         });
}

}  // namespace

std::string kafka_bootstrap() {
  if (const char* given = std::getenv("METADB_TEST_KAFKA")) return given;
  std::ifstream file(METADB_BINARY_DIR "/test-kafka/bootstrap");
  std::string line;
  if (!std::getline(file, line)) {
    throw std::runtime_error(
        "no test broker: run ctest, or tests/fakes/kafka_broker start " METADB_BINARY_DIR
        "/test-kafka");
  }
  return line;
}

std::string fresh_name(const std::string& prefix) {
  static std::mt19937_64 random{std::random_device{}()};
  return prefix + "_" + std::to_string(random());
}

void create_topic(const std::string& name, int partitions,
                  const std::map<std::string, std::string>& settings) {
  const Handle admin(client(RD_KAFKA_PRODUCER, {}));
  const std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>> queue(
      rd_kafka_queue_new(admin.get()));
  rd_kafka_NewTopic_t* topic = rd_kafka_NewTopic_new(name.c_str(), partitions, 1, nullptr, 0);
  for (const auto& [setting, value] : settings) {
    rd_kafka_NewTopic_set_config(topic, setting.c_str(), value.c_str());
  }
  rd_kafka_CreateTopics(admin.get(), &topic, 1, nullptr, queue.get());
  rd_kafka_NewTopic_destroy(topic);
  await(queue.get(), "create topic");
  // The controller has answered; the broker may not have heard of it yet.
  if (!eventually([&] { return is_served(admin.get(), name, partitions); }, kTimeout))
    throw std::runtime_error("create topic: the broker does not serve it");
}

void delete_topic(const std::string& name) {
  const Handle admin(client(RD_KAFKA_PRODUCER, {}));
  const std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>> queue(
      rd_kafka_queue_new(admin.get()));
  rd_kafka_DeleteTopic_t* request = rd_kafka_DeleteTopic_new(name.c_str());
  rd_kafka_DeleteTopics(admin.get(), &request, 1, nullptr, queue.get());
  rd_kafka_DeleteTopic_destroy(request);
  await(queue.get(), "delete topic");
}

void delete_messages_below(const std::string& topic, int64_t offset) {
  const Handle admin(client(RD_KAFKA_PRODUCER, {}));
  const std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>> queue(
      rd_kafka_queue_new(admin.get()));
  const List list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 0)->offset = offset;
  rd_kafka_DeleteRecords_t* request = rd_kafka_DeleteRecords_new(list.get());
  rd_kafka_DeleteRecords(admin.get(), &request, 1, nullptr, queue.get());
  rd_kafka_DeleteRecords_destroy(request);
  await(queue.get(), "delete messages");
}

int64_t committed_offset(const std::string& group, const std::string& topic) {
  const Handle consumer(client(RD_KAFKA_CONSUMER, {{"group.id", group}}));
  const List list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 0);
  require(rd_kafka_committed(consumer.get(), list.get(), kTimeoutMs), "committed offset");
  return list->elems[0].offset;
}

TestProducer::TestProducer(const std::string& transactional_id) {
  std::map<std::string, std::string> settings = {{"linger.ms", "0"}};
  if (!transactional_id.empty()) settings["transactional.id"] = transactional_id;
  handle_.reset(client(RD_KAFKA_PRODUCER, settings));
  if (transactional_id.empty()) return;
  require(rd_kafka_init_transactions(handle_.get(), kTimeoutMs), "init transactions");
}

void TestProducer::begin() {
  require(rd_kafka_begin_transaction(handle_.get()), "begin");
}

void TestProducer::commit() {
  require(rd_kafka_commit_transaction(handle_.get(), kTimeoutMs), "commit");
}

void TestProducer::abort() {
  require(rd_kafka_abort_transaction(handle_.get(), kTimeoutMs), "abort");
}

void TestProducer::produce(rd_kafka_vu_t* fields, size_t count) {
  require(rd_kafka_produceva(handle_.get(), fields, count), "send");
  require(rd_kafka_flush(handle_.get(), kTimeoutMs), "send");
}

void TestProducer::send(const std::string& topic, const std::string& value, int32_t partition) {
  std::array<rd_kafka_vu_t, 4> fields{};
  fields[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  fields[0].u.cstr = topic.c_str();
  fields[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  fields[1].u.i32 = partition;
  fields[2].vtype = RD_KAFKA_VTYPE_VALUE;
  fields[2].u.mem = {const_cast<char*>(value.data()), value.size()};
  fields[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  fields[3].u.i = RD_KAFKA_MSG_F_COPY;
  produce(fields.data(), fields.size());
}

void TestProducer::send(const std::string& topic, const std::string& key,
                        const std::string& value) {
  std::array<rd_kafka_vu_t, 4> fields{};
  fields[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  fields[0].u.cstr = topic.c_str();
  fields[1].vtype = RD_KAFKA_VTYPE_KEY;
  fields[1].u.mem = {const_cast<char*>(key.data()), key.size()};
  fields[2].vtype = RD_KAFKA_VTYPE_VALUE;
  fields[2].u.mem = {const_cast<char*>(value.data()), value.size()};
  fields[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  fields[3].u.i = RD_KAFKA_MSG_F_COPY;
  produce(fields.data(), fields.size());
}

}  // namespace metadb::tests
