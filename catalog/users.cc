#include "catalog/users.h"

#include <fmt/format.h>

namespace metadb::catalog {

Users load_users(Connection& connection) {
  const Result rows = connection.exec("SELECT username FROM metadb.auth");
  Users users;
  for (int row = 0; row < rows.rows(); ++row) users.emplace(rows.text(row, 0));
  return users;
}

bool is_registered(Connection& connection, const std::string& user) {
  return connection.exec("SELECT FROM metadb.auth WHERE username = $1", {user}).rows() > 0;
}

void register_user(Connection& connection, const Registration& registration) {
  const Result inserted = connection.exec(
      "INSERT INTO metadb.auth (username, comment) VALUES ($1, $2) ON CONFLICT DO NOTHING",
      {registration.user, registration.comment});
  if (inserted.affected() == 0) {
    throw Error("42710", fmt::format("user \"{}\" is already registered", registration.user));
  }
  connection.exec("DELETE FROM metadb.acl WHERE user_name = $1", {registration.user});
  connection.exec("DELETE FROM metadb.acl_all WHERE user_name = $1", {registration.user});
}

void deregister_user(Connection& connection, const std::string& user) {
  if (connection.exec("DELETE FROM metadb.auth WHERE username = $1", {user}).affected() == 0) {
    throw Error("42704", fmt::format("user \"{}\" is not registered", user));
  }
}

}  // namespace metadb::catalog
