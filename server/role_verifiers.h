// The SCRAM verifiers that PostgreSQL keeps, for logins that metadb proves itself.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "catalog/postgres.h"
#include "server/scram.h"

namespace metadb::server {

// Reads pg_authid with the superuser's connection, which is kept open. Thread-safe; calls wait for
// PostgreSQL, up to `patience`, and for each other.
class RoleVerifiers {
 public:
  // `mock_secret` is known to nobody who has not logged in, and the same after a restart: a salt
  // that changed then would give a mock away.
  RoleVerifiers(std::string superuser_conninfo, std::string mock_secret,
                std::chrono::milliseconds patience = std::chrono::seconds(10));

  // A mock for a role that does not exist, has no such verifier, or whose password has expired: as
  // in PostgreSQL, nobody learns which. Throws catalog::Error: 42501 if pg_authid may not be read
  // (managed services), others if PostgreSQL does not answer.
  ScramVerifier find(const std::string& user);

 private:
  catalog::Result look_up(const std::string& user);

  const std::string conninfo_;
  const std::string mock_secret_;
  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::unique_ptr<catalog::Connection> connection_;  // guarded by mutex_
};

}  // namespace metadb::server
