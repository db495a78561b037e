// Commands of external SQL, with a repository of the test's own.
#pragma once

#include "tests/server/commands_fixture.h"
#include "tests/server/git_folder.h"
#include "tests/server/program.h"

namespace metadb::tests {

class ExternalSqlTest : public CommandsTest {
 protected:
  ExternalSqlTest() {
    std::string name = "/tmp/metadb-external-XXXXXX";
    fetch_.directory = mkdtemp(name.data());
    fetch_.program = program();
    server::CommandParts parts{*catalog_, *workers_,
                               [](const catalog::DataSource&, const catalog::Snapshot&,
                                  const std::stop_token&) { return std::nullopt; }};
    parts.wake_maintenance = [this] { ++wakes_; };
    parts.fetch = fetch_;
    commands_ = std::make_unique<server::Commands>(std::move(parts));
  }
  ~ExternalSqlTest() override { fs::remove_all(fetch_.directory); }

  // Files of the folder `sql`, in this order, committed.
  void publish(const std::vector<std::pair<std::string, std::string>>& files) {
    std::string runlist;
    for (const auto& [name, text] : files) {
      git_.write("sql/" + name, text);
      runlist += name + "\n";
    }
    git_.write("sql/runlist.txt", runlist);
    git_.commit();
  }
  void create(const std::string& name, const std::string& more = "") {
    run("create external sql " + name + " from '" + git_.url() +
        "' ref 'main' path 'sql' schema 'reports'" + more);
  }
  // Severity and message of each notice.
  std::vector<std::string> told() const {
    std::vector<std::string> out;
    for (const server::Notice& notice : notices_) {
      out.push_back(notice.severity + " " + notice.message);
    }
    return out;
  }
  // The value that `list external_sql` shows of one.
  std::optional<std::string> shown(const std::string& name, const std::string& column) {
    const server::Reply reply = run("list external_sql");
    for (const auto& row : reply.rows) {
      for (size_t i = 0; i < reply.columns.size(); ++i) {
        if (row[0] == name && reply.columns[i].name == column) return row[i];
      }
    }
    ADD_FAILURE() << "no column " << column << " of " << name;
    return std::nullopt;
  }
  // A source whose synchronization has ended.
  void add_source() {
    run(kCreate);
    superuser_.exec("UPDATE metadb.source SET sync = 0");
    catalog::Connection connection = catalog_->connect();
    catalog_->reload(connection);
  }

  GitFolder git_;
  server::FetchOptions fetch_;
  int wakes_ = 0;
};

}  // namespace metadb::tests
