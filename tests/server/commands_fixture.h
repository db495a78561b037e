// Commands on a real catalog, with workers that replay nothing and brokers that are imagined.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "grammar/parse.h"
#include "ingest/replay_source.h"
#include "server/commands/commands.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {

// The system user owns the database and is no superuser. Roles belong to the whole server, so
// their names begin with the database's.
class CommandsTest : public testing::Test {
 protected:
  CommandsTest() {
    create_role("system", "LOGIN CREATEROLE");
    superuser_.exec("ALTER DATABASE " + database_.name() + " OWNER TO " + role("system"));
    catalog_ = std::make_unique<catalog::Catalog>(
        catalog::CatalogOptions{system_conninfo(), database_.conninfo()});
    catalog_->open("metadb 0");
    workers_ = std::make_unique<ingest::Workers>(*catalog_, factory());
    commands_ = std::make_unique<server::Commands>(
        server::CommandParts{*catalog_, *workers_,
                             [this](const catalog::DataSource&, const catalog::Snapshot&,
                                    const std::stop_token& stop) { return probe_(stop); }});
  }
  ~CommandsTest() override {
    workers_->stop_all();
    superuser_.exec("ALTER DATABASE " + database_.name() + " OWNER TO postgres");
    superuser_.exec("DROP OWNED BY " + role("system") + " CASCADE");
    for (const std::string& name : roles_) superuser_.exec("DROP ROLE " + name);
  }

  ingest::SourceFactory factory() {
    return [this](const catalog::DataSource& source, const catalog::Snapshot& snapshot) {
      const std::scoped_lock lock(mutex_);
      poll_intervals_.push_back(snapshot.settings.at("max_poll_interval"));
      return make_source_(source, snapshot);
    };
  }
  [[nodiscard]] std::string role(const std::string& name) const {
    return database_.name() + "_" + name;
  }
  void create_role(const std::string& name, const std::string& attributes = "LOGIN") {
    superuser_.exec("CREATE ROLE " + role(name) + " " + attributes);
    roles_.push_back(role(name));
  }
  [[nodiscard]] std::string system_conninfo() const {
    return catalog::conninfo_with(database_.conninfo(), {{"user", role("system")}});
  }

  static grammar::ast::Command command(const std::string& sql) {
    grammar::Statement statement = grammar::parse(sql);
    return std::get<grammar::Parsed>(statement).command;
  }
  server::Reply run_as(const std::string& user, const std::string& sql) {
    server::Context context({.user = user, .database = database_.name()}, stop_.get_token(),
                            [this](const server::Notice& notice) { notices_.push_back(notice); });
    notices_.clear();
    return commands_->run(command(sql), context);
  }
  server::Reply run(const std::string& sql) { return run_as("postgres", sql); }
  // The error of a command that must fail.
  catalog::Error failure_as(const std::string& user, const std::string& sql) {
    try {
      run_as(user, sql);
    } catch (const catalog::Error& error) {
      return error;
    }
    ADD_FAILURE() << "succeeded: " << sql;
    return {"00000", ""};
  }
  catalog::Error failure(const std::string& sql) { return failure_as("postgres", sql); }
  bool takes(const std::string& sql) {
    return commands_->takes(command(sql), {.user = "postgres", .database = database_.name()});
  }
  // The value of the one row that `list` shows.
  std::optional<std::string> listed(const std::string& list, const std::string& column) {
    const server::Reply reply = run("list " + list);
    EXPECT_EQ(reply.rows.size(), 1U);
    if (reply.rows.empty()) return std::nullopt;
    for (size_t i = 0; i < reply.columns.size(); ++i) {
      if (reply.columns[i].name == column) return reply.rows[0][i];
    }
    ADD_FAILURE() << "no column " << column;
    return std::nullopt;
  }
  std::string only(const std::string& sql) {
    const catalog::Result result = superuser_.exec(sql);
    return std::string(result.text(0, 0));
  }
  // The setting max_poll_interval, each time that a consumer was made.
  std::vector<std::string> poll_intervals() {
    const std::scoped_lock lock(mutex_);
    return poll_intervals_;
  }

  TestDatabase database_;
  catalog::Connection superuser_ = database_.connect();
  std::vector<std::string> roles_;
  std::mutex mutex_;
  std::vector<std::string> poll_intervals_;
  std::vector<ingest::RecordedMessage> recording_;
  // What workers read.
  ingest::SourceFactory make_source_ =
      [this](const catalog::DataSource&,
             const catalog::Snapshot&) -> std::unique_ptr<ingest::Source> {
    return std::make_unique<ingest::ReplaySource>(recording_);
  };
  // What the probe finds.
  std::function<std::optional<std::string>(const std::stop_token&)> probe_ =
      [](const std::stop_token&) { return std::nullopt; };
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<ingest::Workers> workers_;
  std::unique_ptr<server::Commands> commands_;
  std::stop_source stop_;
  std::vector<server::Notice> notices_;
};

inline constexpr const char* kCreate =
    "create data source s type kafka options (brokers 'b:9092', topics '^t\\.', consumer_group "
    "'g')";

}  // namespace metadb::tests
