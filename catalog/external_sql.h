// External SQL: repositories whose files are run in time, as the catalog has them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/postgres.h"
#include "catalog/settings.h"

namespace metadb::catalog {

struct ExternalSql {
  std::string name;
  std::string url;
  std::string ref;     // tag, branch, full reference or commit
  std::string path;    // of the folder with runlist.txt; empty: the repository itself
  std::string schema;  // unqualified names in the files are of this one
  std::optional<std::string> schedule = {};  // 'HH:MM' UTC; nullopt: the maintenance time
};

// How the last run ended.
struct ExternalSqlRun {
  std::string name;
  std::string result;  // 'ok', or what went wrong
  std::string commit;  // empty: nothing was fetched
  int files_run = 0;
  int files_failed = 0;
};

// The URL with all that stands before its host hidden: of Git, a user may be a token. Any other
// text comes back as it is.
std::string without_credentials(std::string_view url);
// Says what is wrong with a URL, a reference, a path, a schedule, or the value of
// external_sql_folio and _reshare; nullopt if nothing is.
std::optional<std::string> url_problem(std::string_view url);
std::optional<std::string> ref_problem(std::string_view ref);
std::optional<std::string> path_problem(std::string_view path);
std::optional<std::string> time_of_day_problem(std::string_view time);
std::optional<std::string> reference_problem(std::string_view value);

// Names that create_external_sql() refuses, since parameters define them.
bool is_fixed_external_sql(std::string_view name);
// The two that parameters define; one whose parameter is empty is not there.
std::vector<ExternalSql> fixed_external_sql(const Settings& settings);

// Every one: the fixed ones, then those of metadb.external_sql, by name.
std::vector<ExternalSql> load_external_sql(Connection& connection, const Settings& settings);
// Throws Error 42710 if the name is taken.
void insert_external_sql(Connection& connection, const ExternalSql& created);
// With how it ran; returns its schema. Throws Error 42704 if there is none.
std::string delete_external_sql(Connection& connection, const std::string& name);
void record_external_sql_run(Connection& connection, const ExternalSqlRun& run);

}  // namespace metadb::catalog
