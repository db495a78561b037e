// A source that asks another one: a worker owns it, and the test holds the other, too.
#pragma once

#include <memory>
#include <utility>

#include "ingest/source.h"

namespace metadb::tests {

class ForwardingSource : public ingest::Source {
 public:
  explicit ForwardingSource(std::shared_ptr<ingest::Source> to) : to_(std::move(to)) {}
  ingest::SourceEvent poll(std::chrono::milliseconds timeout) override {
    return to_->poll(timeout);
  }
  void assign(const std::vector<ingest::PartitionOffset>& start) override { to_->assign(start); }
  void pause(const std::vector<ingest::TopicPartition>& all) override { to_->pause(all); }
  void resume(const std::vector<ingest::TopicPartition>& all) override { to_->resume(all); }
  void seek(const ingest::PartitionOffset& start) override { to_->seek(start); }
  std::vector<ingest::WatermarksAnswer> watermarks(const std::vector<ingest::TopicPartition>& of,
                                                   std::chrono::milliseconds timeout) override {
    return to_->watermarks(of, timeout);
  }
  std::vector<int64_t> ends(const std::vector<ingest::TopicPartition>& of,
                            std::chrono::milliseconds timeout) override {
    return to_->ends(of, timeout);
  }
  std::optional<int64_t> known_end(const ingest::TopicPartition& at) override {
    return to_->known_end(at);
  }
  std::optional<size_t> matching(std::chrono::milliseconds timeout) override {
    return to_->matching(timeout);
  }
  std::string cluster_id(std::chrono::milliseconds timeout) override {
    return to_->cluster_id(timeout);
  }
  void publish(const std::vector<ingest::PartitionOffset>& next) override { to_->publish(next); }

 private:
  std::shared_ptr<ingest::Source> to_;
};

}  // namespace metadb::tests
