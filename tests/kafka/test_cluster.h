// The suite's real broker (tests/fakes/kafka_broker, a ctest fixture), as producers and
// administrators see it.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace metadb::tests {

// Address of the suite's broker. METADB_TEST_KAFKA overrides the fixture's file.
std::string kafka_bootstrap();

// A name that no other test and no earlier run has used.
std::string fresh_name(const std::string& prefix);

void create_topic(const std::string& name, int partitions = 1,
                  const std::map<std::string, std::string>& settings = {});
void delete_topic(const std::string& name);
// Deletes the messages of partition 0 below `offset`.
void delete_messages_below(const std::string& topic, int64_t offset);
// What the group has committed for partition 0 of the topic; -1001 if nothing.
int64_t committed_offset(const std::string& group, const std::string& topic);

class TestProducer {
 public:
  // With a transactional id messages belong to the transaction that begin() starts.
  explicit TestProducer(const std::string& transactional_id = "");
  void begin();
  void commit();
  void abort();
  // Returns when the broker has it.
  void send(const std::string& topic, const std::string& value, int32_t partition = 0);
  void send(const std::string& topic, const std::string& key, const std::string& value);

 private:
  struct Destroy {
    void operator()(rd_kafka_t* handle) const { rd_kafka_destroy(handle); }
  };
  void produce(rd_kafka_vu_t* fields, size_t count);

  std::unique_ptr<rd_kafka_t, Destroy> handle_;
};

}  // namespace metadb::tests
