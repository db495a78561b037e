// What can be said of a Kafka source before it is read.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "ingest/kafka_options.h"

namespace metadb::ingest {

// Throws catalog::Error 22023 if a property is reserved, unknown to librdkafka, or has a value
// that it refuses.
void check_kafka_properties(const Properties& properties);

// Connects to the brokers as the source would, without joining the group. Returns what is wrong:
// no broker answers, credentials refused, TLS fails, no topic matches; nullopt if all is well.
// Gives up within 200 ms when `stop` is requested; what it returns then means nothing.
std::optional<std::string> probe(const KafkaOptions& options, std::chrono::milliseconds timeout,
                                 const std::stop_token& stop = {});

}  // namespace metadb::ingest
