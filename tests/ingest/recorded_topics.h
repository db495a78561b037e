// Topics that a test writes and workers read, also while they run.
#pragma once

#include <fmt/format.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ingest/replay_source.h"
#include "ingest/worker.h"
#include "tests/ingest/debezium_message.h"
#include "tests/ingest/forwarding_source.h"

namespace metadb::tests {

// One event of a table (id, v), or of one with other columns.
struct RowEvent {
  std::string table = "t";
  char op = 'c';
  int id = 1;
  std::optional<std::string> value = "x";
  int64_t ts_us = 1'700'000'000'000'000;
  uint64_t lsn = 0;  // 0: without sequence
  std::string db = "shop";
  std::string schema = "public";
  std::string snapshot = "false";
  bool is_key_wide = false;  // the key is (id, v), else (id)
  bool is_keyless = false;
  int32_t partition = 0;
  std::string server = "srv";
  uint64_t transaction = 0;  // in which the row was read, with its LSN; 0: neither is told
  std::optional<std::optional<std::string>> w = std::nullopt;  // of a table (id, v, w)
  std::optional<int> moved_from = std::nullopt;  // of the insert half of a key change: the old id
};

inline const std::string kUnavailable = "__debezium_unavailable_value";

inline std::string topic_of(const RowEvent& event) {
  return fmt::format("{}.{}.{}.{}", event.server, event.db, event.schema, event.table);
}

inline std::string quoted(const std::optional<std::string>& value) {
  return value ? "\"" + *value + "\"" : "null";
}

inline ingest::RecordedMessage recorded(const RowEvent& event) {
  std::vector<TestField> columns = {{"id", "int32", "", ""}, {"v", "string", "", ""}};
  const std::vector<TestField> key(columns.begin(), columns.begin() + (event.is_key_wide ? 2 : 1));
  ingest::RecordedMessage message;
  message.topic = topic_of(event);
  message.partition = event.partition;
  message.timestamp_ms = event.ts_us / 1000;
  const std::string last = event.w ? R"(,"w":)" + quoted(*event.w) : "";
  const std::string row =
      fmt::format(R"({{"id":{},"v":{}{}}})", event.id, quoted(event.value), last);
  if (event.w) columns.push_back({"w", "string", "", ""});
  if (event.op != 't' && !event.is_keyless) {
    message.key = key_json(key, event.is_key_wide ? row : fmt::format(R"({{"id":{}}})", event.id));
  }
  if (event.moved_from) {
    message.headers.push_back(
        {"__debezium.oldkey", key_json(key, fmt::format(R"({{"id":{}}})", *event.moved_from))});
  }
  const std::string sequence =
      event.lsn == 0 ? "null" : fmt::format(R"("[\"{0}\",\"{0}\"]")", event.lsn);
  TestEnvelope envelope;
  envelope.op = event.op;
  envelope.after = event.op == 'd' || event.op == 't' ? "null" : row;
  envelope.before = event.op == 'd' ? row : "null";
  const std::string read_in =
      event.transaction == 0 ? ""
                             : fmt::format(R"("txId":{},"lsn":{},)", event.transaction, 24'000'000);
  envelope.source = fmt::format(
      R"({{"version":"3.4.1.Final","connector":"postgresql","name":"{}","ts_ms":{},"snapshot":"{}",)"
      R"("db":"{}","sequence":{},{}"ts_us":{},"schema":"{}","table":"{}"}})",
      event.server, event.ts_us / 1000, event.snapshot, event.db, sequence, read_in, event.ts_us,
      event.schema, event.table);
  message.value = change_json(columns, envelope);
  return message;
}

// Every consumer that factory() makes reads the same log from where its worker says. The log lives
// as long as a factory does: a worker may outlive the test's own object.
class RecordedTopics {
 public:
  RecordedTopics() = default;
  explicit RecordedTopics(std::vector<ingest::RecordedMessage> log) {
    for (const auto& message : log) {
      state_->next[{message.topic, message.partition}] = message.offset + 1;
    }
    state_->log = std::move(log);
  }

  // Gives the message its offset, and it to the consumer that runs.
  int64_t add(ingest::RecordedMessage message) {
    const std::scoped_lock lock(state_->mutex);
    message.offset = state_->next[{message.topic, message.partition}]++;
    state_->log.push_back(message);
    const int64_t offset = message.offset;
    if (const auto source = state_->source.lock()) source->append(std::move(message));
    return offset;
  }
  int64_t add(const RowEvent& event) { return add(recorded(event)); }

  // Takes so many offsets for what is no record, as markers of transactions; of a partition that
  // does not exist: makes it.
  void add_markers(const ingest::TopicPartition& at, int64_t count = 1) {
    const std::scoped_lock lock(state_->mutex);
    int64_t& next = state_->next[at];
    next += count;
    state_->marked.insert(at);
    if (const auto source = state_->source.lock()) source->end_at({at, next});
  }
  // As retention does.
  void delete_below(const ingest::TopicPartition& at, int64_t offset) {
    const std::scoped_lock lock(state_->mutex);
    std::erase_if(state_->log, [&](const auto& message) {
      return message.topic == at.topic && message.partition == at.partition &&
             message.offset < offset;
    });
    state_->marked.insert(at);
    state_->begins[at] = offset;
    if (const auto source = state_->source.lock()) source->begin_at({at, offset});
  }

  ingest::SourceFactory factory() {
    return [state = state_](const catalog::DataSource&, const catalog::Snapshot&) {
      const std::scoped_lock lock(state->mutex);
      auto source = std::make_shared<ingest::ReplaySource>(state->log);
      for (const auto& at : state->marked) source->end_at({at, state->next[at]});
      for (const auto& [at, offset] : state->begins) source->begin_at({at, offset});
      state->source = source;
      return std::make_unique<ForwardingSource>(source);
    };
  }
  // The consumer of the worker that runs; null if there is none.
  std::shared_ptr<ingest::ReplaySource> source() {
    const std::scoped_lock lock(state_->mutex);
    return state_->source.lock();
  }
  [[nodiscard]] std::map<ingest::TopicPartition, int64_t> ends() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->next;
  }
  // Takes away what was written before `offset`, or changes what stands there, as seen by the
  // next consumer.
  template <class Edit>
  void edit(const Edit& change) {
    const std::scoped_lock lock(state_->mutex);
    change(state_->log);
  }

 private:
  struct State {
    std::mutex mutex;
    std::vector<ingest::RecordedMessage> log;
    std::map<ingest::TopicPartition, int64_t> next;
    std::set<ingest::TopicPartition> marked;           // that may end behind their last records
    std::map<ingest::TopicPartition, int64_t> begins;  // of those that have lost records
    std::weak_ptr<ingest::ReplaySource> source;
  };

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace metadb::tests
