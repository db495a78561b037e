// Property: whatever happened to the source while nobody looked, whenever the worker was killed and
// however the batches were cut, a resynchronization makes the table the source again, and the
// history holds each difference once.
#include <algorithm>
#include <map>
#include <random>

#include "catalog/sweep.h"
#include "catalog/synchronization.h"
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using Versions = std::map<int, std::vector<std::string>>;  // values by id; "" at the end: gone

class Resync : public WorkerTest, public testing::WithParamInterface<int> {
 protected:
  Resync() {
    source_.options = {{"brokers", "b"}, {"topics", "^."}, {"consumer_group", "g"}};
    catalog::Transaction transaction(watcher_);
    catalog::insert_source(watcher_, source_);
    transaction.commit();
    catalog_.reload(watcher_);
  }

  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  RowEvent event(char op, int id, const std::string& value) {
    return {.op = op,
            .id = id,
            .value = value,
            .ts_us = 1'700'000'000'000'000 + ++clock_ * 1'000'000,
            .snapshot = op == 'r' ? "true" : "false",
            .is_keyless = false,
            .partition = id % 2,
            .server = server_};
  }

  // One change of the source, and the event of it if somebody streams.
  void change(bool is_streamed) {
    const int id = pick(40);
    std::vector<std::string>& values = versions_[id];
    const bool is_there = source_rows_.contains(id);
    const bool is_removed = is_there && pick(4) == 0;
    const std::string value = is_removed ? "" : "v" + std::to_string(pick(5));
    if (is_removed) {
      source_rows_.erase(id);
    } else {
      source_rows_[id] = value;
    }
    const bool is_other = values.empty() || values.back() != value;
    if (is_streamed) {
      topics_.add(event(is_removed ? 'd' : is_there ? 'u' : 'c', id, value));
      const bool is_as_before = gone_unseen_.erase(id) > 0 && values[values.size() - 2] == value;
      if (is_as_before) {
        values.pop_back();  // back before the sweep, which is what would have ended it
      } else if (is_other) {
        values.push_back(value);
      }
    }
  }
  // All rows, as a connector reads them.
  void snapshot() {
    std::vector<std::pair<int, std::string>> rows(source_rows_.begin(), source_rows_.end());
    std::shuffle(rows.begin(), rows.end(), random_);
    for (const auto& [id, value] : rows) topics_.add(event('r', id, value));
    // What changed while nobody looked shows at the snapshot, once.
    for (auto& [id, values] : versions_) {
      const auto found = source_rows_.find(id);
      const std::string now = found == source_rows_.end() ? "" : found->second;
      if (values.empty() ? now.empty() : values.back() == now) continue;
      values.push_back(now);
      if (now.empty()) gone_unseen_.insert(id);
    }
    for (const auto& [id, value] : source_rows_) {
      if (versions_[id].empty()) versions_[id].push_back(value);
    }
  }
  bool is_complete() {
    return eventually([&] {
      return watcher_
          .exec("SELECT complete IS NOT NULL FROM metadb.synchronization WHERE source_name = 'src'")
          .boolean(0, 0);
    });
  }

  // From now on the topics of this server are read, and no others.
  void use(const std::string& server) {
    if (server == server_) return;
    left_.insert(topic_of({.server = server_}));
    server_ = server;
    topics_.edit([](std::vector<ingest::RecordedMessage>& log) { log.clear(); });
  }

  void begin_resync() {
    stop();
    catalog::Transaction transaction(watcher_);
    catalog::begin_resync(watcher_, "src");
    transaction.commit();
    catalog_.reload(watcher_);
  }
  void end_resync() {
    stop();
    catalog_.reload(watcher_);
    const auto state = catalog::load_synchronization(watcher_, "src");
    const auto snapshot = catalog_.snapshot();
    const auto& [key, source_table] = *snapshot->source_tables.begin();
    const catalog::SweepTarget target{key, *snapshot->tables.at({"public", "t"}),
                                      source_table.origin, state.generation,
                                      *state.servers.at(server_).first_us};
    catalog::SweepPlace place = catalog::begin_sweep(watcher_, target);
    while (place.done_id < place.last_id) {
      catalog::Transaction transaction(watcher_);
      catalog::sweep_some(watcher_, target, place);
      transaction.commit();
    }
    catalog::Transaction transaction(watcher_);
    catalog::end_synchronization(watcher_, "src");
    transaction.commit();
    catalog_.reload(watcher_);
  }

  Versions stored() {
    Versions out;
    const catalog::Result rows =
        watcher_.exec("SELECT id, v, __current FROM public.t__ ORDER BY id, __start, __id");
    for (int row = 0; row < rows.rows(); ++row) {
      std::vector<std::string>& values = out[static_cast<int>(rows.int64(row, 0))];
      if (!values.empty() && values.back().empty()) values.pop_back();
      values.emplace_back(rows.text(row, 1));
      if (!rows.boolean(row, 2)) values.emplace_back("");
    }
    return out;
  }
  // Without the deletes that another version follows: when a row came back is in the bounds only.
  Versions expected() const {
    Versions out;
    for (const auto& [id, values] : versions_) {
      for (size_t i = 0; i < values.size(); ++i) {
        if (!values[i].empty() || i + 1 == values.size()) out[id].push_back(values[i]);
      }
      if (out[id] == std::vector<std::string>{""}) out.erase(id);
    }
    std::erase_if(out, [](const auto& pair) { return pair.second.empty(); });
    return out;
  }

  RecordedTopics topics_;
  std::minstd_rand random_{static_cast<unsigned>(GetParam()) + 1};
  std::string server_ = "one";
  std::map<int, std::string> source_rows_;
  Versions versions_;
  std::set<int> gone_unseen_;   // not in the snapshot, and not swept yet
  std::set<std::string> left_;  // topics that are read no more
  int64_t clock_ = 0;
};

TEST_P(Resync, MakesTheTableTheSourceAgain) {
  for (int i = 0; i < 30; ++i) change(false);
  snapshot();
  start(topics_);
  for (int i = 0; i < 20; ++i) change(true);
  ASSERT_TRUE(is_complete());
  ASSERT_TRUE(catches_up(topics_));
  stop();
  {
    catalog::Transaction transaction(watcher_);
    catalog::end_synchronization(watcher_, "src");
    transaction.commit();
    catalog_.reload(watcher_);
  }
  for (const char* server : {"two", "two", "three"}) {
    // Sent by the old connector; into a topic that goes on, not always read before SYNC.
    const bool is_read = server != server_ || pick(2) == 0;
    for (int i = 0; i < 10; ++i) change(true);
    if (is_read) live(topics_, [&] { EXPECT_TRUE(catches_up(topics_, left_)); });
    for (int i = 0; i < 15; ++i) change(false);
    begin_resync();
    use(server);
    live(topics_, [&] { snapshot(); });
    live(topics_, [&] {
      for (int i = 0; i < 10; ++i) change(true);
    });
    start(topics_);
    change(true);
    change(true);
    change(true);
    ASSERT_TRUE(is_complete()) << "seed " << GetParam() << ", server " << server << ": "
                               << status().last_error;
    ASSERT_TRUE(catches_up(topics_, left_));
    end_resync();
    gone_unseen_.clear();
    EXPECT_EQ(stored(), expected()) << "seed " << GetParam() << ", server " << server;
    const auto current = rows("SELECT id || ' ' || v FROM public.t ORDER BY id");
    std::vector<std::string> wanted;
    for (const auto& [id, value] : source_rows_) wanted.push_back(std::to_string(id) + " " + value);
    EXPECT_EQ(current, wanted) << "seed " << GetParam() << ", server " << server;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Resync, testing::Range(0, 2));

}  // namespace
}  // namespace metadb::tests
