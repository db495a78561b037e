// The backing database, private or given: how to reach it, and whether it will do.
#pragma once

#include <string>
#include <vector>

#include "server/config.h"

namespace metadb::server {

// How to reach the backing database, with passwords: never log a conninfo.
struct DatabaseAccess {
  std::string system_conninfo;     // the role that owns the catalog and the tables
  std::string superuser_conninfo;  // the role that manages roles
};

// The two connections that a database section with a conninfo means: its user serves as both unless
// they are named apart.
DatabaseAccess given_database(const DatabaseConfig& config);

struct DatabaseReport {
  std::string version;  // "15.4"
  std::string name;
  std::string system_user;
  std::vector<std::string> warnings;  // what will not work, one sentence each
};

// Throws 0A000 if PostgreSQL is older than 13. `number` as libpq tells it: 130004 is 13.4.
void check_version(int number, const DatabaseReport& report);

// Connects as both roles and asks for their rights. Throws catalog::Error if that fails or
// PostgreSQL is older than 13.
DatabaseReport check_database(const DatabaseAccess& access);

inline constexpr const char* kAsksNothing =
    "PostgreSQL asks metadb's connections for no password (trust, peer, ident or cert in "
    "pg_hba.conf): clients will be refused unless auth.accept_backend_trust is set and they are "
    "local";

// Whether PostgreSQL lets the system user in without asking for anything.
bool asks_nothing(const DatabaseAccess& access);

}  // namespace metadb::server
