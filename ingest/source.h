// Where change events come from: Kafka, or a recorded file.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "catalog/error.h"

namespace metadb::ingest {

struct Header {
  std::string name;
  std::optional<std::string> value;
};

// One record of a topic. The views point into `owner`, which every copy of the message shares;
// keeping a Message keeps its bytes.
struct Message {
  std::string_view topic;
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t timestamp_ms = 0;  // the record's own timestamp, -1 if it has none
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::vector<Header> headers;
  std::shared_ptr<const void> owner;
  bool is_copy = false;  // `owner` keeps nothing but such messages
};

struct TopicPartition {
  std::string topic;
  int32_t partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};

constexpr int64_t kOffsetBeginning = -2;  // librdkafka's RD_KAFKA_OFFSET_BEGINNING

struct PartitionOffset {
  TopicPartition at;
  int64_t offset = kOffsetBeginning;
};

// What the group gave us or took away. After Assigned nothing is delivered until assign() is
// called; after Revoked nothing of the old assignment is delivered.
struct Assigned {
  std::vector<TopicPartition> partitions;
};
struct Revoked {};
struct EndOfPartition {
  TopicPartition at;
  int64_t offset = 0;
};
// Something that passes (broker down, time-out): the source keeps trying by itself.
struct SourceTrouble {
  std::string message;
};
// No broker has answered for a while; troubles say why. The source keeps trying by itself.
struct SourceAway {};
// One answers again.
struct SourceBack {};
// Something that needs the worker to start over: offset out of range, fatal client error.
struct SourceFailure {
  std::string message;
  bool is_offset_out_of_range = false;
  TopicPartition at;
};
struct Nothing {};  // the time-out passed

using SourceEvent = std::variant<Nothing, Message, Assigned, Revoked, EndOfPartition, SourceTrouble,
                                 SourceAway, SourceBack, SourceFailure>;

struct Watermarks {
  int64_t low = 0;
  int64_t high = 0;
};
// Or why there is no answer, with SQLSTATE 08001.
using WatermarksAnswer = std::variant<Watermarks, catalog::Error>;

// One consumer. Used by one thread. All offsets are given explicitly: the group's committed
// offsets are never read.
class Source {
 public:
  virtual ~Source() = default;
  // Waits at most `timeout` for the next event.
  virtual SourceEvent poll(std::chrono::milliseconds timeout) = 0;
  // Answers Assigned: deliver these partitions from these offsets on.
  virtual void assign(const std::vector<PartitionOffset>& start) = 0;
  virtual void pause(const std::vector<TopicPartition>& partitions) = 0;
  virtual void resume(const std::vector<TopicPartition>& partitions) = 0;
  // Starts delivery of an assigned partition over at `start.offset`.
  virtual void seek(const PartitionOffset& start) = 0;
  // Low and high watermark of each as the brokers have them now, in their order; two questions to
  // each broker, however many partitions there are.
  virtual std::vector<WatermarksAnswer> watermarks(const std::vector<TopicPartition>& of,
                                                   std::chrono::milliseconds timeout) = 0;
  // Where these partitions end as the broker has it now, in their order; one question to each
  // broker. Throws catalog::Error 08001 on time-out.
  virtual std::vector<int64_t> ends(const std::vector<TopicPartition>& of,
                                    std::chrono::milliseconds timeout) = 0;
  // The partition's end as the last delivery told; nullopt if nothing told yet. Never waits.
  virtual std::optional<int64_t> known_end(const TopicPartition& at) = 0;
  // How many partitions there are in the topics that the source is to read, whoever is given them;
  // nullopt if nobody says.
  virtual std::optional<size_t> matching(std::chrono::milliseconds timeout) = 0;
  // Identifies the cluster; empty if it has no name.
  virtual std::string cluster_id(std::chrono::milliseconds timeout) = 0;
  // Tells lag tools what is committed. Never waits, never fails.
  virtual void publish(const std::vector<PartitionOffset>& next) = 0;
};

}  // namespace metadb::ingest
