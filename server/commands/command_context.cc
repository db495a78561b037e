#include "server/commands/command_context.h"

namespace metadb::server {

CommandContext::Opened::Opened(const std::string& conninfo, const Context& session)
    : connection(conninfo), cancel(session.stop(), [this] { connection.cancel(); }) {
  connection.exec(
      "SET lock_timeout = '2s'; SET timezone = 'UTC'; SET datestyle = 'ISO'; "
      "SET intervalstyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 1; "
      "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
      "SET search_path = pg_catalog; SET client_min_messages = warning");
}

catalog::Connection& CommandContext::open(std::optional<Opened>& opened,
                                          const std::string& conninfo) {
  // A cancel request that finds PostgreSQL idle is forgotten there.
  session_.check_stop();
  if (!opened) {
    opened.emplace(conninfo, session_);
    session_.check_stop();
  }
  return opened->connection;
}

catalog::Connection& CommandContext::connection() {
  return open(system_, catalog().options().conninfo);
}

catalog::Connection& CommandContext::role_connection() {
  return open(roles_, catalog().options().superuser_conninfo);
}

}  // namespace metadb::server
