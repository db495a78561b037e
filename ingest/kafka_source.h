// A consumer of a Kafka cluster.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/kafka_options.h"
#include "ingest/source.h"

namespace metadb::ingest {

// One static member of the consumer group; subscribes on construction.
//
// Belongs to one thread; messages it delivered may be kept and dropped by any thread, also after
// the source is gone (they keep the client, not the membership, alive).
// Being a static member it does not leave the group when it is destroyed or killed: the next one
// with the same installation and source gets its partitions without a rebalance. Destruction
// takes a few seconds at most, whatever the brokers do.
// Fails with catalog::Error 22023 (a property that librdkafka refuses) or 08001.
class KafkaSource final : public Source {
 public:
  explicit KafkaSource(KafkaOptions options);
  ~KafkaSource() override;
  KafkaSource(const KafkaSource&) = delete;
  KafkaSource& operator=(const KafkaSource&) = delete;

  SourceEvent poll(std::chrono::milliseconds timeout) override;
  // May also be called again between Assigned and Revoked, to start over with other offsets.
  void assign(const std::vector<PartitionOffset>& start) override;
  void pause(const std::vector<TopicPartition>& partitions) override;
  void resume(const std::vector<TopicPartition>& partitions) override;
  void seek(const PartitionOffset& start) override;
  std::vector<WatermarksAnswer> watermarks(const std::vector<TopicPartition>& of,
                                           std::chrono::milliseconds timeout) override;
  std::vector<int64_t> ends(const std::vector<TopicPartition>& of,
                            std::chrono::milliseconds timeout) override;
  std::optional<int64_t> known_end(const TopicPartition& at) override;
  std::optional<size_t> matching(std::chrono::milliseconds timeout) override;
  std::string cluster_id(std::chrono::milliseconds timeout) override;
  void publish(const std::vector<PartitionOffset>& next) override;

 private:
  struct Client;
  std::shared_ptr<Client> client_;
};

}  // namespace metadb::ingest
