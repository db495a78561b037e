// Registered users: roles of PostgreSQL that metadb knows and grants access to (metadb.auth).
#pragma once

#include <set>
#include <string>

#include "catalog/postgres.h"

namespace metadb::catalog {

using Users = std::set<std::string, std::less<>>;

Users load_users(Connection& connection);
bool is_registered(Connection& connection, const std::string& user);

struct Registration {
  std::string user;
  std::string comment;
};

// REQUIRES: a transaction for each of these.
// Access that is recorded for a role of this name which is gone is not the new one's.
// Throws Error 42710 if the name is registered.
void register_user(Connection& connection, const Registration& registration);
// Throws Error 42704 if it is not.
void deregister_user(Connection& connection, const std::string& user);

}  // namespace metadb::catalog
