#include "server/database.h"

#include <fmt/format.h>

#include "catalog/postgres.h"

namespace metadb::server {
namespace {

constexpr int kOldestVersion = 130000;

std::string with_role(const std::string& conninfo, const std::string& user,
                      const std::string& password) {
  std::vector<std::pair<std::string, std::string>> settings;
  if (!user.empty()) settings.emplace_back("user", user);
  if (!password.empty()) {
    settings.emplace_back("password", password);
  } else if (!user.empty() && user != catalog::conninfo_value(conninfo, "user")) {
    settings.emplace_back("password", "");  // the one in conninfo is another role's
  }
  return catalog::conninfo_with(conninfo, settings);
}

void check_rights(catalog::Connection& superuser, catalog::Connection& system,
                  DatabaseReport& report) {
  const auto roles = superuser.exec(
      "SELECT current_user, rolsuper, rolsuper OR rolcreaterole FROM pg_catalog.pg_roles "
      "WHERE rolname = current_user");
  const std::string manager(roles.text(0, 0));
  if (!roles.boolean(0, 1)) {
    report.warnings.push_back(
        fmt::format("role \"{}\" is no superuser: changes that others make to metadb's tables are "
                    "not noticed at once, and passwords cannot be checked by metadb itself",
                    manager));
  }
  if (!roles.boolean(0, 2)) {
    report.warnings.push_back(
        fmt::format("role \"{}\" has no CREATEROLE: create user, alter user and drop user will not "
                    "work",
                    manager));
  }
  const auto rights = system.exec(
      "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')");
  if (!rights.boolean(0, 0)) {
    report.warnings.push_back(
        fmt::format("role \"{}\" has no CREATE on database \"{}\": the catalog and the schemas of "
                    "data sources cannot be made",
                    report.system_user, report.name));
  }
}

}  // namespace

DatabaseAccess given_database(const DatabaseConfig& config) {
  return {with_role(config.conninfo, config.system_user, config.system_password),
          with_role(config.conninfo, config.superuser, config.superuser_password)};
}

void check_version(int number, const DatabaseReport& report) {
  if (number >= kOldestVersion) return;
  throw catalog::Error("0A000", fmt::format("database \"{}\" is PostgreSQL {}; metadb needs 13 or "
                                            "newer",
                                            report.name, report.version));
}

DatabaseReport check_database(const DatabaseAccess& access) {
  catalog::Connection system(access.system_conninfo);
  const auto row = system.exec(
      "SELECT pg_catalog.current_setting('server_version'), pg_catalog.current_database(), "
      "session_user, pg_catalog.current_setting('max_locks_per_transaction')");
  DatabaseReport report{.version = std::string(row.text(0, 0)),
                        .name = std::string(row.text(0, 1)),
                        .system_user = std::string(row.text(0, 2)),
                        .warnings = {}};
  check_version(system.server_version(), report);
  catalog::Connection superuser(access.superuser_conninfo);
  check_rights(superuser, system, report);
  if (row.int64(0, 3) < 256) {
    report.warnings.push_back(
        fmt::format("max_locks_per_transaction of PostgreSQL is {}: with many tables a transaction "
                    "may run out of locks; 1024 is enough",
                    row.int64(0, 3)));
  }
  return report;
}

bool asks_nothing(const DatabaseAccess& access) {
  try {
    const catalog::Connection connection(catalog::conninfo_with(
        access.system_conninfo, {{"password", ""}, {"passfile", "/dev/null/none"}}));
    return true;
  } catch (const catalog::Error&) {
    return false;  // it asked for a password that was not given
  }
}

}  // namespace metadb::server
