// Commands on tables that a running data source feeds.
#pragma once

#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/eventually.h"
#include "tests/ingest/recorded_topics.h"
#include "tests/server/commands_fixture.h"

namespace metadb::tests {

inline const std::string kMain = "public.t__";

class TablesTest : public CommandsTest {
 protected:
  TablesTest() {
    workers_->stop_all();
    workers_ = std::make_unique<ingest::Workers>(*catalog_, topics_.factory());
    commands_ = std::make_unique<server::Commands>(server::CommandParts{
        *catalog_, *workers_,
        [](const catalog::DataSource&, const catalog::Snapshot&,
           const std::stop_token&) -> std::optional<std::string> { return std::nullopt; }});
    run(kCreate);
    // The system user makes tables there.
    superuser_.exec("GRANT CREATE ON SCHEMA public TO " + role("system"));
  }
  ~TablesTest() override { workers_->stop_all(); }

  // An event of public.t (id integer, v text) or of another table, which is read at once.
  void add(int id, const std::optional<std::string>& value, char op = 'u',
           const std::string& table = "t") {
    topics_.add(RowEvent{.table = table,
                         .op = op,
                         .id = id,
                         .value = value,
                         .ts_us = 1'700'000'000'000'000 + ++clock_ * 1'000'000});
  }
  // All that was added is committed, but for the topics of `but_for`.
  bool catches_up(const std::set<std::string>& but_for = {}) {
    const bool is_done = eventually([&] {
      for (const auto& [at, end] : topics_.ends()) {
        if (but_for.contains(at.topic)) continue;
        const catalog::Result row = superuser_.exec(
            "SELECT next_offset FROM metadb.ingest_position WHERE topic = $1", {at.topic});
        if (row.rows() == 0 || row.int64(0, 0) != end) return false;
      }
      return true;
    });
    const auto status = workers_->status("s");
    if (!is_done) ADD_FAILURE() << (status ? status->last_error : "the source does not run");
    return is_done;
  }
  // One row a line, its columns joined by bars.
  std::vector<std::string> rows(const std::string& sql) {
    catalog::Connection connection = database_.connect();
    const catalog::Result result = connection.exec(sql);
    std::vector<std::string> out;
    for (int row = 0; row < result.rows(); ++row) {
      std::string line;
      for (int column = 0; column < result.columns(); ++column)
        line += (column > 0 ? "|" : "") + result.optional_text(row, column).value_or("NULL");
      out.push_back(line);
    }
    return out;
  }
  std::vector<std::string> current() { return rows("SELECT id, v FROM public.t ORDER BY id"); }
  std::vector<std::string> versions() {
    return rows("SELECT id, v, __current FROM public.t__ ORDER BY __id");
  }
  std::string type_of(const std::string& column, const std::string& table = kMain) {
    return only("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '" +
                table + "'::regclass AND attname = '" + column + "' AND NOT attisdropped");
  }
  std::vector<std::string> indexes_of(const std::string& column) {
    return rows(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = "
        "'t__' AND indexdef LIKE '%(" +
        column + ")%'");
  }
  // Everything that a command which fails must leave as it was.
  std::vector<std::string> everything() {
    std::vector<std::string> out;
    for (const char* sql :
         {"SELECT * FROM metadb.base_table ORDER BY 1, 2", "SELECT * FROM metadb.managed_table",
          "SELECT * FROM metadb.source_table", "SELECT * FROM metadb.chosen_type ORDER BY 1, 2, 3",
          "SELECT source_name, topic, part, next_offset FROM metadb.ingest_position ORDER BY 1, 2",
          "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c JOIN "
          "pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace AND "
          "a.attnum > 0 ORDER BY 1, 2"}) {
      for (std::string& row : rows(sql)) out.push_back(std::move(row));
    }
    return out;
  }
  // The command, in a thread of its own; `meanwhile` runs once it waits for a lock.
  template <class Meanwhile>
  void run_waiting(const std::string& sql, const Meanwhile& meanwhile) {
    std::optional<catalog::Error> error;
    std::jthread command([&] {
      try {
        run(sql);
      } catch (const catalog::Error& failed) {
        error = failed;
      }
    });
    catalog::Connection watcher = database_.connect();
    EXPECT_TRUE(eventually([&] { return somebody_waits_for_a_lock(watcher); }));
    meanwhile();
    command.join();
    error_ = error ? error->sqlstate : "";
  }

  RecordedTopics topics_;
  int64_t clock_ = 0;
  std::string error_;  // SQLSTATE of run_waiting()
};

}  // namespace metadb::tests
