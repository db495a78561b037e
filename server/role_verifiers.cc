#include "server/role_verifiers.h"

namespace metadb::server {

// The secret of the mock is what only this server and its administrator know, the same after a
// restart: a salt that changed then would give a mock away.
RoleVerifiers::RoleVerifiers(std::string superuser_conninfo)
    : conninfo_(std::move(superuser_conninfo)), mock_secret_("mock of " + conninfo_) {}

ScramVerifier RoleVerifiers::find(const std::string& user) {
  const std::lock_guard lock(mutex_);
  const catalog::Result found = look_up(user);
  if (found.rows() == 1 && !found.is_null(0, 0)) {
    if (auto verifier = read_verifier(found.text(0, 0))) return *std::move(verifier);
  }
  return mock_verifier(user, mock_secret_);
}

// A connection that broke since the last login is made anew, once.
catalog::Result RoleVerifiers::look_up(const std::string& user) {
  const std::string sql =
      "SELECT rolpassword FROM pg_catalog.pg_authid WHERE rolname = $1 AND "
      "(rolvaliduntil IS NULL OR rolvaliduntil > pg_catalog.now())";
  if (connection_) {
    try {
      return connection_->exec(sql, {user});
    } catch (const catalog::Error&) {
      if (connection_->is_ok()) throw;
    }
  }
  connection_.reset();
  connection_ = std::make_unique<catalog::Connection>(conninfo_);
  return connection_->exec(sql, {user});
}

}  // namespace metadb::server
