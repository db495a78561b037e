#include "server/commands/command_context.h"

namespace metadb::server {

catalog::Connection& CommandContext::connection() {
  // A cancel request that finds PostgreSQL idle is forgotten there.
  session_.check_stop();
  if (connection_) return *connection_;
  connection_.emplace(catalog().connect());
  connection_->exec(
      "SET lock_timeout = '2s'; SET timezone = 'UTC'; SET datestyle = 'ISO'; "
      "SET extra_float_digits = 1; SET search_path = pg_catalog; "
      "SET client_min_messages = warning");
  cancel_.emplace(session_.stop(), [this] { connection_->cancel(); });
  session_.check_stop();
  return *connection_;
}

}  // namespace metadb::server
