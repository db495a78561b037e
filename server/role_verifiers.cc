#include "server/role_verifiers.h"

#include <fmt/format.h>

namespace metadb::server {

RoleVerifiers::RoleVerifiers(std::string superuser_conninfo, std::string mock_secret,
                             std::chrono::milliseconds patience)
    : conninfo_(std::move(superuser_conninfo)),
      mock_secret_(std::move(mock_secret)),
      patience_(patience) {}

ScramVerifier RoleVerifiers::find(const std::string& user) {
  const std::lock_guard lock(mutex_);
  const catalog::Result found = look_up(user);
  if (!found.is_null(0, 0)) {
    if (auto verifier = read_verifier(found.text(0, 0))) return *std::move(verifier);
  }
  const int iterations =
      found.is_null(0, 1) ? kScramIterations : static_cast<int>(found.int64(0, 1));
  return mock_verifier(user, mock_secret_, iterations);
}

// The verifier, or NULL, and how many iterations PostgreSQL's own mocks have (16 and newer). A
// connection that broke since the last login is made anew, once.
catalog::Result RoleVerifiers::look_up(const std::string& user) {
  const std::string sql =
      "SELECT (SELECT rolpassword FROM pg_catalog.pg_authid WHERE rolname = $1 AND "
      "(rolvaliduntil IS NULL OR rolvaliduntil > pg_catalog.now())), "
      "pg_catalog.current_setting('scram_iterations', true)";
  if (connection_) {
    try {
      return connection_->exec(sql, {user});
    } catch (const catalog::Error&) {
      if (connection_->is_ok()) throw;
    }
  }
  connection_.reset();
  connection_ = std::make_unique<catalog::Connection>(conninfo_);
  // Behind somebody's lock all other logins would wait, and a stop for them.
  connection_->exec(
      fmt::format("SET statement_timeout = {}; SET search_path = pg_catalog", patience_.count()));
  return connection_->exec(sql, {user});
}

}  // namespace metadb::server
