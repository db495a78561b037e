// A database, topics and workers that stream them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <random>
#include <thread>

#include "catalog/catalog.h"
#include "ingest/worker.h"
#include "tests/fakes/eventually.h"
#include "tests/fakes/test_database.h"
#include "tests/ingest/recorded_topics.h"

namespace metadb::tests {

using namespace std::chrono_literals;

class WorkerTest : public testing::Test {
 protected:
  WorkerTest() {
    // Workers report what these tests do to them.
    spdlog::set_level(spdlog::level::critical);
    catalog_.open("test");
    source_.name = "src";
  }
  ~WorkerTest() override {
    worker_.reset();
    spdlog::set_level(spdlog::level::err);
  }

  void start(RecordedTopics& topics) {
    worker_.reset();
    worker_ = std::make_unique<ingest::Worker>(catalog_, source_, topics.factory());
  }
  void stop() { worker_.reset(); }

  // One life of a worker that has something to read; `meanwhile` runs while it lives. Every second
  // one ends as soon as it has committed something, the others at any moment.
  template <class Meanwhile>
  void live(RecordedTopics& topics, const Meanwhile& meanwhile) {
    const int64_t before = applied();
    start(topics);
    meanwhile();
    if (++lives_ % 2 == 0) {
      EXPECT_TRUE(eventually([&] { return applied() > before; })) << "nothing is committed";
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(moment_() % 120));
    }
    stop();
    if (applied() > before) ++lives_that_committed_;
  }

  // All that was written to the topics is committed, but for the lanes that stand.
  bool catches_up(RecordedTopics& topics, const std::set<std::string>& but_for = {}) {
    const bool is_done = eventually([&] {
      const catalog::Result rows =
          watcher_.exec("SELECT topic, part, next_offset FROM metadb.ingest_position");
      std::map<ingest::TopicPartition, int64_t> reached;
      for (int row = 0; row < rows.rows(); ++row) {
        reached[{std::string(rows.text(row, 0)), static_cast<int32_t>(rows.int64(row, 1))}] =
            rows.int64(row, 2);
      }
      for (const auto& [at, end] : topics.ends()) {
        if (!but_for.contains(at.topic) && reached[at] != end) return false;
      }
      return true;
    });
    if (!is_done && worker_) ADD_FAILURE() << worker_->status().last_error;
    return is_done;
  }

  // How far the committed positions have come, over all partitions.
  int64_t applied() {
    return watcher_
        .exec(
            "SELECT coalesce(sum(greatest(next_offset, 0)), 0)::bigint "
            "FROM metadb.ingest_position")
        .int64(0, 0);
  }

  // How many sessions of workers were killed.
  int kill_backends() {
    return watcher_
        .exec(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
            "current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'")
        .rows();
  }

  // One row a line, its columns joined by commas.
  std::vector<std::string> rows(const std::string& sql) {
    const catalog::Result result = watcher_.exec(sql);
    std::vector<std::string> out;
    for (int row = 0; row < result.rows(); ++row) {
      std::string line;
      for (int column = 0; column < result.columns(); ++column)
        line += (column > 0 ? "," : "") + result.optional_text(row, column).value_or("NULL");
      out.push_back(line);
    }
    return out;
  }
  int64_t count(const std::string& from) {
    return watcher_.exec("SELECT count(*) FROM " + from).int64(0, 0);
  }

  // Every version of every table but for its __id.
  std::vector<std::string> everything() {
    std::vector<std::string> out;
    for (const std::string& table :
         rows("SELECT format('%I.%I', schema_name, table_name || '__') FROM metadb.base_table "
              "ORDER BY 1")) {
      for (const std::string& row :
           rows("SELECT (to_jsonb(t) - '__id')::text FROM " + table + " t ORDER BY 1"))
        out.push_back(table + " " + row);
    }
    return out;
  }

  [[nodiscard]] ingest::SourceStatus status() const { return worker_->status(); }

  TestDatabase database_;
  catalog::Catalog catalog_{{database_.conninfo(), database_.conninfo()}};
  catalog::Connection watcher_ = database_.connect();
  catalog::DataSource source_;
  std::unique_ptr<ingest::Worker> worker_;
  int lives_ = 0;
  int lives_that_committed_ = 0;
  std::minstd_rand moment_{7};
};

}  // namespace metadb::tests
