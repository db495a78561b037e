// librdkafka's handles with their ends, and what consumer and probe have in common. For the
// kafka_*.cc files only.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <memory>
#include <string_view>

#include "ingest/kafka_options.h"
#include "ingest/troubles.h"

namespace metadb::ingest {

template <auto destroy>
struct Destroy {
  template <typename T>
  void operator()(T* held) const {
    destroy(held);
  }
};
using ConfHandle = std::unique_ptr<rd_kafka_conf_t, Destroy<rd_kafka_conf_destroy>>;
using ListHandle = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                   Destroy<rd_kafka_topic_partition_list_destroy>>;
using MetadataHandle =
    std::unique_ptr<const rd_kafka_metadata_t, Destroy<rd_kafka_metadata_destroy>>;
using MessageHandle = std::unique_ptr<rd_kafka_message_t, Destroy<rd_kafka_message_destroy>>;
using ErrorHandle = std::unique_ptr<rd_kafka_error_t, Destroy<rd_kafka_error_destroy>>;
using EventHandle = std::unique_ptr<rd_kafka_event_t, Destroy<rd_kafka_event_destroy>>;
using QueueHandle = std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>>;

using Clock = std::chrono::steady_clock;

// Milliseconds as librdkafka counts them.
int count_of(std::chrono::milliseconds time);
std::chrono::milliseconds until(Clock::time_point deadline);

// Throws catalog::Error 22023 that names the property which librdkafka refuses.
ConfHandle conf_of(const Properties& properties);

// Takes a line of librdkafka's log into ours. Called from its own threads.
void log_line(const KafkaOptions& options, int level, const char* facility, const char* text);

// How a broker's error is told, and how much it says.
struct Verdict {
  Urgency urgency = Urgency::if_it_stays;
  int weight = 0;  // the heaviest explains the others
};
Verdict judge(rd_kafka_resp_err_t error, std::string_view text);

}  // namespace metadb::ingest
