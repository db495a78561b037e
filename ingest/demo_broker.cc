#include "ingest/demo_broker.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
// needs rdkafka.h before it
#include <librdkafka/rdkafka_mock.h>
#include <spdlog/spdlog.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "catalog/error.h"
#include "ingest/port_relay.h"

namespace metadb::ingest {
namespace {

constexpr int kFlushTimeoutMs = 10'000;
constexpr int kQueuedMax = 50'000;  // librdkafka refuses messages above 100,000
constexpr int32_t kBrokerId = 1;

catalog::Error failed(std::string_view what, rd_kafka_resp_err_t error) {
  return {"08001", fmt::format("demo broker: {}: {}", what, rd_kafka_err2str(error))};
}

}  // namespace

struct DemoBroker::Cluster {
  Cluster();
  ~Cluster() { rd_kafka_destroy(producer); }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  void send(const RecordedMessage& message);
  void flush();

  rd_kafka_t* producer = nullptr;  // owns the mock cluster
  rd_kafka_mock_cluster_t* mock = nullptr;
  std::optional<PortRelay> relay;
  std::string fixed;                                          // the relay's address
  rd_kafka_resp_err_t delivery = RD_KAFKA_RESP_ERR_NO_ERROR;  // the first failure since flush()
};

DemoBroker::Cluster::Cluster() {
  std::array<char, 512> reason{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set_opaque(conf, this);
  rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* report, void* me) {
    auto& first = static_cast<Cluster*>(me)->delivery;
    if (first == RD_KAFKA_RESP_ERR_NO_ERROR) first = report->err;
  });
  rd_kafka_conf_set_log_cb(conf,
                           [](const rd_kafka_t*, int, const char* facility, const char* text) {
                             spdlog::debug("demo broker: {}: {}", facility, text);
                           });
  rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", reason.data(), reason.size());
  rd_kafka_conf_set(conf, "linger.ms", "0", reason.data(), reason.size());
  producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason.data(), reason.size());
  if (producer == nullptr) {
    rd_kafka_conf_destroy(conf);
    throw catalog::Error("08001", fmt::format("can't start the demo broker: {}", reason.data()));
  }
  mock = rd_kafka_handle_mock_cluster(producer);
}

void DemoBroker::Cluster::send(const RecordedMessage& message) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(message.headers.size());
  for (const Header& header : message.headers) {
    rd_kafka_header_add(headers, header.name.data(), static_cast<ssize_t>(header.name.size()),
                        header.value ? header.value->data() : nullptr,
                        header.value ? static_cast<ssize_t>(header.value->size()) : 0);
  }
  const auto start = [](const std::optional<std::string>& bytes) -> const void* {
    return bytes ? bytes->data() : nullptr;
  };
  const auto size = [](const std::optional<std::string>& bytes) {
    return bytes ? bytes->size() : 0;
  };
  // librdkafka copies key and value; it takes the headers only when it takes the message.
  std::array<rd_kafka_vu_t, 7> fields{};
  fields[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  fields[0].u.cstr = message.topic.c_str();
  fields[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  fields[1].u.i32 = message.partition;
  fields[2].vtype = RD_KAFKA_VTYPE_KEY;
  fields[2].u.mem = {const_cast<void*>(start(message.key)), size(message.key)};
  fields[3].vtype = RD_KAFKA_VTYPE_VALUE;
  fields[3].u.mem = {const_cast<void*>(start(message.value)), size(message.value)};
  fields[4].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  fields[4].u.i64 = message.timestamp_ms < 0 ? 0 : message.timestamp_ms;
  fields[5].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  fields[5].u.i = RD_KAFKA_MSG_F_COPY;
  fields[6].vtype = RD_KAFKA_VTYPE_HEADERS;
  fields[6].u.headers = headers;
  rd_kafka_error_t* refused = rd_kafka_produceva(producer, fields.data(), fields.size());
  if (refused == nullptr) return;
  const auto code = rd_kafka_error_code(refused);
  rd_kafka_error_destroy(refused);
  rd_kafka_headers_destroy(headers);
  throw failed("message not accepted", code);
}

void DemoBroker::Cluster::flush() {
  const auto error = rd_kafka_flush(producer, kFlushTimeoutMs);
  const auto report = std::exchange(delivery, RD_KAFKA_RESP_ERR_NO_ERROR);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw failed("messages not delivered", error);
  if (report != RD_KAFKA_RESP_ERR_NO_ERROR) throw failed("message not delivered", report);
}

DemoBroker::DemoBroker(uint16_t port) : cluster_(std::make_unique<Cluster>()) {
  if (port == 0) return;
  const std::string own = rd_kafka_mock_cluster_bootstraps(cluster_->mock);
  cluster_->relay.emplace(port, static_cast<uint16_t>(std::stoi(own.substr(own.rfind(':') + 1))));
  cluster_->fixed = fmt::format("127.0.0.1:{}", port);
}

DemoBroker::~DemoBroker() = default;

std::string DemoBroker::bootstrap() const {
  return cluster_->fixed.empty() ? rd_kafka_mock_cluster_bootstraps(cluster_->mock)
                                 : cluster_->fixed;
}

void DemoBroker::create_topics(const std::vector<std::string>& topics, int partitions) {
  for (const std::string& topic : topics) {
    const auto error = rd_kafka_mock_topic_create(cluster_->mock, topic.c_str(), partitions, 1);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      throw failed(fmt::format("topic \"{}\" not created", topic), error);
    }
  }
}

void DemoBroker::produce(const std::vector<RecordedMessage>& messages) {
  for (const RecordedMessage& message : messages) {
    cluster_->send(message);
    if (rd_kafka_outq_len(cluster_->producer) >= kQueuedMax) cluster_->flush();
  }
  cluster_->flush();
}

void DemoBroker::produce_one(const RecordedMessage& message) {
  cluster_->send(message);
  cluster_->flush();
}

void DemoBroker::set_down(bool is_down) {
  const auto error = is_down ? rd_kafka_mock_broker_set_down(cluster_->mock, kBrokerId)
                             : rd_kafka_mock_broker_set_up(cluster_->mock, kBrokerId);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw failed("state not changed", error);
}

}  // namespace metadb::ingest
