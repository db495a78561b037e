// What a Kafka source is told, and what of it librdkafka is told.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace metadb::ingest {

using Properties = std::vector<std::pair<std::string, std::string>>;

struct KafkaOptions {
  std::string source_name;
  std::string brokers;              // bootstrap.servers
  std::string group_id;             // only names the group: its offsets are never read
  std::string security = "ssl";     // ssl, plaintext, sasl_plaintext or sasl_ssl
  std::string installation_id;      // random, the same as long as the installation lives
  std::vector<std::string> topics;  // TopicList::elements()
  Properties properties;            // of `kafka.PROPERTY`, without the prefix
  size_t queue_bytes = 64UL << 20;  // most bytes read ahead, whatever the number of partitions
  int poll_interval_ms_max = 1'800'000;
};

// Properties that metadb decides: a source may not set them.
bool is_reserved_property(std::string_view name);
// Whether the value must never be shown: the name says password, secret, key or token.
bool is_secret_property(std::string_view name);

// Properties of the consumer, in the order in which they are set: ours first, then what the
// source passes through, which may replace those of ours that are not reserved.
Properties consumer_properties(const KafkaOptions& options);

// `text` with every secret value of `options` replaced.
std::string without_secrets(std::string text, const KafkaOptions& options);

// librdkafka's text for a failed connection, with what to change where that can be said.
std::string with_advice(std::string text, const KafkaOptions& options);

}  // namespace metadb::ingest
