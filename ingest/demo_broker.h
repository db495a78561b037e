// A Kafka broker inside this process, for the demo and for quick tests.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ingest/json_lines.h"

namespace metadb::ingest {

// librdkafka's mock cluster: one broker, plaintext, on 127.0.0.1.
//
// It keeps no more than about 5 MiB or 100,000 messages of a partition. Topics must exist before
// a consumer subscribes: each later rebalance of a group lasts until its sessions time out.
// The broker takes whatever port is free. With a fixed port, connections to that port are passed
// on to it, so that the port serves as bootstrap address; the clients learn the broker's own
// address there and use it from then on, and so must run on this machine.
class DemoBroker {
 public:
  // Port 0: no fixed port. Throws catalog::Error 08001 if the port is taken.
  explicit DemoBroker(uint16_t port = 0);
  ~DemoBroker();
  DemoBroker(const DemoBroker&) = delete;
  DemoBroker& operator=(const DemoBroker&) = delete;

  // HOST:PORT for clients; the fixed port if there is one.
  [[nodiscard]] std::string bootstrap() const;
  void create_topics(const std::vector<std::string>& topics, int partitions = 1);
  // Returns when the broker has them all. The offsets are the broker's choice. Throws
  // catalog::Error 08001 if one could not be delivered.
  void produce(const std::vector<RecordedMessage>& messages);
  void produce_one(const RecordedMessage& message);
  // Connections are closed and refused until it is up again; topics and messages stay.
  void set_down(bool is_down);

 private:
  struct Cluster;
  std::unique_ptr<Cluster> cluster_;
};

}  // namespace metadb::ingest
