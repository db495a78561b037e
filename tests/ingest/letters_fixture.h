// Records that fail, and the orders to try them again.
#pragma once

#include "catalog/dead_letters.h"
#include "ingest/letter_retry.h"
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {

inline std::string hex_of(const std::string& bytes) {
  std::string out = "\\x";
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

class Letters : public WorkerTest {
 protected:
  // The event arrives, unreadable: its value is mended later, as by a decoder that knows it.
  void add_broken(RecordedTopics& topics, const RowEvent& event) {
    ingest::RecordedMessage message = recorded(event);
    const std::string value = *message.value;
    message.value = "garbage";
    const int64_t offset = topics.add(message);
    mended_.push_back({message.topic, offset, value});
  }
  void mend() {
    for (const Mended& one : mended_) {
      watcher_.exec("UPDATE metadb.dead_letter SET value = $3 WHERE topic = $1 AND \"offset\" = $2",
                    {one.topic, std::to_string(one.offset), hex_of(one.value)});
    }
    mended_.clear();
  }
  ingest::LetterRetry::Outcome retry() {
    return obey({"src", catalog::last_dead_letter(watcher_)});
  }
  // What is done for a purge, once the letters are gone.
  ingest::LetterRetry::Outcome apply_followers() { return obey({"src", INT64_MAX, true}); }
  ingest::LetterRetry::Outcome obey(const catalog::DeadLetterRange& range) {
    const auto order = std::make_shared<ingest::LetterRetry>(range);
    EXPECT_TRUE(worker_->retry(order));
    EXPECT_TRUE(order->await(4 * kPatience)) << "the retry does not end";
    return order->outcome();
  }
  std::vector<std::string> versions(const std::string& schema) {
    return rows(
        "SELECT id, v, extract(epoch FROM __start)::text, CASE WHEN __current THEN 'now' "
        "ELSE extract(epoch FROM __end)::text END FROM " +
        schema + ".t__ ORDER BY 1, __start, __end, 2");
  }

  struct Mended {
    std::string topic;
    int64_t offset;
    std::string value;
  };
  std::vector<Mended> mended_;
};

constexpr int64_t kLettersBegin = 1'700'000'000'000'000;
inline int64_t at(int64_t second) {
  return kLettersBegin + second * 1'000'000;
}

}  // namespace metadb::tests
