// What a running command works with.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>

#include "catalog/catalog.h"
#include "ingest/workers.h"
#include "server/commands/command.h"
#include "server/commands/turns.h"
#include "server/external_sql.h"
#include "server/kafka_factory.h"

namespace metadb::server {

// What all commands share. The references outlive every command.
struct CommandParts {
  catalog::Catalog& catalog;
  ingest::Workers& workers;
  SourceProbe probe;  // connects to a new source before `create data source` answers
  // What maintenance goes by has changed.
  std::function<void()> wake_maintenance = [] {};
  FetchOptions fetch = {};  // of external SQL
};

// One run of one command, on one thread of the command pool.
class CommandContext {
 public:
  CommandContext(CommandParts& parts, CommandTurns& turns, Context& session)
      : parts_(parts), turns_(turns), session_(session) {}

  [[nodiscard]] catalog::Catalog& catalog() const { return parts_.catalog; }
  [[nodiscard]] ingest::Workers& workers() const { return parts_.workers; }
  [[nodiscard]] const SourceProbe& probe() const { return parts_.probe; }
  [[nodiscard]] ExternalSqlRunner external_sql() const { return {parts_.catalog, parts_.fetch}; }
  void wake_maintenance() const { parts_.wake_maintenance(); }
  [[nodiscard]] Turns& turns() const { return turns_.workers; }
  [[nodiscard]] Turns& user_turns() const { return turns_.users; }
  [[nodiscard]] Context& session() const { return session_; }

  // As the system user, opened at the first call: short lock waits, times in UTC, and what it runs
  // ends with 57014 when the session asks the command to stop.
  catalog::Connection& connection();
  // The same as the superuser, or whoever manages roles: for changes of roles and of access.
  catalog::Connection& role_connection();

 private:
  // A connection and what cancels it; both stay where they are.
  struct Opened {
    Opened(const std::string& conninfo, const Context& session);
    catalog::Connection connection;
    std::stop_callback<std::function<void()>> cancel;
  };
  catalog::Connection& open(std::optional<Opened>& opened, const std::string& conninfo);

  CommandParts& parts_;
  CommandTurns& turns_;
  Context& session_;
  std::optional<Opened> system_;
  std::optional<Opened> roles_;
};

}  // namespace metadb::server
